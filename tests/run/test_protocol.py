# SPDX-License-Identifier: Apache-2.0
"""Frames survive or are refused, never changed; the client waits, repeats, and names what failed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.run.programs import nothing_to_check
from tinygen.errors import TargetError
from tinygen.run.protocol import (
    MAX_PAYLOAD,
    Client,
    Frame,
    Limits,
    Request,
    Status,
    cobs_decode,
    cobs_encode,
    decode_frame,
    encode_frame,
)

QUICK = Limits(request=0.3, inference=0.3, first_retry=0.02)

frames = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=MAX_PAYLOAD),
)


# No time limit an example: the machine may be busy.
relaxed = settings(deadline=None)


@relaxed
@given(st.binary(max_size=253))
def test_cobs_has_no_zeros_and_is_undone(data: bytes) -> None:
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) == len(data) + 1
    assert cobs_decode(encoded) == data


@relaxed
@given(frames)
def test_frames_are_undone(frame: Frame) -> None:
    encoded = encode_frame(frame)
    assert (encoded[0], encoded[-1]) == (0, 0)
    assert decode_frame(encoded[1:-1]) == frame


@relaxed
@given(frames, st.data())
def test_a_damaged_frame_is_refused(frame: Frame, data: st.DataObject) -> None:
    encoded = bytearray(encode_frame(frame)[1:-1])
    at = data.draw(st.integers(0, len(encoded) - 1))
    match data.draw(st.sampled_from(["flip", "drop", "double"])):
        case "flip":
            encoded[at] ^= 1 << data.draw(st.integers(0, 7))
        case "drop":
            del encoded[at]
        case _:
            encoded.insert(at, encoded[at])
    assert decode_frame(bytes(encoded)) is None


class ScriptedPort:
    """A port whose other end is a function: frames written → bytes to read."""

    def __init__(self, target: Callable[[Frame], bytes]) -> None:
        self._target = target
        self._readable = bytearray()
        self.written: list[Frame] = []

    def write(self, data: bytes) -> int:
        """Lets the other end react to one frame."""
        frame = decode_frame(data[1:-1])
        assert frame is not None
        self.written.append(frame)
        self._readable += self._target(frame)
        return len(data)

    def read(self, size: int) -> bytes:
        """What the other end said, in order."""
        if not self._readable:
            time.sleep(0.002)
        data = bytes(self._readable[:size])
        del self._readable[:size]
        return data


def answer(request: Frame, payload: bytes, sequence: int = 0) -> bytes:
    return encode_frame(
        Frame(request.type | 0x80, request.session, request.sequence + sequence, payload)
    )


def request_of(port: ScriptedPort) -> tuple[Status, bytes]:
    return Client(port, nothing_to_check, QUICK).request(Request.DESCRIBE, b"abc")


def test_noise_and_old_answers_before_the_answer_are_skipped() -> None:
    port = ScriptedPort(
        lambda frame: b"\x07noise\0\0" + answer(frame, b"\0old", -1) + answer(frame, b"\0new")
    )
    assert request_of(port) == (Status.OK, b"new")


def test_noise_without_end_does_not_hide_the_answer() -> None:
    port = ScriptedPort(lambda frame: b"\xff" * 100_000 + answer(frame, b"\0new"))
    # Reading so much takes a while on a busy machine, and nothing is to be repeated meanwhile.
    patient = Limits(request=20.0, first_retry=20.0)
    assert Client(port, nothing_to_check, patient).request(Request.HELLO) == (Status.OK, b"new")


def test_a_lost_request_is_repeated_unchanged() -> None:
    seen: list[Frame] = []

    def second_time(frame: Frame) -> bytes:
        seen.append(frame)
        return answer(frame, b"\0fine") if len(seen) == 2 else b""

    assert request_of(ScriptedPort(second_time)) == (Status.OK, b"fine")
    assert seen[0] == seen[1]


def test_requests_are_numbered_one_after_another() -> None:
    port = ScriptedPort(lambda frame: answer(frame, b"\0"))
    client = Client(port, nothing_to_check, QUICK)
    client.request(Request.HELLO)
    client.request(Request.RESET)
    first, second = port.written
    assert second.sequence == (first.sequence + 1) % 2**32
    assert second.session == first.session


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (lambda _: b"", "sent nothing"),
        (lambda _: b"login: \r\n", "but no valid frame"),
        (lambda frame: answer(frame, b"\0", 1), "stopped answering"),
        (lambda frame: answer(frame, b""), "stopped answering"),
        (lambda frame: answer(frame, b"\x63"), "unknown status 99"),
        (lambda frame: answer(frame, bytes([Status.NO_SESSION])), "was restarted"),
        (lambda frame: answer(frame, bytes([Status.FAULT]) + bytes(range(32))), "pc 0x03020100"),
        (lambda frame: answer(frame, bytes([Status.FAULT]) + bytes(28)), "its report is damaged"),
    ],
)
def test_every_failure_is_named(said: Callable[[Frame], bytes], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        request_of(ScriptedPort(said))


def test_a_program_that_ended_explains_itself() -> None:
    def ended(grace: float) -> None:
        raise TargetError("the emulator ended")

    class Broken:
        def read(self, size: int) -> bytes:
            raise serial.SerialException(f"{size} bytes: socket disconnected")

        def write(self, data: bytes) -> int:
            return len(data)

    with pytest.raises(TargetError, match="the emulator ended"):
        Client(Broken(), ended, QUICK).request(Request.HELLO)
    with pytest.raises(TargetError, match="socket disconnected"):
        Client(Broken(), nothing_to_check, QUICK).request(Request.HELLO)
