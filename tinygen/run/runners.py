# SPDX-License-Identifier: Apache-2.0
"""The runners of this machine and of boards on a line, and which runner runs a board's programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tinygen.errors import InputError
from tinygen.hardware.boards import Board
from tinygen.run.child import serve
from tinygen.run.crash import explained
from tinygen.run.flash.backends import Job
from tinygen.run.flash.flash import flash
from tinygen.run.flash.ports import find_port, open_port
from tinygen.run.protocol import Client, Limits
from tinygen.run.qemu import QemuRunner
from tinygen.run.renode import RenodeRunner
from tinygen.run.runner import Image, Runner
from tinygen.run.session import Session
from tinygen.run.speed import Speeds


@dataclass(frozen=True)
class HostRunner:
    """Runner for the board ``host``: the program is a child process."""

    limits: Limits | None = None

    def start(self, image: Image) -> AbstractContextManager[Session]:
        """See :class:`tinygen.run.runner.Runner`."""
        return serve([str(image.elf)], "the program on this machine", image, self.limits)


@dataclass(frozen=True)
class AttachedRunner:
    """Runner for a board that already runs the program: at a port, or any pyserial URL.

    Firmware other than the image is refused by the session, which compares model and build.
    """

    port: str
    limits: Limits | None = None

    @contextmanager
    def start(self, image: Image) -> Iterator[Session]:
        """See :class:`tinygen.run.runner.Runner`."""
        with open_port(self.port, image.board.uart.baud) as line, explained(image.elf):
            speeds = Speeds(line, image.board.uart)
            client = Client(line, _cannot_tell, self.limits, speeds.after_silence)
            session = Session(client, image.model_sha256, image.build_id)
            speeds.climb(client)
            yield session


def _cannot_tell(grace: float) -> None:
    """Whether an attached board still runs cannot be seen but by its answers."""


@dataclass(frozen=True)
class BoardRunner:
    """Runner for a real board on USB: flashes the image, which also resets the board.

    ``port`` is found if it is empty; ``probe`` is the debug probe's serial number, empty if only one
    is attached.
    """

    port: str = ""
    probe: str = ""
    limits: Limits | None = None

    @contextmanager
    def start(self, image: Image) -> Iterator[Session]:
        """See :class:`tinygen.run.runner.Runner`."""
        flash(Job(image.elf, image.board, self.probe, self.port))
        # Looked for now: some boards appear on USB only when their program runs.
        port = self.port or find_port(image.board, self.probe)
        with AttachedRunner(port, self.limits).start(image) as session:
            yield session


def runner_for(
    board: Board,
    limits: Limits | None = None,
    *,
    port: str = "",
    probe: str = "",
    flash: bool = True,
) -> Runner:
    """The runner for a board, or for anything at a ``port`` that already runs the program.

    A real board's port is found by its USB identity if it is empty; ``probe`` is its debug probe's
    serial number. Without ``flash`` the board must already run the program.

    Raises:
        InputError: nothing can run the board's programs.
    """
    if board.flashing is not None and flash:
        return BoardRunner(port, probe, limits)
    if port:
        return AttachedRunner(port, limits)
    if board.is_host:
        return HostRunner(limits)
    if board.emulator is not None:
        return QemuRunner(limits) if board.emulator.kind == "qemu" else RenodeRunner(limits)
    raise InputError(
        f"board {board.name} cannot be run from here: it has neither emulator nor [flashing]",
        "give the --port it is on, or see `tinygen boards`",
    )
