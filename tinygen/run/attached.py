# SPDX-License-Identifier: Apache-2.0
"""Talks to a board that already runs the program, through a serial port or any pyserial URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import serial

from tinygen.errors import MachineError
from tinygen.run.crash import explained
from tinygen.run.protocol import Client, Limits
from tinygen.run.runner import Image
from tinygen.run.session import Session

_READ_SECONDS = 0.05


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
        try:
            line = serial.serial_for_url(
                self._port, baudrate=image.board.uart.baud, timeout=_READ_SECONDS
            )
        except (serial.SerialException, ValueError) as error:
            raise MachineError(
                f"the port {self._port} cannot be opened: {error}",
                "Is the board plugged in, and may you use the port (group dialout on Linux)?",
            ) from error
        with line, explained(image.elf):
            client = Client(line, _cannot_tell, self._limits)
            yield Session(client, image.model_sha256, image.build_id)


def _cannot_tell(grace: float) -> None:
    """Whether an attached board still runs cannot be seen but by its answers."""
