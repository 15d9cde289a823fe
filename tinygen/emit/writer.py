# SPDX-License-Identifier: Apache-2.0
"""Generated files onto the disk: all of them, or nothing; several models may share a directory.

The files are written to a temporary directory beside the target, which then takes the target's
place by renaming. A manifest in the directory lists what tinygen wrote, so that a later run can
tell its own files from somebody else's.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tinygen.emit.render import GeneratedFiles
from tinygen.errors import InputError, MachineError

MANIFEST = "tinygen-manifest.txt"
"""``sha256  path  model`` lines of the files that tinygen wrote, one for each model that needs it."""

_Owners = Mapping[str, Mapping[str, str]]
"""Digests of the generated files by path, by the name of the model."""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _manifest(owners: _Owners) -> bytes:
    lines = [
        "  ".join((digest, path, model)).rstrip() + "\n"
        for model, files in owners.items()
        for path, digest in files.items()
    ]
    return "".join(lines).encode()


def _owners(directory: Path) -> dict[str, dict[str, str]]:
    """What the manifest of a directory says, of files that are there."""
    manifest = directory / MANIFEST
    owners: dict[str, dict[str, str]] = {}
    for line in manifest.read_text().splitlines() if manifest.is_file() else ():
        digest, path, model = [*line.split("  "), ""][:3]
        if (directory / path).is_file():
            owners.setdefault(model, {})[path] = digest
    return owners


def _foreign_files(directory: Path, owners: _Owners) -> list[Path]:
    """Files in the directory that tinygen did not write."""
    known = {MANIFEST, *(path for files in owners.values() for path in files)}
    return [
        path
        for path in sorted(directory.rglob("*"))
        if not path.is_dir() and path.relative_to(directory).as_posix() not in known
    ]


def _check_shared(directory: Path, files: Mapping[str, str], others: _Owners) -> None:
    """InputError where a file of another model would be replaced by one that is not the same."""
    for model, theirs in others.items():
        for path in files.keys() & theirs.keys():
            if files[path] != theirs[path]:
                raise InputError(
                    f"{directory} holds the model {model!r}, whose {path} is another file than this "
                    "model's.",
                    "Give each model a directory of its own, or pass --force to replace the file.",
                )


def write_files(
    files: GeneratedFiles, directory: Path, *, model: str = "", force: bool = False
) -> None:
    """Make ``directory`` hold ``files`` of a model, those of other models, and a manifest.

    What an earlier run wrote for the same model goes.

    Raises InputError if the directory holds files of somebody else, or other files of the same names
    for another model, and ``force`` is not set; with ``force`` somebody else's files stay. MachineError
    if the disk refuses.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file, not a directory.", "Choose another -o DIR.")
    others = {
        name: theirs for name, theirs in _owners(directory).items() if name not in ("", model)
    }
    foreign = _foreign_files(directory, _owners(directory)) if directory.exists() else []
    if foreign and not force:
        raise InputError(
            f"{directory} holds files that tinygen did not generate (such as "
            f"{foreign[0].relative_to(directory)}).",
            "Choose an empty directory, or pass --force to write beside them.",
        )
    digests = {path: _digest(data) for path, data in files.items()}
    if not force:
        _check_shared(directory, digests, others)
    kept = [*foreign, *(directory / path for theirs in others.values() for path in theirs)]
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".tinygen-") as temporary:
            fresh = Path(temporary) / "new"
            for name, data in {**files, MANIFEST: _manifest({**others, model: digests})}.items():
                target = fresh / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            for path in kept:
                target = fresh / path.relative_to(directory)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, target)
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
