# SPDX-License-Identifier: Apache-2.0
"""Starting a board file from that of the most similar board."""

from __future__ import annotations

import difflib
from pathlib import Path

from tinygen.errors import InputError
from tinygen.resources import resource_root


def nearest_board(name: str) -> str:
    """The real board whose name is most like ``name``, e.g. nucleo-f446re for nucleo-f401re.

    Raises:
        InputError: none is like it.
    """
    names = sorted(path.stem for path in _folder().glob("*.toml"))
    real = [entry for entry in names if not entry.startswith(("qemu-", "renode-", "host"))]
    found = difflib.get_close_matches(name.lower(), real, n=1, cutoff=0.5)
    if not found:
        raise InputError(
            f"no board has a name like {name!r}", f"choose one with --like: {', '.join(names)}"
        )
    return found[0]


def start_board_file(path: Path, like: str = "") -> str:
    """Copies the nearest board's file, or that of ``like``, to ``path``; returns its name.

    Raises:
        InputError: no such board, the file exists, or it cannot be written.
    """
    if path.suffix != ".toml":
        raise InputError(f"{path} is no board file", "its name must end in .toml")
    source = like or nearest_board(path.stem)
    original = _folder() / f"{source}.toml"
    if not original.is_file():
        raise InputError(f"unknown board {source!r}", "`tinygen boards` lists them")
    license_line, _, rest = original.read_text(encoding="utf-8").partition("\n")
    note = f"# Started from {source}: check every line against the manuals of your board."
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"{license_line}\n{note}\n{rest}")
    except FileExistsError as error:
        raise InputError(f"{path} exists already", "choose another name") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    return source


def _folder() -> Path:
    return resource_root() / "boards"
