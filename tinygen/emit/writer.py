# SPDX-License-Identifier: Apache-2.0
"""Generated files onto the disk: all of them, or nothing.

The files are written to a temporary directory beside the target, which then takes the target's
place by renaming. A manifest in the directory lists what tinygen wrote, so that a later run can
tell its own files from somebody else's.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from tinygen.emit.render import GeneratedFiles
from tinygen.errors import InputError, MachineError

MANIFEST = "tinygen-manifest.txt"
"""``sha256  path`` lines of the files that tinygen wrote."""


def _manifest(files: GeneratedFiles) -> bytes:
    lines = [f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files.items()]
    return "".join(lines).encode()


def _foreign_files(directory: Path) -> list[Path]:
    """Files in the directory that tinygen did not write."""
    manifest = directory / MANIFEST
    known = {MANIFEST}
    if manifest.is_file():
        known.update(
            line.split("  ", 1)[1] for line in manifest.read_text().splitlines() if "  " in line
        )
    return [
        path
        for path in sorted(directory.rglob("*"))
        if not path.is_dir() and path.relative_to(directory).as_posix() not in known
    ]


def write_files(files: GeneratedFiles, directory: Path, *, force: bool = False) -> None:
    """Make ``directory`` hold exactly ``files`` (and a manifest).

    Raises InputError if the directory holds files of somebody else and ``force`` is not set; with
    ``force`` those files stay. MachineError if the disk refuses.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file, not a directory.", "Choose another -o DIR.")
    foreign = _foreign_files(directory) if directory.exists() else []
    if foreign and not force:
        raise InputError(
            f"{directory} holds files that tinygen did not generate (such as "
            f"{foreign[0].relative_to(directory)}).",
            "Choose an empty directory, or pass --force to write beside them.",
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".tinygen-") as temporary:
            fresh = Path(temporary) / "new"
            for path, data in {**files, MANIFEST: _manifest(files)}.items():
                target = fresh / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            for theirs in foreign:
                target = fresh / theirs.relative_to(directory)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(theirs, target)
            if directory.exists():
                directory.rename(Path(temporary) / "old")
            fresh.rename(directory)
    except OSError as error:
        raise MachineError(
            f"cannot write {directory}: {error.strerror or error}.", "Choose another -o DIR."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a file, making its directory; MachineError where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror or error}.") from error
