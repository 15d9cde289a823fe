#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Registers and fields of board files, held against the chips' own descriptions (CMSIS-SVD).

    python scripts/check_registers.py SVD_FOLDER [BOARD ...]

Prints each access of ``[[setup]]`` with the register and the fields that it means, and complains of
addresses and bits that the chip's file does not have and of fields that are meant in part. The files
are the vendors': STM32F446.svd of github.com/modm-io/cmsis-svd-stm32, nrf52840.svd of Nordic's nrfx,
RP2350.svd of pico-sdk. Exits with 1 if it complained.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tinygen.hardware.boards import Board, Step, all_boards

CHIPS = {
    "arduino-nano-33-ble": "nrf52840",
    "nrf52832-dk": "nrf52",
    "nrf52840-dk": "nrf52840",
    "nrf5340-dk": "nrf5340_application",
    "nucleo-f411re": "STM32F411",
    "nucleo-f446re": "STM32F446",
    "nucleo-f746zg": "STM32F746",
    "nucleo-g474re": "STM32G474",
    "nucleo-h743zi2": "STM32H743",
    "nucleo-l476rg": "STM32L476",
    "nucleo-l4r5zi": "STM32L4R5",
    "nucleo-l4r5zi-single-bank": "STM32L4R5",
    "nucleo-u575zi-q": "STM32U575",
    "rpi-pico": "RP2040",
    "rpi-pico2": "RP2350",
}
"""File of the chip, without ending, by board."""


@dataclass(frozen=True)
class Register:
    """A register: its fields' lowest and highest bit by name."""

    name: str
    fields: dict[str, tuple[int, int]]


def _number(text: str) -> int:
    return int(text.strip(), 0)


def _bits(field: ElementTree.Element) -> tuple[int, int]:
    if (span := field.findtext("bitRange")) is not None:
        high, low = span.strip("[]").split(":")
        return int(low), int(high)
    if (lsb := field.findtext("lsb")) is not None:
        return _number(lsb), _number(field.findtext("msb") or lsb)
    offset = _number(field.findtext("bitOffset") or "0")
    return offset, offset + _number(field.findtext("bitWidth") or "1") - 1


def _registers(inside: ElementTree.Element, base: int) -> Iterator[tuple[int, Register]]:
    """Registers of a peripheral or cluster by address, arrays one by one."""
    for one in inside:
        if one.tag not in ("register", "cluster"):
            continue
        for number in range(_number(one.findtext("dim") or "1")):
            step = number * _number(one.findtext("dimIncrement") or "0")
            address = base + _number(one.findtext("addressOffset") or "0") + step
            if one.tag == "cluster":
                yield from _registers(one, address)
                continue
            name = (one.findtext("name") or "").replace("%s", str(number))
            fields = {field.findtext("name") or "": _bits(field) for field in one.iter("field")}
            yield address, Register(name, fields)


def registers_of(svd: Path) -> dict[int, Register]:
    """Every register of a chip by its address."""
    peripherals = {p.findtext("name"): p for p in ElementTree.parse(svd).iter("peripheral")}
    found: dict[int, Register] = {}
    for name, peripheral in peripherals.items():
        source = peripherals.get(peripheral.get("derivedFrom"), peripheral)
        registers = peripheral.find("registers")
        if registers is None:
            registers = source.find("registers")
        if registers is None:
            continue
        for address, register in _registers(
            registers, _number(peripheral.findtext("baseAddress") or "0")
        ):
            found.setdefault(address, Register(f"{name}.{register.name}", register.fields))
    return found


def meant(step: Step, register: Register) -> Iterator[tuple[str, bool]]:
    """What a step does to a register's fields, and whether that is a complaint."""
    bits = step.bits if step.do != "write" else step.value
    for name, (low, high) in register.fields.items():
        whole = ((1 << (high - low + 1)) - 1) << low
        if bits & whole:
            partly = step.do != "write" and bits & whole != whole
            yield f"{name}={(step.value & whole) >> low:#x}", False
            if partly:
                yield f"only bits {bits & whole:#x} of {name} ({whole:#x})", True
        bits &= ~whole
    if bits:
        yield f"bits {bits:#x} are no field", True


def check(board: Board, registers: dict[int, Register]) -> bool:
    """Prints the board's steps; whether there is nothing to complain of."""
    sound = True
    for step in board.setup:
        register = registers.get(step.at)
        if register is None:
            print(f"  {step.at:#010x} NO REGISTER: {step.why}")
            sound = False
            continue
        print(f"  {step.do:6} {register.name}: {step.why}")
        for what, is_complaint in meant(step, register):
            print(f"         {'COMPLAINT: ' if is_complaint else ''}{what}")
            sound = sound and not is_complaint
    return sound


def main() -> int:
    """Checks the boards that are named, or all whose chip's file is there."""
    folder, *names = sys.argv[1:]
    sound = True
    for board in all_boards():
        if board.name not in (names or CHIPS):
            continue
        svd = Path(folder) / f"{CHIPS[board.name]}.svd"
        print(f"{board.name}: {svd.name if svd.is_file() else f'{svd} is not there'}")
        if svd.is_file():
            sound = check(board, registers_of(svd)) and sound
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
