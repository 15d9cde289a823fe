# SPDX-License-Identifier: Apache-2.0
"""Finding a board's port, with a made-up list of ports; opening one that may not be opened."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any

import pytest
import serial

from tinygen.errors import InputError, MachineError
from tinygen.hardware.boards import board
from tinygen.run.flash.ports import find_port, open_port, usb_identity


@dataclass
class FakePort:
    """What pyserial tells of a port."""

    device: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None


ONE = FakePort("/dev/ttyACM0", 0x0483, 0x374B, "AAA")
TWO = FakePort("/dev/ttyACM1", 0x0483, 0x374B, "BBB")
FOREIGN = FakePort("/dev/ttyUSB0", 0x1A86, 0x7523)
BUILT_IN = FakePort("/dev/ttyS0")


def attach(monkeypatch: pytest.MonkeyPatch, *attached: FakePort) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(attached))


def test_the_only_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, BUILT_IN, FOREIGN, ONE)
    assert find_port(board("nucleo-f411re")) == "/dev/ttyACM0"


def test_several_are_never_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, ONE, FOREIGN, TWO)
    with pytest.raises(InputError, match=r"ttyACM0 .*AAA.*ttyACM1 .*BBB") as failure:
        find_port(board("nucleo-f411re"))
    assert "ttyUSB0" not in failure.value.message
    assert "--probe SERIAL" in failure.value.hint
    assert find_port(board("nucleo-f411re"), "BBB") == "/dev/ttyACM1"


def test_the_probe_of_a_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = FakePort("/dev/ttyACM1", 0x0483, 0x3752, "BBB")
    attach(monkeypatch, ONE, newer)
    assert usb_identity(board("nucleo-f411re"), "BBB") == (0x0483, 0x3752)
    assert usb_identity(board("nucleo-f411re"), "CCC") == (0x0483, 0x374B)


def test_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, FOREIGN, BUILT_IN)
    with pytest.raises(
        MachineError, match=r"nucleo-f411re \(USB 0483:374b, 0483:3752\) is attached"
    ) as failure:
        find_port(board("nucleo-f411re"))
    assert "/dev/ttyUSB0 (USB 1a86:7523)" in failure.value.hint
    attach(monkeypatch, ONE)
    with pytest.raises(MachineError, match="with serial number CCC is attached"):
        find_port(board("nucleo-f411re"), "CCC")


def test_a_board_without_usb_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch)
    with pytest.raises(InputError, match="no USB serial line of its own") as failure:
        find_port(board("arduino-nano-33-ble"))
    assert "none is attached" in failure.value.hint


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "sudo usermod -a -G dialout"),
        (errno.EBUSY, "another program"),
        (errno.ENOENT, "is the board plugged in"),
    ],
)
def test_ports_that_cannot_be_opened(
    code: int, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise serial.SerialException(code, f"could not open port {arguments}{options}")

    monkeypatch.setattr("serial.serial_for_url", refuse)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(MachineError, match="the port /dev/no-such cannot be opened") as failure:
        open_port("/dev/no-such", 115200)
    assert advice in failure.value.hint


def test_what_is_no_port() -> None:
    with pytest.raises(MachineError, match="cannot be opened"):
        open_port("nonsense://x", 115200)
