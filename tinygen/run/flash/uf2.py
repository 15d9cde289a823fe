# SPDX-License-Identifier: Apache-2.0
"""Flashing a board that is a USB drive in its boot loader: copying a UF2 file onto it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tinygen.errors import InputError, MachineError
from tinygen.hardware.boards import Board
from tinygen.run.flash.backends import Job
from tinygen.run.flash.images import UF2_FAMILIES, to_uf2

_ABOUT = "INFO_UF2.TXT"


def uf2_drives(board: Board) -> list[Path]:
    """Mounted drives of boot loaders whose description names the board's label."""
    found = []
    for drive in _mounted():
        with suppress(OSError):
            if _label(board) in (drive / _ABOUT).read_text(encoding="utf-8", errors="replace"):
                found.append(drive)
    return found


def _label(board: Board) -> str:
    chips = board.flashing.chips if board.flashing else {}
    return chips.get("uf2", board.boot.upper())


def _mounted() -> Iterator[Path]:
    """Where removable drives are mounted; $TINYGEN_DRIVES is searched first."""
    places = [Path(os.environ["TINYGEN_DRIVES"])] if "TINYGEN_DRIVES" in os.environ else []
    user = os.environ.get("USER", "root")
    if sys.platform == "darwin":
        places.append(Path("/Volumes"))
    else:
        places += [Path("/media") / user, Path("/run/media") / user, Path("/media")]
    for place in places:
        if place.is_dir():
            yield from sorted(path for path in place.iterdir() if path.is_dir())


def flash_uf2(job: Job) -> str:
    """Copies the program onto the board's drive; returns what was done.

    Raises:
        MachineError: no drive of such a board is mounted, or it cannot be written.
        InputError: several are, or the board has no boot loader of this kind.
    """
    family = UF2_FAMILIES.get(job.board.boot)
    if family is None:
        raise InputError(f"board {job.board.name} has no UF2 boot loader")
    drives = uf2_drives(job.board)
    if not drives:
        raise MachineError(
            f"cannot flash {job.board.name}: no drive of its boot loader ({_label(job.board)}) is "
            "mounted",
            "hold BOOTSEL while you plug the board in, and mount the drive that appears",
        )
    if len(drives) > 1:
        raise InputError(
            f"several boards are waiting for a program: {', '.join(map(str, drives))}",
            "unplug all but one",
        )
    path = job.elf.with_suffix(".uf2")
    path.write_bytes(to_uf2(job.elf, family))
    try:
        shutil.copy(path, drives[0])
    except OSError as error:
        raise MachineError(
            f"cannot flash {job.board.name}: {drives[0]} cannot be written: {error.strerror}",
            "is the drive mounted by this user?",
        ) from error
    return f"copied {path.name} to {drives[0]}"
