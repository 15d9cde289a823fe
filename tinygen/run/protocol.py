# SPDX-License-Identifier: Apache-2.0
"""The wire protocol, host side: frames, their encoding, and one request at a time with retries.

docs/protocol.md describes it; firmware/runtime/wire.c and harness_main.c are the other side.
"""

from __future__ import annotations

import secrets
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import serial

from tinygen.errors import TargetError
from tinygen.run.crash import TargetFaultError, read_fault

PROTOCOL_VERSION = 2
MAX_PAYLOAD = 240
_MAX_ENCODED = 1 + 9 + MAX_PAYLOAD + 4
_RESPONSE = 0x80
_WORD = 1 << 32
_LONGEST_RETRY_INTERVAL = 4.0


class Request(IntEnum):
    """What the host may ask; the answer's type has bit 7 set as well."""

    HELLO = 1
    DESCRIBE = 2
    WRITE = 3
    INVOKE = 4
    RESUME = 5
    READ = 6
    RESET = 7
    SPEED = 8


class Status(IntEnum):
    """First byte of every answer."""

    OK = 0
    BAD_REQUEST = 1
    OUT_OF_RANGE = 2
    INPUT_DAMAGED = 3
    NOT_TRACED = 4
    NO_SESSION = 5
    PAUSED = 6
    FAULT = 7
    NO_RESULT = 8


_REFUSALS = {
    Status.BAD_REQUEST: "does not know the request",
    Status.OUT_OF_RANGE: "has no such tensor, layer or range of bytes",
    Status.INPUT_DAMAGED: "holds other input bytes than it was sent",
    Status.NOT_TRACED: "was built without layer tracing",
    Status.NO_SESSION: "was restarted, or is being talked to by another program",
    Status.NO_RESULT: "has no result to read",
}


@dataclass(frozen=True)
class Frame:
    """One message: type, session, sequence number and at most MAX_PAYLOAD bytes."""

    type: int
    session: int
    sequence: int
    payload: bytes


def cobs_encode(data: bytes) -> bytes:
    """Consistent overhead byte stuffing (Cheshire and Baker, 1999) of at most 253 bytes."""
    return b"".join(bytes([len(run) + 1]) + run for run in data.split(b"\0"))


def cobs_decode(encoded: bytes) -> bytes | None:
    """Undoes :func:`cobs_encode`; None if the code bytes do not lead exactly to the end."""
    runs = []
    position = 0
    while position < len(encoded):
        code = encoded[position]
        run = encoded[position + 1 : position + code]
        if code == 0 or len(run) != code - 1:
            return None
        runs.append(run)
        position += code
    return b"\0".join(runs)


def encode_frame(frame: Frame) -> bytes:
    """The bytes on the wire, with a delimiter before and after."""
    content = struct.pack("<BII", frame.type, frame.session, frame.sequence) + frame.payload
    checked = content + struct.pack("<I", zlib.crc32(content))
    # The delimiter in front ends whatever noise the line carried since the last frame.
    return b"\0" + cobs_encode(checked) + b"\0"


def decode_frame(encoded: bytes) -> Frame | None:
    """The frame between two delimiters, or None if it is damaged."""
    checked = cobs_decode(encoded)
    if checked is None or len(checked) < 13:
        return None
    content, crc = checked[:-4], checked[-4:]
    if struct.pack("<I", zlib.crc32(content)) != crc:
        return None
    kind, session, sequence = struct.unpack_from("<BII", content)
    return Frame(kind, session, sequence, content[9:])


class Port(Protocol):
    """What is used of a pyserial port, opened with a read timeout of a fraction of a second."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; fewer when the timeout passes."""

    def write(self, data: bytes) -> int | None:
        """Sends all of ``data``."""


Check = Callable[[float], None]
"""Waits at most the seconds given; raises TargetError if the program at the other end has ended."""


Silence = Callable[["Request", int], None]
"""Told before a request is repeated how often it was sent in vain."""


@dataclass(frozen=True)
class Limits:
    """Time limits in seconds: of a plain request, of an inference, and until the first retry."""

    request: float = 15.0
    inference: float = 300.0
    first_retry: float = 0.3


class Client:
    """Sends requests and returns their answers; at most one is outstanding.

    A request is repeated, unchanged, until its answer arrives or its time limit passes. The target
    carries each sequence number out once and repeats its answer, so repeating is always safe.
    """

    def __init__(
        self,
        port: Port,
        check: Check,
        limits: Limits | None = None,
        after_silence: Silence | None = None,
    ) -> None:
        self._port = port
        self._check = check
        self._after_silence = after_silence
        self.limits = limits or Limits()
        # Random, so that no late frame of an earlier conversation can pass for one of this.
        self._session = secrets.randbelow(_WORD)
        self._sequence = secrets.randbelow(_WORD)
        self._pending = bytearray()
        self._received = 0
        self._frames = 0

    def renew(self) -> None:
        """Begins the next request as a new conversation: after a request without an answer the target
        would wait for that one's sequence number. The next request must be HELLO.
        """
        self._session = secrets.randbelow(_WORD)

    def request(
        self,
        kind: Request,
        payload: bytes = b"",
        time_limit: float | None = None,
        *,
        retries: bool = True,
    ) -> tuple[Status, bytes]:
        """Carries one request out; returns OK or PAUSED and what follows the status.

        ``time_limit`` is in seconds, that of a plain request if None. With ``retries`` the request is
        repeated while there is no answer.

        Raises:
            TargetError: no answer in time, a refusal, a fault on the target, a broken line.
        """
        self._sequence = (self._sequence + 1) % _WORD
        encoded = encode_frame(Frame(kind, self._session, self._sequence, payload))
        deadline = time.monotonic() + (time_limit or self.limits.request)
        interval = self.limits.first_retry if retries else time_limit or self.limits.request
        tries = 0
        while True:
            try:
                if tries and self._after_silence:
                    self._after_silence(kind, tries)
                self._port.write(encoded)
                answer = self._answer(kind, min(time.monotonic() + interval, deadline))
            except (serial.SerialException, OSError) as error:
                # The program at the other end has more to say about it than the line has.
                self._check(1.0)
                raise TargetError(f"the connection to the target broke: {error}") from error
            if answer is not None:
                return self._judge(kind, answer)
            self._check(0.0)
            if time.monotonic() >= deadline:
                raise TargetError(*self._silence(kind, time_limit or self.limits.request))
            tries += 1
            interval = min(2 * interval, _LONGEST_RETRY_INTERVAL)

    def _answer(self, kind: Request, until: float) -> bytes | None:
        """Payload of the answer to the outstanding request, or None if it does not come in time."""
        while (frame := self._receive(until)) is not None:
            expected = (kind | _RESPONSE, self._session, self._sequence)
            if (frame.type, frame.session, frame.sequence) == expected and frame.payload:
                return frame.payload
        return None

    def _receive(self, until: float) -> Frame | None:
        while time.monotonic() < until:
            byte = self._port.read(1)
            self._received += len(byte)
            if byte != b"\0":
                # A line of noise without delimiters must not fill the memory.
                if len(self._pending) <= _MAX_ENCODED:
                    self._pending += byte
                continue
            frame = decode_frame(bytes(self._pending))
            self._pending.clear()
            if frame is not None:
                self._frames += 1
                return frame
        return None

    def _judge(self, kind: Request, payload: bytes) -> tuple[Status, bytes]:
        body = payload[1:]
        try:
            status = Status(payload[0])
        except ValueError:
            raise TargetError(f"the target answered with the unknown status {payload[0]}") from None
        if status in (Status.OK, Status.PAUSED):
            return status, body
        if status is Status.FAULT:
            raise TargetFaultError(read_fault(body))
        raise TargetError(f"the target {_REFUSALS[status]} ({kind.name})")

    def _silence(self, kind: Request, waited: float) -> tuple[str, str]:
        if self._frames and kind in (Request.INVOKE, Request.RESUME):
            return (
                f"the target hangs: no end of the inference in {waited:.0f} s ({kind.name})",
                "the model's code loops, or is slower than the time limit allows",
            )
        if self._frames:
            return (
                f"the target stopped answering ({kind.name})",
                "it hangs, was restarted, or the line is too noisy",
            )
        if self._received:
            return (
                f"the target sent {self._received} bytes, but no valid frame",
                "another program runs on it, or the baud rates differ",
            )
        return (
            "the target sent nothing",
            "check that the firmware runs and that the port is the right one",
        )
