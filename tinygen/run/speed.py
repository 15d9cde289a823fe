# SPDX-License-Identifier: Apache-2.0
"""The speed of a serial line: both sides begin at the board's, then go up to what both can do.

The target goes back to the first speed when it has received :data:`LOST_BYTES` without an intact frame,
so a host that gets no more answers goes back too, sends as much, and is understood again.
"""

from __future__ import annotations

import struct
from typing import Protocol

from tinygen.errors import TargetError
from tinygen.hardware.boards import Uart
from tinygen.run.protocol import MAX_PAYLOAD, Client, Request

LOST_BYTES = 1024
"""WIRE_LOST of firmware/runtime/wire.h."""
_USUAL = (3_000_000, 2_000_000, 1_000_000, 921_600, 460_800, 230_400)
_TRIALS = 8
_TRIAL_SECONDS = 0.5
_CHANGE_SECONDS = 2.0
# Unanswered tries of a request before the speed is blamed; an inference may just take its time.
_PATIENCE = {Request.INVOKE: 8, Request.RESUME: 8}
_USUAL_PATIENCE = 3
_LONGEST = bytes(range(MAX_PAYLOAD - 4))
# Bytes whose bits alternate: a receiver at a higher speed takes each for several.
_NOISE = b"\x55" * (2 * LOST_BYTES)


class Line(Protocol):
    """What is used of a pyserial port."""

    baudrate: int

    def write(self, data: bytes) -> int | None:
        """Sends all of ``data``."""


class Speeds:
    """The speeds of one open line, which is at the first one.

    Nothing is ever changed if the ``max_baud`` of the board's ``uart`` is its ``baud``.
    """

    def __init__(self, line: Line, uart: Uart) -> None:
        self._line = line
        self._first = uart.baud
        self._rates = rates(uart)

    def after_silence(self, kind: Request, tries: int) -> None:
        """Goes back to the first speed when a request was not answered so often.

        An earlier conversation may have left the target at another one.
        """
        if self._rates and tries % _PATIENCE.get(kind, _USUAL_PATIENCE) == 0:
            self._fall_back()

    def climb(self, client: Client) -> int:
        """Finds the highest speed, in bits a second, at which every trial gets its answer at once.

        The line stays there; ``client`` has an open session on it.
        """
        for baud in self._rates:
            try:
                wanted = struct.pack("<I", baud)
                client.request(Request.SPEED, wanted, _CHANGE_SECONDS)
                self._line.baudrate = baud
                for _ in range(_TRIALS):
                    client.request(Request.SPEED, wanted + _LONGEST, _TRIAL_SECONDS, retries=False)
            except (TargetError, ValueError):
                self._fall_back()
                client.renew()
                client.request(Request.HELLO)
            else:
                return baud
        return self._first

    def _fall_back(self) -> None:
        self._line.baudrate = self._first
        self._line.write(_NOISE)


def rates(uart: Uart) -> tuple[int, ...]:
    """The speeds that are worth a trial above a board's first one, the highest first."""
    if uart.max_baud <= uart.baud:
        return ()
    usual = {baud for baud in _USUAL if uart.baud < baud < uart.max_baud}
    return tuple(sorted(usual | {uart.max_baud}, reverse=True))
