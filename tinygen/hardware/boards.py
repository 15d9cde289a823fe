# SPDX-License-Identifier: Apache-2.0
"""Boards: one TOML file each in boards/ (or the user's own), read into a frozen Board.

The names of the dataclasses' fields are the keys of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from tinygen.errors import InputError
from tinygen.hardware.cores import HOST, Core, core
from tinygen.hardware.memories import Cache, RamRegion, Region, check_caches
from tinygen.hardware.tables import (
    TableError,
    at_least,
    faults_of,
    identifier,
    load_toml,
    one_of,
    read_table,
)
from tinygen.ir.data import Result
from tinygen.resources import resource_root

_WORD = 0xFFFF_FFFF
_SMALLEST_GUARD_BYTES = 256

# Driver kinds (firmware/runtime/uart_<kind>.c) and the integers each needs beside base and baud.
_UART_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "cmsdk": (),
    "stm32v1": (),
    "stm32v2": ("lpuart",),
    "nrf51": ("tx_pin", "rx_pin"),
    "nrf_uarte": ("tx_pin", "rx_pin"),
    "pl011": (),
}
_BOOT_BLOCKS = ("rp2040", "rp2350")
GUARD_BYTES = 32 * 1024
"""Addresses below the stack that the MPU keeps free, so that an overflow is noticed."""


def _check_given(key: str, given: bool, needed: bool) -> None:
    """Of a key that some kinds of a thing have: that it is there for those, and only for those."""
    if needed and not given:
        raise TableError(key, "is missing")
    if given and not needed:
        raise TableError(key, "is not a known key")


@dataclass(frozen=True)
class Uart:
    """The serial line.

    Attributes:
        kind: driver, ``firmware/runtime/uart_<kind>.c``.
        base: address of its registers.
        baud: bits a second, to begin with.
        clock_hz: what its divider divides; 0 for the processor's clock.
        max_baud: the most the board can do; harness and target agree on something up to it. 0 if that
            is ``baud``.
        pins: the board's pins it is on, for people.
        lpuart: whether it is an LPUART: 1, or 0.
        tx_pin: number of the pin it sends on.
        rx_pin: number of the pin it receives on.
    """

    kind: Annotated[str, one_of(*_UART_PARAMETERS)]
    base: Annotated[int, at_least(0)]
    baud: Annotated[int, at_least(1)]
    clock_hz: Annotated[int, at_least(1)] = 0
    max_baud: Annotated[int, at_least(1)] = 0
    pins: str = ""
    lpuart: Annotated[int, at_least(0)] | None = None
    tx_pin: Annotated[int, at_least(0)] | None = None
    rx_pin: Annotated[int, at_least(0)] | None = None

    def __post_init__(self) -> None:
        for key in ("lpuart", "tx_pin", "rx_pin"):
            given = getattr(self, key) is not None
            _check_given(key, given, key in _UART_PARAMETERS.get(self.kind, ()))
        if 0 < self.max_baud < self.baud:
            raise TableError("max_baud", f"must be at least {self.baud}, not {self.max_baud}")

    @property
    def parameters(self) -> Mapping[str, int]:
        """The driver's own integers."""
        return {key: getattr(self, key) for key in _UART_PARAMETERS[self.kind]}


@dataclass(frozen=True)
class Step:
    """One access of a register while the board is set up, before the serial line is.

    Attributes:
        do: ``write`` all bits, ``change`` those of ``mask``, or ``wait`` until they are ``value``.
        at: address of the 32-bit register.
        value: of these bits.
        why: register, purpose and section of the manual.
        mask: bits that are meant; none for ``write``.
    """

    do: Annotated[str, one_of("write", "change", "wait")]
    at: Annotated[int, at_least(0)]
    value: Annotated[int, at_least(0)]
    why: str
    mask: Annotated[int, at_least(1)] = 0

    def __post_init__(self) -> None:
        _check_given("mask", self.mask != 0, self.do != "write")
        if self.at % 4:
            raise TableError("at", f"must be a multiple of 4, not {self.at:#x}")
        if self.value & ~self.bits:
            raise TableError("value", f"has bits outside the mask {self.mask:#x}: {self.value:#x}")

    @property
    def bits(self) -> int:
        """Those that are meant."""
        return self.mask or _WORD


@dataclass(frozen=True)
class Flashing:
    """How programs get onto the board.

    Attributes:
        methods: back ends of ``tinygen.run.flash``, the best first.
        chips: what each calls the chip: a name, or OpenOCD's configuration files.
    """

    methods: tuple[str, ...]
    chips: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Power:
    """What the chip draws while it computes, from its datasheet.

    Attributes:
        run_ua_per_mhz: supply current in microamperes a megahertz, code running from flash.
        millivolts: of the supply.
        source: the document and its conditions.
    """

    run_ua_per_mhz: Annotated[int, at_least(1)]
    millivolts: Annotated[int, at_least(1)]
    source: str

    @property
    def volts(self) -> float:
        """Of the supply."""
        return self.millivolts / 1000

    def microjoules(self, cycles: int) -> float:
        """What so many cycles of the processor take (µA/MHz are picocoulombs a cycle)."""
        return cycles * self.run_ua_per_mhz * self.volts / 1e6


@dataclass(frozen=True)
class Emulator:
    """What emulates the board.

    Attributes:
        kind: ``qemu`` or ``renode``.
        machine: QEMU's name of the machine, or Renode's platform file.
        cpu: QEMU's name of the processor.
        uart: Renode's name of the serial line.
        line: ``direct`` if QEMU must not take bytes from the host before the UART takes them, because
            its model of the UART does not ask for the next one then.
    """

    kind: Annotated[str, one_of("qemu", "renode")]
    machine: str
    cpu: str = ""
    uart: Annotated[str, identifier] = ""
    line: Annotated[str, one_of("direct")] = ""

    def __post_init__(self) -> None:
        _check_given("cpu", self.cpu != "", self.kind == "qemu")
        _check_given("uart", self.uart != "", self.kind == "renode")
        if self.kind == "renode" and self.line:
            raise TableError("line", "is not a known key")

    @property
    def reads_ahead(self) -> bool:
        """Whether QEMU may take bytes from the host before the UART takes them."""
        return self.line != "direct"


def _usb_id(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})", text)
    if found is None:
        raise ValueError(f"must be like '0483:374b', not {text!r}")
    return int(found[1], 16), int(found[2], 16)


def _core(name: Any) -> Core:
    try:
        return core(str(name))
    except InputError as error:
        raise ValueError(f"is {name!r}, {error.hint}") from None


@dataclass(frozen=True)
class Board(Result):
    """A board, or the host.

    Attributes:
        core: its processor.
        title: one line for people.
        clock_hz: processor clock once the board is set up; 0 for the host.
        stack_bytes: reserved for the stack; 0 for the host, whose system gives one.
        flash: code and constants go to the first of these; empty for the host.
        ram: variables go to the first of these, the arena where there is room; empty for the host.
        cache: what regions are read through.
        uart: the serial line the harness speaks over.
        name: the board file's name without its ending.
        emulator: what emulates it, or None for a real board and the host.
        vectors_in: name of the region the vector table is at the start of.
        stack_in: name of the RAM region the stack is at the start of.
        l1_caches: whether the start-up code switches the core's own caches on; not where something else
            than the core writes to memory (DMA).
        setup: register accesses that make clock, pins and serial line ready.
        boot: what the chip's boot ROM wants to find in flash: ``rp2040``, ``rp2350`` or nothing.
        flashing: how programs get onto it, or None where nothing but an emulator loads them.
        usb: vendor and product numbers of its debug probe or serial adapter.
        power: what its chip draws while it computes, where a datasheet says.
    """

    name: str
    core: Annotated[Core, _core]
    title: str
    clock_hz: Annotated[int, at_least(1)]
    stack_bytes: Annotated[int, at_least(256)]
    flash: tuple[Region, ...]
    ram: tuple[RamRegion, ...]
    uart: Uart
    cache: tuple[Cache, ...] = ()
    emulator: Emulator | None = None
    vectors_in: str = ""
    stack_in: str = ""
    l1_caches: bool = True
    setup: tuple[Step, ...] = ()
    boot: Annotated[str, one_of(*_BOOT_BLOCKS)] = ""
    flashing: Flashing | None = None
    usb: tuple[Annotated[tuple[int, int], _usb_id], ...] = ()
    power: Power | None = None

    def to_dict(self) -> dict[str, Any]:
        """What it is, and how much it has."""
        return {
            "name": self.name,
            "title": self.title,
            "core": self.core.name,
            "flash_bytes": sum(region.length for region in self.flash),
            "ram_bytes": sum(region.length for region in self.ram),
            "emulator": self.emulator.kind if self.emulator else "",
        }

    @property
    def is_host(self) -> bool:
        """Whether programs for it run natively on this machine."""
        return self.core.is_host

    @property
    def stack_guard_bytes(self) -> int:
        """Addresses right below the stack that the MPU keeps free, as many as alignment allows."""
        origin = next(region.origin for region in self.ram if region.name == self.stack_in)
        alignment = origin & -origin or GUARD_BYTES
        return min(alignment, GUARD_BYTES)


@dataclass(frozen=True)
class _Host:
    """The host's file; the rest of a board it does not have."""

    core: str
    title: str
    uart: Mapping[str, str]


def _check_regions(loaded: Board) -> None:
    """The first fault of the memory map, which the linker would report less clearly."""
    regions = (*loaded.flash, *loaded.ram)
    check_caches(loaded.cache, regions)
    for number, region in enumerate(regions):
        if region.end > 1 << 32:
            raise TableError(region.name, "ends past the 32-bit address space")
        for other in regions[:number]:
            if region.name == other.name:
                raise TableError("ram", f"and flash have two regions named {region.name}")
            if region.origin < other.end and other.origin < region.end:
                raise TableError(region.name, f"overlaps region {other.name}")
    if loaded.vectors_in not in {region.name for region in regions}:
        raise TableError("vectors_in", f"names no region: {loaded.vectors_in!r}")
    stack = next((region for region in loaded.ram if region.name == loaded.stack_in), None)
    if stack is None:
        raise TableError("stack_in", f"names no RAM region: {loaded.stack_in!r}")
    if loaded.stack_bytes > stack.length:
        raise TableError("stack_bytes", f"is more than region {stack.name} has")
    if loaded.stack_guard_bytes < _SMALLEST_GUARD_BYTES:
        raise TableError("stack_in", f"starts at no multiple of {_SMALLEST_GUARD_BYTES}")
    for other in regions:
        if stack.origin - GUARD_BYTES < other.end <= stack.origin:
            raise TableError(
                "stack_in",
                f"is {stack.name}, right above {other.name}: an overflow would go unnoticed",
            )


def load_board(path: Path) -> Board:
    """Reads one board file.

    Raises:
        InputError: it cannot be read, is no TOML, or lacks or misspells something; the message
            names the file and the key.
    """
    with faults_of(path, "the boards that come with tinygen are examples: see `tinygen boards`"):
        content = load_toml(path, "board file")
        if content.get("core") == HOST:
            host = read_table(_Host, content)
            return Board(path.stem, core(HOST), host.title, 0, 0, (), (), Uart(HOST, 0, 0))
        given = read_table(Board, content, name=path.stem)
        loaded = replace(
            given,
            vectors_in=given.vectors_in or given.flash[0].name,
            stack_in=given.stack_in or given.ram[0].name,
        )
        _check_regions(loaded)
        return loaded


def all_boards() -> tuple[Board, ...]:
    """Every board that comes with tinygen, by name."""
    return tuple(load_board(path) for path in sorted((resource_root() / "boards").glob("*.toml")))


def board(name_or_path: str | Path, target: str | None = None) -> Board:
    """The board of that name, or the one a ``.toml`` file describes.

    Args:
        name_or_path: of the board.
        target: the core to build for, if not the board's own.

    Raises:
        InputError: no such board, the file is at fault, or its core cannot execute what is built.
    """
    found = _board(name_or_path)
    return found if target is None else built_for(found, core(target))


def built_for(found: Board, target: Core) -> Board:
    """The board with its programs built for another core, which its own must be able to execute."""
    if not found.core.executes(target):
        raise InputError(
            f"{found.name} has a {found.core.name}, which cannot run programs for {target.name}",
            "a core runs those for cores of its generation with less or the same features",
        )
    return replace(found, core=target)


def emulated_board(target: Core) -> Board:
    """The emulated board that runs a core's programs: of that core, the one with the most RAM.

    Raises:
        InputError: there is none.
    """
    found = [b for b in all_boards() if b.core.executes(target) and (b.emulator or b.is_host)]
    if not found:
        raise InputError(
            f"no emulated board runs programs for {target.name}", "say which board does"
        )

    def rank(one: Board) -> tuple[bool, int]:
        return one.core == target, sum(region.length for region in one.ram)

    return built_for(max(found, key=rank), target)


def _board(name_or_path: str | Path) -> Board:
    if str(name_or_path).endswith(".toml"):
        return load_board(Path(name_or_path))
    path = resource_root() / "boards" / f"{name_or_path}.toml"
    if "/" in str(name_or_path) or not path.is_file():
        names = ", ".join(file.stem for file in sorted(path.parent.glob("*.toml")))
        raise InputError(
            f"unknown board {str(name_or_path)!r}", f"known boards: {names}; or give a .toml file"
        )
    return load_board(path)
