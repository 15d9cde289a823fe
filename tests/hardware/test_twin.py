# SPDX-License-Identifier: Apache-2.0
"""Real boards as emulated machines: the same memories, where the machine has some."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tinygen.errors import InputError
from tinygen.hardware.boards import GUARD_BYTES, Board, all_boards, board
from tinygen.hardware.memories import RamRegion
from tinygen.hardware.twin import emulated_twin

REAL = [one for one in all_boards() if one.emulator is None and not one.is_host]
KEPT = 0x1_0000


@pytest.mark.parametrize("real", REAL, ids=lambda real: real.name)
def test_a_twin_has_the_boards_memories(real: Board) -> None:
    twin = emulated_twin(real)
    assert twin.emulator is not None
    assert twin.emulator.kind == "qemu"
    assert (twin.core, twin.stack_bytes, twin.stack_in) == (
        real.core,
        real.stack_bytes,
        real.stack_in,
    )
    machine = next(one for one in all_boards() if one.emulator == twin.emulator)
    assert machine.core.executes(real.core)
    for theirs, ours, window in (
        (real.flash, twin.flash, machine.flash[0]),
        (real.ram, twin.ram, machine.ram[0]),
    ):
        assert [(one.name, one.length) for one in ours] == [
            (one.name, one.length) for one in theirs
        ]
        assert all(window.origin <= one.origin and one.end <= window.end for one in ours)
        for region, moved in zip(theirs, ours, strict=True):
            assert moved.origin % KEPT == region.origin % KEPT or region.name == real.vectors_in
        for below, above in pairwise(sorted(ours, key=lambda one: one.origin)):
            assert below.end + GUARD_BYTES <= above.origin
    vectors = next(one for one in (*twin.flash, *twin.ram) if one.name == real.vectors_in)
    assert vectors.origin == machine.flash[0].origin
    assert twin.stack_guard_bytes == real.stack_guard_bytes


def test_the_nearest_machine() -> None:
    found = {
        name: emulated_twin(board(name)).emulator
        for name in ("nucleo-l4r5zi", "nucleo-h743zi2", "rpi-pico", "rpi-pico2")
    }
    assert {name: emulator.machine for name, emulator in found.items() if emulator} == {
        "nucleo-l4r5zi": "mps2-an386",
        "nucleo-h743zi2": "mps2-an500",
        "rpi-pico": "mps2-an385",
        "rpi-pico2": "mps2-an505",
    }


def test_memory_beyond_the_machines_is_cut_or_refused() -> None:
    real = board("nucleo-f446re")
    (sram,) = real.ram
    external = RamRegion("sdram", 0xC000_0000, 0x80_0000)
    twin = emulated_twin(replace(real, ram=(sram, external)))
    assert twin.ram[1].origin % KEPT == 0
    assert twin.ram[1].length == 0x40_0000 - 0x3_0000
    another = RamRegion("more", 0xD000_0000, 0x1000)
    with pytest.raises(InputError, match="no memory left for region more"):
        emulated_twin(replace(real, ram=(sram, external, another)))
