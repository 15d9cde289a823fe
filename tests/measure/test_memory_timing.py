# SPDX-License-Identifier: Apache-2.0
"""What a core waits for its memories: cases worked by hand, and another simulator's figures."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.memories import compared
from tests.conftest import SHARED_MODELS, shared_model
from tests.run.programs import need
from tinygen.hardware.memories import Cache, RamRegion, Region, memories_argument
from tinygen.hardware.toolchain import host_toolchain
from tinygen.measure.plugin import Stalls
from tinygen.resources import resource_root

_MAP_BYTES = 4096
"""More than a memory_map has."""


class _Stalls(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("code", "data", "ram"))


class Memories:
    """The plugin's memories, called from Python."""

    def __init__(self, library: ctypes.CDLL, argument: str) -> None:
        library.memory_read.restype = ctypes.c_bool
        library.memory_region_at.restype = ctypes.c_void_p
        library.memory_code_line.restype = ctypes.c_uint64
        self._library = library
        self._map = ctypes.create_string_buffer(_MAP_BYTES)
        self._stalls = _Stalls()
        assert library.memory_read(self._map, argument.encode())

    def fetch(self, *addresses: int) -> int:
        """Stalls of executing the instructions at these addresses, one after the other."""
        before = self._stalls.code
        for address in addresses:
            region = ctypes.c_void_p(
                self._library.memory_region_at(self._map, ctypes.c_uint64(address))
            )
            line = self._library.memory_code_line(region, ctypes.c_uint64(address)) if region else 0
            self._library.memory_fetch(
                self._map, ctypes.byref(self._stalls), region, ctypes.c_uint64(line), 1
            )
        return int(self._stalls.code - before)

    def load(self, *addresses: int) -> int:
        """Stalls of loads from these addresses."""
        before = self._stalls.data + self._stalls.ram
        for address in addresses:
            self._library.memory_load(
                self._map, ctypes.byref(self._stalls), ctypes.c_uint64(address)
            )
        return int(self._stalls.data + self._stalls.ram - before)

    def store(self, address: int) -> None:
        """A store to the address."""
        self._library.memory_store(self._map, ctypes.c_uint64(address))

    @property
    def stalls(self) -> Stalls:
        """All until now, by cause."""
        return Stalls(self._stalls.code, self._stalls.data, self._stalls.ram)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    output = tmp_path_factory.mktemp("memory") / "memory.so"
    source = resource_root() / "firmware" / "qemu-plugin" / "memory.c"
    strict = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
    command = [host_toolchain().driver, *strict, "-shared", "-fPIC", str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(output))


def memories(
    library: ctypes.CDLL,
    flash: Region,
    caches: Sequence[Cache] = (),
    ram: Sequence[RamRegion] = (),
) -> Memories:
    return Memories(library, memories_argument(caches, [flash], ram))


def test_lines_without_prefetch_or_cache(library: ctypes.CDLL) -> None:
    """Lines of 8 bytes: a wait for each that is entered, none within it."""
    flash = memories(library, Region("flash", 0x100, 0x100, stall=5, read_bytes=8))
    assert flash.fetch(0x100) == 5
    assert flash.fetch(0x102, 0x104) == 0
    assert flash.fetch(0x108) == 5
    assert flash.fetch(0x100) == 5
    assert flash.load(0x110, 0x110, 0x114) == 15
    assert flash.fetch(0x400) == flash.load(0x400) == 0
    assert flash.stalls == Stalls(15, 15, 0)


def test_prefetch_hides_as_many_cycles_as_instructions_were_executed(library: ctypes.CDLL) -> None:
    flash = memories(library, Region("flash", 0, 0x100, stall=5, read_bytes=16, prefetch=True))
    assert flash.fetch(0) == 5
    # Four instructions of line 0 are executed while line 1 is read: 5 - 4.
    assert flash.fetch(4, 8, 12, 16) == 1
    # Entered at its end, line 1 hides one cycle; a jump back hides none.
    assert flash.fetch(60, 64) == 5 + 4
    assert flash.fetch(0) == 5


def test_data_may_wait_for_less_than_code(library: ctypes.CDLL) -> None:
    flash = memories(library, Region("flash", 0, 0x100, stall=3, data_stall=2))
    assert (flash.fetch(0), flash.load(0)) == (3, 2)
    alone = memories(library, Region("flash", 0, 0x100, data_stall=2))
    assert (alone.fetch(0), alone.load(0)) == (0, 2)


def test_the_line_used_least_recently_makes_room(library: ctypes.CDLL) -> None:
    """Two lines of 16 bytes that may hold any address."""
    region = Region("flash", 0, 0x100, stall=4, read_bytes=16, code_cache="c")
    flash = memories(library, region, [Cache("c", 16, 2)])
    assert flash.fetch(0x00, 0x10) == 8
    assert flash.fetch(0x00, 0x10, 0x00) == 0
    assert flash.fetch(0x20) == 4  # in place of 0x10
    assert flash.fetch(0x00) == 0
    assert flash.fetch(0x10) == 4


def test_ways_are_of_one_set(library: ctypes.CDLL) -> None:
    """Four lines in two sets of two: lines 0, 2 and 4 meet, line 1 is elsewhere."""
    region = Region("flash", 0, 0x100, stall=4, read_bytes=16, data_cache="d")
    flash = memories(library, region, [Cache("d", 16, 4, 2)])
    assert flash.load(0x00, 0x20, 0x10) == 12
    assert flash.load(0x00, 0x20, 0x10) == 0
    assert flash.load(0x40) == 4
    assert flash.load(0x10, 0x20) == 0
    assert flash.load(0x00) == 4


def test_a_unified_cache_serves_both(library: ctypes.CDLL) -> None:
    region = Region("flash", 0, 0x100, stall=4, read_bytes=16, code_cache="c", data_cache="c")
    flash = memories(library, region, [Cache("c", 16, 8, 2)])
    assert (flash.load(0x20), flash.fetch(0x20)) == (4, 0)


def test_stores_bring_lines_of_ram_and_take_no_time(library: ctypes.CDLL) -> None:
    cached = RamRegion("axi", 0x1000, 0x100, stall=9, data_cache="d")
    slow = RamRegion("sram", 0x2000, 0x100, stall=1)
    flash = Region("flash", 0, 0x100, stall=4)
    both = memories(library, flash, [Cache("d", 32, 4, 2)], [cached, slow])
    both.store(0x1000)
    both.store(0x2000)
    assert both.load(0x101F) == 0
    assert both.load(0x1020) == 9
    assert both.load(0x2000) == 1
    assert both.stalls == Stalls(0, 0, 10)


@pytest.mark.parametrize(
    "text", ["", "x", "1:16:4", "1:16:4:3", "0:0:16:0:4", "0:0:9:0:1:1:4:0:1:0"]
)
def test_what_is_no_map_is_refused(text: str, library: ctypes.CDLL) -> None:
    assert not library.memory_read(ctypes.create_string_buffer(_MAP_BYTES), text.encode())


def test_nothing_to_wait_for_is_not_told() -> None:
    assert memories_argument([], [Region("flash", 0, 64)], [RamRegion("ram", 64, 64)]) == ""


@pytest.mark.qemu
def test_another_simulator_counts_the_same(tmp_path: Path) -> None:
    need("cc", "arm-none-eabi-gcc", "qemu-system-arm")
    flashsim = SHARED_MODELS.parent / "timing-study" / "flashsim.c"
    if not flashsim.is_file():
        pytest.skip(f"{flashsim} is not here")
    for name, (ours, other) in compared(
        flashsim, shared_model("mlperf_ad.tflite"), tmp_path
    ).items():
        assert ours == other, name
