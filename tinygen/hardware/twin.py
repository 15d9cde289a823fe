# SPDX-License-Identifier: Apache-2.0
"""A real board as QEMU can run it: on the nearest emulated machine, with the board's memory map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from tinygen.errors import InputError
from tinygen.hardware.boards import GUARD_BYTES, Board, emulated_board
from tinygen.hardware.memories import Region

_KEPT_OF_ADDRESSES = 0x1_0000
"""Addresses stay the same modulo this, the largest way of a cache and more: so lines meet as they do
on the board."""

RegionT = TypeVar("RegionT", bound=Region)


def emulated_twin(real: Board) -> Board:
    """The board, as a program for its core is laid out and run on an emulated machine.

    Its memories have the names, the sizes and the order of the real ones, one after the other in the
    emulated machine's first flash and first RAM region, and cut to what that has. The region with
    the vectors begins where the machine looks for them. Clock, serial line and emulator are the
    machine's; nothing is set up, and no boot ROM wants to find a block in flash.

    Raises:
        InputError: no machine that QEMU emulates executes programs for the core, or has so many
            memories.
    """
    machine = emulated_board(real.core)
    if machine.emulator is None or machine.emulator.kind != "qemu":
        raise InputError(f"QEMU emulates no machine that runs programs for {real.core.name}")
    return replace(
        real,
        clock_hz=machine.clock_hz,
        flash=_moved(real.flash, machine.flash[0], real.vectors_in),
        ram=_moved(real.ram, machine.ram[0], real.vectors_in),
        uart=machine.uart,
        emulator=machine.emulator,
        setup=(),
        boot="",
        flashing=None,
        usb=(),
    )


def _moved(regions: Sequence[RegionT], window: Region, first: str) -> tuple[RegionT, ...]:
    """The regions at addresses inside the window, the one of that name at its start."""
    by_address = sorted(regions, key=lambda region: (region.name != first, region.origin))
    placed = {region.name: region for region in _placed(by_address, window, first)}
    return tuple(placed[region.name] for region in regions)


def _placed(by_address: Sequence[RegionT], window: Region, first: str) -> Iterator[RegionT]:
    free = window.origin
    for region in by_address:
        kept = 0 if region.name == first else region.origin - free
        origin = free + kept % _KEPT_OF_ADDRESSES
        if origin >= window.end:
            raise InputError(f"the emulated machine has no memory left for region {region.name}")
        moved = replace(region, origin=origin, length=min(region.length, window.end - origin))
        yield moved
        # What lies below the stack must trap when it overflows.
        free = moved.end + GUARD_BYTES
