# SPDX-License-Identifier: Apache-2.0
"""Memories of a board and what a core waits for them, as its file says and the plugin is told.

The names of the dataclasses' fields are the keys of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from tinygen.hardware.tables import TableError, at_least, identifier

_MOST_CACHES = 4
_MOST_SLOW_REGIONS = 8
"""Of a board: as many as the plugin has room for (memory.h)."""


def _power_of_two(value: int) -> int:
    if not 1 <= value <= 1 << 20 or value & (value - 1):
        raise ValueError(f"must be a power of two up to 1,048,576, not {value}")
    return value


def _cycles(value: int) -> int:
    if not 0 <= value <= 1 << 20:
        raise ValueError(f"must be from 0 to 1,048,576 cycles, not {value}")
    return value


@dataclass(frozen=True)
class Cache:
    """A cache, which replaces the line that was used least recently.

    Attributes:
        name: by which regions say that they are read through it.
        line_bytes: of a line.
        lines: how many it has.
        ways: how many of them an address may be in; 0 for all.
    """

    name: Annotated[str, identifier]
    line_bytes: Annotated[int, _power_of_two]
    lines: Annotated[int, _power_of_two]
    ways: Annotated[int, at_least(0)] = 0

    def __post_init__(self) -> None:
        if self.ways and self.lines % self.ways:
            raise TableError("ways", f"must divide the {self.lines} lines, not {self.ways}")


@dataclass(frozen=True)
class Region:
    """A memory region: its place, and how long a core waits for what is in it.

    Attributes:
        name: in the linker script.
        origin: its first address.
        length: in bytes.
        stall: cycles of the processor that a read takes beyond one, if no cache has the line.
        data_stall: the same of data, if it differs.
        read_bytes: that one read brings.
        prefetch: whether the next line of code is read while the instructions of one are executed.
        code_cache: name of the cache that instructions are read through.
        data_cache: name of that for data, the same one if it is unified.
    """

    name: Annotated[str, identifier]
    origin: Annotated[int, at_least(0)]
    length: Annotated[int, at_least(1)]
    stall: Annotated[int, _cycles] = 0
    data_stall: Annotated[int, _cycles] | None = None
    read_bytes: Annotated[int, _power_of_two] = 4
    prefetch: bool = False
    code_cache: str = ""
    data_cache: str = ""

    def __post_init__(self) -> None:
        for key in ("prefetch", "code_cache", "data_cache"):
            if getattr(self, key) and not self.is_slow:
                raise TableError(key, "is there, but nothing to wait for: stall is 0")

    @property
    def is_slow(self) -> bool:
        """Whether the core ever waits for it."""
        return bool(self.stall or self.data_stall)

    @property
    def end(self) -> int:
        """The address after its last."""
        return self.origin + self.length


@dataclass(frozen=True)
class RamRegion(Region):
    """RAM. ``fast``: quicker to access than the other RAM, as tightly coupled memory is."""

    fast: bool = False


def check_caches(caches: Sequence[Cache], regions: Sequence[Region]) -> None:
    """The first fault of the names by which regions are read through caches.

    Raises:
        TableError: two caches have one name, a region names none, or there are too many of either.
    """
    if len(caches) > _MOST_CACHES:
        raise TableError("cache", f"has {len(caches)}, more than {_MOST_CACHES}")
    slow = [region.name for region in regions if region.is_slow]
    if len(slow) > _MOST_SLOW_REGIONS:
        raise TableError("stall", f"is of {len(slow)} regions, more than {_MOST_SLOW_REGIONS}")
    names = [cache.name for cache in caches]
    if len(set(names)) != len(names):
        raise TableError("cache", f"has two of one name: {', '.join(names)}")
    for region in regions:
        for key in ("code_cache", "data_cache"):
            if getattr(region, key) not in ("", *names):
                raise TableError(region.name, f"has a {key} that is none: {getattr(region, key)!r}")


def memories_argument(
    caches: Sequence[Cache], flash: Iterable[Region], ram: Iterable[Region]
) -> str:
    """The plugin's argument ``memories``, as memory_read() of firmware/qemu-plugin takes it.

    Empty where nothing is waited for.
    """
    numbers = [len(caches)]
    for cache in caches:
        numbers += [cache.line_bytes, cache.lines, cache.ways or cache.lines]
    place = {"": 0, **{cache.name: number for number, cache in enumerate(caches, 1)}}
    slow = [
        (is_ram, region)
        for is_ram, regions in ((0, flash), (1, ram))
        for region in regions
        if region.is_slow
    ]
    for is_ram, region in slow:
        of_data = region.stall if region.data_stall is None else region.data_stall
        numbers += [region.origin, region.end, is_ram, region.stall, of_data, region.read_bytes]
        numbers += [region.prefetch, place[region.code_cache], place[region.data_cache]]
    return ":".join(str(int(number)) for number in numbers) if slow else ""
