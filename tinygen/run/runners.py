# SPDX-License-Identifier: Apache-2.0
"""Which runner runs a board's programs."""

from __future__ import annotations

from tinygen.errors import InputError
from tinygen.run.attached import AttachedRunner
from tinygen.run.host import HostRunner
from tinygen.run.protocol import Limits
from tinygen.run.qemu import QemuRunner
from tinygen.run.runner import Runner
from tinygen.targets.boards import Board


def runner_for(board: Board, limits: Limits | None = None, *, port: str = "") -> Runner:
    """The runner for a board; one that is attached to ``port`` if that is given.

    Raises:
        InputError: the board is neither emulated nor this machine.
    """
    if port:
        return AttachedRunner(port, limits)
    if board.is_host:
        return HostRunner(limits)
    if board.emulator is not None:
        return QemuRunner(limits)
    raise InputError(
        f"board {board.name} cannot be run from here: it has no emulator",
        "`tinygen boards` lists the emulated ones",
    )
