# SPDX-License-Identifier: Apache-2.0
"""Finding and opening the serial port of a board: by USB identity and serial number, never by guess."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from tinygen.errors import InputError, MachineError
from tinygen.hardware.boards import Board

_READ_SECONDS = 0.05


def find_port(board: Board, probe: str = "") -> str:
    """Device name of the only port whose USB identity (and serial number, if given) is the board's.

    Raises:
        MachineError: there is none.
        InputError: several are attached, or the board file does not say how to know it.
    """
    ports = list(list_ports.comports())
    if not board.usb:
        raise InputError(
            f"board {board.name} has no USB serial line of its own to be found by",
            f"give the port of the adapter with --port ({_listing(ports) or 'none is attached'})",
        )
    matching = [port for port in ports if (port.vid, port.pid) in board.usb]
    if probe:
        matching = [port for port in matching if port.serial_number == probe]
    if len(matching) == 1:
        return str(matching[0].device)
    if matching:
        raise InputError(
            f"several ports could be that of {board.name}: {_listing(matching)}",
            "choose with --port DEVICE, or with --probe SERIAL",
        )
    ids = ", ".join(f"{vendor:04x}:{product:04x}" for vendor, product in board.usb)
    which = f" with serial number {probe}" if probe else ""
    raise MachineError(
        f"no serial port of {board.name} (USB {ids}){which} is attached",
        f"plug the board in, or give --port; attached are: {_listing(ports) or 'none'}",
    )


def usb_identity(board: Board, probe: str) -> tuple[int, int]:
    """USB vendor and product number of the probe with a serial number, out of the board's.

    The board's usual numbers if nothing attached has that serial number.
    """
    for port in list_ports.comports():
        if port.serial_number == probe and (port.vid, port.pid) in board.usb:
            return port.vid, port.pid
    return board.usb[0]


def _listing(ports: Sequence[ListPortInfo]) -> str:
    return ", ".join(
        f"{port.device}"
        + (f" (USB {port.vid:04x}:{port.pid:04x}" if port.vid is not None else " (no USB")
        + (f", serial number {port.serial_number})" if port.serial_number else ")")
        for port in ports
    )


def open_port(device: str, baud: int) -> serial.SerialBase:
    """Opens a device or any pyserial URL with the read timeout the protocol wants.

    Raises:
        MachineError: it cannot be opened; the hint says what to do.
    """
    try:
        return serial.serial_for_url(device, baudrate=baud, timeout=_READ_SECONDS)
    except (serial.SerialException, ValueError, OSError) as error:
        raise MachineError(
            f"the port {device} cannot be opened: {error}", _advice(device, error)
        ) from error


def _advice(device: str, error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code in (errno.EACCES, errno.EPERM) and sys.platform == "linux":
        return (
            f"this user may not use it: sudo usermod -a -G {_group(device)} "
            f"{os.environ.get('USER', '$USER')}, then log in again"
        )
    if code == errno.EBUSY or "busy" in str(error).lower():
        return "another program (a terminal, ModemManager) holds it: close that"
    return (
        "is the board plugged in? `python -m serial.tools.list_ports -v` lists the ports there are"
    )


def _group(device: str) -> str:
    """Group that may use a device; Debian's and Fedora's name for serial ports if it is not there."""
    try:
        return Path(device).group()
    except (OSError, KeyError):
        return "dialout"
