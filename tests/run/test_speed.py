# SPDX-License-Identifier: Apache-2.0
"""The speed of the line goes up to what target, adapter and cable can do, and back when it must."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import serial

from tests.run.programs import (
    AFFINE,
    Expectation,
    build_affine,
    input_bytes,
    need,
    nothing_to_check,
    random_x,
)
from tinygen.hardware.boards import Uart, all_boards, board
from tinygen.resources import resource_root
from tinygen.run.child import Child
from tinygen.run.protocol import Client, Limits, Request
from tinygen.run.runner import Image
from tinygen.run.session import Session
from tinygen.run.speed import LOST_BYTES, Speeds, rates

SPEEDS = Path(__file__).parent / "speeds" / "uart_speeds.c"
LIMITS = Limits(request=8.0, inference=8.0, first_retry=0.05)


def line_of(max_baud: int) -> Uart:
    """A board's serial line that begins at 115,200 bits a second."""
    return replace(board("host").uart, baud=115_200, max_baud=max_baud)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The hand-written model with the driver whose bytes have a speed."""
    need("cc")
    folder = tmp_path_factory.mktemp("image")
    plain = build_affine(board("host"), folder)
    runtime = resource_root() / "firmware" / "runtime"
    sources = [runtime / name for name in ("harness_main.c", "wire.c", "cycle_counter.c")]
    sources += [folder / "harness_model.c", AFFINE / "affine.c", SPEEDS]
    elf = folder / "speeds.elf"
    command = ["cc", "-std=c99", f"-I{runtime}", f"-I{AFFINE}", *map(str, sources)]
    subprocess.run([*command, "-o", str(elf)], check=True)
    return replace(plain, elf=elf)


class SpeedPort:
    """The host's end of such a line.

    Args:
        port: the stream of bytes.
        good_up_to: the highest speed that the adapter and the cable stand.
    """

    def __init__(self, port: serial.SerialBase, good_up_to: int = 4_000_000) -> None:
        self._port = port
        self._good_up_to = good_up_to
        self.baudrate = 115_200
        self._half = b""

    def write(self, data: bytes) -> int:
        """Sends at the present speed."""
        code = self._code()
        self._port.write(b"".join(bytes((code, byte)) for byte in data))
        return len(data)

    def read(self, size: int) -> bytes:
        """What was sent at another speed comes in as something else."""
        pairs = self._half + self._port.read(2 * size - len(self._half))
        self._half = pairs[len(pairs) & ~1 :]
        codes, data = pairs[: len(pairs) & ~1 : 2], pairs[1::2]
        own = self._code()
        return bytes(
            byte if code == own else byte ^ 0x5A for code, byte in zip(codes, data, strict=False)
        )

    def _code(self) -> int:
        return self.baudrate // 76_800 if self.baudrate <= self._good_up_to else 255


@contextmanager
def target(image: Image) -> Iterator[serial.SerialBase]:
    """The running program and the stream of bytes to it."""
    child = Child([str(image.elf)], "the program")
    try:
        url = f"socket://127.0.0.1:{child.announced_port()}"
        with serial.serial_for_url(url, timeout=0.01) as port:
            yield port
    finally:
        child.kill()


def talk(image: Image, port: SpeedPort, max_baud: int) -> tuple[Session, int]:
    """A session at the highest speed, and that speed."""
    speeds = Speeds(port, line_of(max_baud))
    client = Client(port, nothing_to_check, LIMITS, speeds.after_silence)
    session = Session(client, image.model_sha256, image.build_id)
    return session, speeds.climb(client)


def check(session: Session) -> None:
    """An inference has the right outputs."""
    session.reset()
    x = random_x(np.random.default_rng(1))
    assert session.run(input_bytes(x, 3)) == Expectation().outputs(x, 3)


@pytest.mark.parametrize(
    ("board_max", "good_up_to", "found"),
    [
        (115_200, 4_000_000, 115_200),
        (921_600, 4_000_000, 921_600),
        # The target refuses.
        (2_000_000, 4_000_000, 1_000_000),
        # The adapter or the cable fail.
        (1_000_000, 500_000, 460_800),
        (1_000_000, 120_000, 115_200),
    ],
)
def test_the_highest_speed(image: Image, board_max: int, good_up_to: int, found: int) -> None:
    with target(image) as stream:
        port = SpeedPort(stream, good_up_to)
        session, speed = talk(image, port, board_max)
        assert (speed, port.baudrate) == (found, found)
        check(session)


def test_a_target_that_an_earlier_conversation_left_at_another_speed(image: Image) -> None:
    with target(image) as stream:
        _, speed = talk(image, SpeedPort(stream), 921_600)
        assert speed == 921_600
        session, speed = talk(image, SpeedPort(stream), 921_600)
        assert speed == 921_600
        check(session)


def test_a_line_that_gets_worse(image: Image) -> None:
    with target(image) as stream:
        port = SpeedPort(stream)
        session, speed = talk(image, port, 921_600)
        assert speed == 921_600
        port._good_up_to = 200_000
        check(session)
        assert port.baudrate == 115_200


def test_the_driver_knows_what_it_cannot_do(image: Image) -> None:
    with target(image) as stream:
        client = Client(SpeedPort(stream), nothing_to_check, LIMITS)
        client.request(Request.HELLO)
        with pytest.raises(Exception, match=r"has no such tensor, layer or range .*\(SPEED\)"):
            client.request(Request.SPEED, (1_000_001).to_bytes(4, "little"))


def test_the_firmware_gives_up_as_early_as_the_host_thinks() -> None:
    header = (resource_root() / "firmware" / "runtime" / "wire.h").read_text()
    assert f"#define WIRE_LOST {LOST_BYTES}u" in header


def test_rates_worth_a_trial() -> None:
    assert rates(line_of(115_200)) == ()
    assert rates(line_of(1_000_000)) == (1_000_000, 921_600, 460_800, 230_400)
    assert rates(line_of(500_000)) == (500_000, 460_800, 230_400)


def test_every_real_board_says_what_its_line_can_do() -> None:
    for entry in all_boards():
        if entry.flashing is not None:
            assert rates(entry.uart), entry.name
