# SPDX-License-Identifier: Apache-2.0
"""Which runner runs a board's programs."""

from __future__ import annotations

from tinygen.errors import InputError
from tinygen.hardware.boards import Board
from tinygen.run.attached import AttachedRunner
from tinygen.run.flashed import BoardRunner
from tinygen.run.host import HostRunner
from tinygen.run.protocol import Limits
from tinygen.run.qemu import QemuRunner
from tinygen.run.renode import RenodeRunner
from tinygen.run.runner import Runner


def runner_for(
    board: Board,
    limits: Limits | None = None,
    *,
    port: str = "",
    probe: str = "",
    flash: bool = True,
) -> Runner:
    """The runner for a board.

    Args:
        board: the board.
        limits: time limits of the protocol.
        port: serial port of a real board, or of anything that already runs the program; found by
            its USB identity if this is empty.
        probe: serial number of a real board's debug probe.
        flash: put the program on a real board first; without it, the board must already run it.

    Raises:
        InputError: nothing can run the board's programs.
    """
    if board.flashing is not None and flash:
        return BoardRunner(port, probe, limits=limits)
    if port:
        return AttachedRunner(port, limits)
    if board.is_host:
        return HostRunner(limits)
    if board.emulator is not None and board.emulator.kind == "qemu":
        return QemuRunner(limits)
    if board.emulator is not None:
        return RenodeRunner(limits)
    raise InputError(
        f"board {board.name} cannot be run from here: it has neither emulator nor [flashing]",
        "give the --port it is on, or see `tinygen boards`",
    )
