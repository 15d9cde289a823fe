# SPDX-License-Identifier: Apache-2.0
"""Talks to a board that already runs the program, through a serial port or any pyserial URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tinygen.run.crash import explained
from tinygen.run.flash.ports import open_port
from tinygen.run.protocol import Client, Limits
from tinygen.run.runner import Image
from tinygen.run.session import Session
from tinygen.run.speed import Speeds


class AttachedRunner:
    """Runner for a board on a port; it flashes nothing.

    Firmware other than the image is refused by the session, which compares model and build.

    Args:
        port: device name (``/dev/ttyACM0``) or pyserial URL.
        limits: time limits of the protocol.
    """

    def __init__(self, port: str, limits: Limits | None = None) -> None:
        self._port = port
        self._limits = limits

    def start(self, image: Image) -> AbstractContextManager[Session]:
        """Opens the port; see :class:`tinygen.run.runner.Runner`."""
        return self._talk(image)

    @contextmanager
    def _talk(self, image: Image) -> Iterator[Session]:
        with open_port(self._port, image.board.uart.baud) as line, explained(image.elf):
            speeds = Speeds(line, image.board.uart)
            client = Client(line, _cannot_tell, self._limits, speeds.after_silence)
            session = Session(client, image.model_sha256, image.build_id)
            speeds.climb(client)
            yield session


def _cannot_tell(grace: float) -> None:
    """Whether an attached board still runs cannot be seen but by its answers."""
