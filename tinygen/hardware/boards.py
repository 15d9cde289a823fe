# SPDX-License-Identifier: Apache-2.0
"""Boards: one TOML file each in boards/ (or the user's own), checked into a frozen Board."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tinygen.errors import InputError
from tinygen.hardware.cores import Core, all_cores, core
from tinygen.resources import resource_root

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

T = TypeVar("T")
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
    "host": (),
}
_EMULATORS = ("qemu", "renode")
_BOOT_BLOCKS = ("rp2040", "rp2350")
FLASH_METHODS = (
    "probe-rs",
    "pyocd",
    "openocd",
    "st-flash",
    "stm32cubeprogrammer",
    "nrfutil",
    "nrfjprog",
    "jlink",
    "uf2",
    "stm32loader",
)
"""Names of the flash back ends (tinygen/flash), as board files list them."""
GUARD_BYTES = 32 * 1024
"""Addresses below the stack that the MPU keeps free, so that an overflow is noticed."""


@dataclass(frozen=True)
class Region:
    """A memory region: its name in the linker script, first address and length in bytes.

    ``fast``: quicker to access than the other RAM, as tightly coupled memory is.
    """

    name: str
    origin: int
    length: int
    fast: bool = False


@dataclass(frozen=True)
class Uart:
    """The serial line.

    Attributes:
        kind: driver, ``firmware/runtime/uart_<kind>.c``.
        base: address of its registers.
        baud: bits a second, to begin with.
        clock_hz: what its divider divides.
        parameters: the driver's own integers.
        pins: the board's pins it is on, for people.
        max_baud: the most the board can do; harness and target agree on something up to it.
    """

    kind: str
    base: int
    baud: int
    clock_hz: int
    parameters: Mapping[str, int]
    pins: str = ""
    max_baud: int = 0


@dataclass(frozen=True)
class Step:
    """One access of a register while the board is set up, before the serial line is.

    Attributes:
        kind: ``write`` all bits, ``change`` those of ``mask``, or ``wait`` until they are ``value``.
        address: of the 32-bit register.
        mask: bits that are meant.
        value: of these bits.
        why: register, purpose and section of the manual.
    """

    kind: str
    address: int
    mask: int
    value: int
    why: str


@dataclass(frozen=True)
class Flashing:
    """How programs get onto the board.

    Attributes:
        methods: back ends of ``tinygen.run.flash``, the best first.
        chips: what each calls the chip: a name, or OpenOCD's configuration files.
    """

    methods: tuple[str, ...]
    chips: Mapping[str, str]


@dataclass(frozen=True)
class Power:
    """What the chip draws while it computes, from its datasheet.

    Attributes:
        run_ua_per_mhz: supply current in microamperes a megahertz, code running from flash.
        volts: of the supply.
        source: the document and its conditions.
    """

    run_ua_per_mhz: int
    volts: float
    source: str


@dataclass(frozen=True)
class Emulator:
    """What emulates the board.

    Attributes:
        kind: ``qemu`` or ``renode``.
        machine: QEMU's name of the machine, or Renode's platform file.
        cpu: QEMU's name of the processor; empty for Renode.
        uart: Renode's name of the serial line; empty for QEMU.
        reads_ahead: whether QEMU may take bytes from the host before the UART takes them; its model
            of the UART must then ask for the next one.
    """

    kind: str
    machine: str
    cpu: str
    uart: str = ""
    reads_ahead: bool = True


@dataclass(frozen=True)
class Board:
    """A board, or the host.

    Attributes:
        name: the board file's name without its ending.
        title: one line for people.
        core: its processor.
        clock_hz: processor clock once the board is set up; 0 for the host.
        stack_bytes: reserved for the stack; 0 for the host, whose system gives one.
        flash: code and constants go to the first of these; empty for the host.
        ram: variables go to the first of these, the arena where there is room; empty for the host.
        uart: the serial line the harness speaks over.
        emulator: what emulates it, or None for a real board and the host.
        vectors_in: name of the region the vector table is at the start of.
        stack_in: name of the RAM region the stack is at the start of.
        setup: register accesses that make clock, pins and serial line ready.
        boot: what the chip's boot ROM wants to find in flash: ``rp2040``, ``rp2350`` or nothing.
        flashing: how programs get onto it, or None where nothing but an emulator loads them.
        usb_ids: USB vendor and product numbers of its debug probe or serial adapter.
        power: what its chip draws while it computes, where a datasheet says.
    """

    name: str
    title: str
    core: Core
    clock_hz: int
    stack_bytes: int
    flash: tuple[Region, ...]
    ram: tuple[Region, ...]
    uart: Uart
    emulator: Emulator | None
    vectors_in: str = ""
    stack_in: str = ""
    setup: tuple[Step, ...] = ()
    boot: str = ""
    flashing: Flashing | None = None
    usb_ids: tuple[tuple[int, int], ...] = ()
    power: Power | None = None

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


class _Table:
    """A TOML table that knows where it stands, so that every complaint names file and key."""

    def __init__(self, path: Path, prefix: str, content: Mapping[str, Any]) -> None:
        self._path = path
        self._prefix = prefix
        self._content = content
        self._used: set[str] = set()

    def complaint(self, key: str, what: str) -> InputError:
        """An error that names the file and the key."""
        return InputError(
            f"{self._path}: {self._prefix}{key} {what}",
            "the boards that come with tinygen are examples: see `tinygen boards`",
        )

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        self._used.add(key)
        value = self._content.get(key, default)
        if value is None:
            raise self.complaint(key, "is missing")
        # TOML's booleans are Python integers too.
        if not isinstance(value, kind) or isinstance(value, bool):
            names = {
                str: "a string",
                int: "an integer",
                dict: "a table",
                list: "an array of tables",
            }
            raise self.complaint(key, f"must be {names[kind]}, not {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """A boolean, false if it is left out."""
        self._used.add(key)
        value = self._content.get(key, False)
        if not isinstance(value, bool):
            raise self.complaint(key, f"must be true or false, not {value!r}")
        return value

    def natural(self, key: str, minimum: int, default: int | None = None) -> int:
        value = self.get(key, int, default)
        if not minimum <= value < 1 << 32:
            raise self.complaint(key, f"must be from {minimum} to 0xFFFFFFFF, not {value}")
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.get(key, str, default)
        if value == default:
            return value
        if value not in allowed:
            raise self.complaint(key, f"is {value!r}, known are {', '.join(allowed)}")
        return value

    def identifier(self, key: str) -> str:
        value = self.get(key, str)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise self.complaint(key, f"must be letters, digits and underscores, not {value!r}")
        return value

    def table(self, key: str) -> _Table:
        return _Table(self._path, f"{self._prefix}{key}.", self.get(key, dict))

    def tables(self, key: str) -> list[_Table]:
        entries = self.get(key, list)
        if not entries or not all(isinstance(entry, dict) for entry in entries):
            raise self.complaint(key, "must be one or more tables ([[...]])")
        return [
            _Table(self._path, f"{self._prefix}{key}[{i}].", entry)
            for i, entry in enumerate(entries)
        ]

    def strings(self, key: str) -> tuple[str, ...]:
        entries = self.get(key, list)
        if not entries or not all(isinstance(entry, str) for entry in entries):
            raise self.complaint(key, f"must be one or more strings, not {entries!r}")
        return tuple(entries)

    def names(self) -> tuple[str, ...]:
        return tuple(self._content)

    def has(self, key: str) -> bool:
        return key in self._content

    def finish(self) -> None:
        """Refuses keys nobody asked for: most of them are misspelt."""
        for key in self._content:
            if key not in self._used:
                raise self.complaint(key, "is not a known key")


def _finished(table: _Table, read: Callable[[_Table], T]) -> T:
    value = read(table)
    table.finish()
    return value


def _region(table: _Table) -> Region:
    return Region(table.identifier("name"), table.natural("origin", 0), table.natural("length", 1))


def _ram_region(table: _Table) -> Region:
    return replace(_region(table), fast=table.flag("fast"))


def _uart(table: _Table, clock_hz: int) -> Uart:
    kind = table.choice("kind", tuple(_UART_PARAMETERS))
    if kind == "host":
        return Uart(kind, 0, 0, 0, {})
    baud = table.natural("baud", 1)
    return Uart(
        kind,
        table.natural("base", 0),
        baud,
        table.natural("clock_hz", 1, clock_hz),
        {name: table.natural(name, 0) for name in _UART_PARAMETERS[kind]},
        table.get("pins", str, ""),
        table.natural("max_baud", baud, baud),
    )


def _emulator(table: _Table) -> Emulator:
    kind = table.choice("kind", _EMULATORS)
    machine = table.get("machine", str)
    if kind == "renode":
        return Emulator(kind, machine, "", table.identifier("uart"))
    line = table.choice("line", ("direct",), "")
    return Emulator(kind, machine, table.get("cpu", str), reads_ahead=line != "direct")


def _step(table: _Table) -> Step:
    kind = table.choice("do", ("write", "change", "wait"))
    address = table.natural("at", 0)
    value = table.natural("value", 0)
    mask = _WORD if kind == "write" else table.natural("mask", 1)
    if address % 4:
        raise table.complaint("at", f"must be a multiple of 4, not {address:#x}")
    if value & ~mask:
        raise table.complaint("value", f"has bits outside the mask {mask:#x}: {value:#x}")
    return Step(kind, address, mask, value, table.get("why", str))


def _flashing(table: _Table) -> Flashing:
    methods = table.strings("methods")
    for method in methods:
        if method not in FLASH_METHODS:
            raise table.complaint(
                "methods", f"has {method!r}, known are {', '.join(FLASH_METHODS)}"
            )
    chips = table.table("chips") if table.has("chips") else None
    if chips is None:
        return Flashing(methods, {})
    return Flashing(methods, {name: chips.get(name, str) for name in chips.names()})


def _power(table: _Table) -> Power:
    return Power(
        table.natural("run_ua_per_mhz", 1),
        table.natural("millivolts", 1) / 1000,
        table.get("source", str),
    )


def _usb_ids(table: _Table) -> tuple[tuple[int, int], ...]:
    ids = []
    for text in table.strings("usb"):
        found = re.fullmatch(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})", text)
        if found is None:
            raise table.complaint("usb", f"must be like '0483:374b', not {text!r}")
        ids.append((int(found[1], 16), int(found[2], 16)))
    return tuple(ids)


def _check_regions(table: _Table, loaded: Board) -> None:
    """The first fault of the memory map, which the linker would report less clearly."""
    regions = (*loaded.flash, *loaded.ram)
    for number, region in enumerate(regions):
        if region.origin + region.length > 1 << 32:
            raise table.complaint(region.name, "ends past the 32-bit address space")
        for other in regions[:number]:
            if region.name == other.name:
                raise table.complaint("ram", f"and flash have two regions named {region.name}")
            if (
                region.origin < other.origin + other.length
                and other.origin < region.origin + region.length
            ):
                raise table.complaint(region.name, f"overlaps region {other.name}")
    if loaded.vectors_in not in {region.name for region in regions}:
        raise table.complaint("vectors_in", f"names no region: {loaded.vectors_in!r}")
    stack = next((region for region in loaded.ram if region.name == loaded.stack_in), None)
    if stack is None:
        raise table.complaint("stack_in", f"names no RAM region: {loaded.stack_in!r}")
    if loaded.stack_bytes > stack.length:
        raise table.complaint("stack_bytes", f"is more than region {stack.name} has")
    if loaded.stack_guard_bytes < _SMALLEST_GUARD_BYTES:
        raise table.complaint("stack_in", f"starts at no multiple of {_SMALLEST_GUARD_BYTES}")
    for other in regions:
        if stack.origin - GUARD_BYTES < other.origin + other.length <= stack.origin:
            raise table.complaint(
                "stack_in",
                f"is {stack.name}, right above {other.name}: an overflow would go unnoticed",
            )


def load_board(path: Path) -> Board:
    """Reads one board file.

    Raises:
        InputError: it cannot be read, is no TOML, or lacks or misspells something; the message
            names the file and the key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the board file: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file: {error}") from error

    table = _Table(path, "", content)
    processor = core(table.choice("core", tuple(entry.name for entry in all_cores())))
    title = table.get("title", str)
    if processor.is_host:
        uart = _finished(table.table("uart"), lambda entry: _uart(entry, 0))
        table.finish()
        return Board(path.stem, title, processor, 0, 0, (), (), uart, None)
    clock_hz = table.natural("clock_hz", 1)
    flash = tuple(_finished(entry, _region) for entry in table.tables("flash"))
    ram = tuple(_finished(entry, _ram_region) for entry in table.tables("ram"))
    loaded = Board(
        name=path.stem,
        title=title,
        core=processor,
        clock_hz=clock_hz,
        stack_bytes=table.natural("stack_bytes", 256),
        flash=flash,
        ram=ram,
        uart=_finished(table.table("uart"), lambda entry: _uart(entry, clock_hz)),
        emulator=_finished(table.table("emulator"), _emulator) if table.has("emulator") else None,
        vectors_in=table.get("vectors_in", str, flash[0].name),
        stack_in=table.get("stack_in", str, ram[0].name),
        setup=tuple(_finished(entry, _step) for entry in table.tables("setup"))
        if table.has("setup")
        else (),
        boot=table.choice("boot", _BOOT_BLOCKS, ""),
        flashing=_finished(table.table("flashing"), _flashing) if table.has("flashing") else None,
        usb_ids=_usb_ids(table) if table.has("usb") else (),
        power=_finished(table.table("power"), _power) if table.has("power") else None,
    )
    table.finish()
    _check_regions(table, loaded)
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
