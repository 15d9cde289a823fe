# SPDX-License-Identifier: Apache-2.0
"""Boards: one TOML file each in boards/ (or the user's own), checked into a frozen Board."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tinygen.errors import InputError
from tinygen.resources import resource_root
from tinygen.targets.cores import HOST, Core, all_cores, core

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

T = TypeVar("T")

# Driver kinds (firmware/runtime/uart_<kind>.c) and the integers each needs beside base and baud.
_UART_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "cmsdk": (),
    "nrf51": ("tx_pin", "rx_pin"),
    "host": (),
}
_EMULATORS = ("qemu",)


@dataclass(frozen=True)
class Region:
    """A memory region: its name in the linker script, first address and length in bytes."""

    name: str
    origin: int
    length: int


@dataclass(frozen=True)
class Uart:
    """The serial line: driver kind, base address, baud rate, and the driver's own integers."""

    kind: str
    base: int
    baud: int
    parameters: Mapping[str, int]


@dataclass(frozen=True)
class Emulator:
    """What emulates the board: ``qemu`` with its machine and processor names."""

    kind: str
    machine: str
    cpu: str


@dataclass(frozen=True)
class Board:
    """A board, or the host.

    Attributes:
        name: the board file's name without its ending.
        title: one line for people.
        core: its processor.
        clock_hz: processor and UART clock after reset; 0 for the host.
        stack_bytes: reserved for the stack; 0 for the host, whose system gives one.
        flash: code and constants go to the first of these; empty for the host.
        ram: stack and variables go to the first of these; empty for the host.
        uart: the serial line the harness speaks over.
        emulator: what emulates it, or None for a real board and the host.
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

    @property
    def is_host(self) -> bool:
        """Whether programs for it run natively on this machine."""
        return self.core.name == HOST


class _Table:
    """A TOML table that knows where it stands, so that every complaint names file and key."""

    def __init__(self, path: Path, prefix: str, content: Mapping[str, Any]) -> None:
        self._path = path
        self._prefix = prefix
        self._content = content
        self._used: set[str] = set()

    def _complain(self, key: str, what: str) -> InputError:
        return InputError(
            f"{self._path}: {self._prefix}{key} {what}",
            "the boards that come with tinygen are examples: see `tinygen boards`",
        )

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        self._used.add(key)
        value = self._content.get(key, default)
        if value is None:
            raise self._complain(key, "is missing")
        # TOML's booleans are Python integers too.
        if not isinstance(value, kind) or isinstance(value, bool):
            names = {
                str: "a string",
                int: "an integer",
                dict: "a table",
                list: "an array of tables",
            }
            raise self._complain(key, f"must be {names[kind]}, not {value!r}")
        return value

    def natural(self, key: str, minimum: int, default: int | None = None) -> int:
        value = self.get(key, int, default)
        if not minimum <= value < 1 << 32:
            raise self._complain(key, f"must be from {minimum} to 0xFFFFFFFF, not {value}")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.get(key, str)
        if value not in allowed:
            raise self._complain(key, f"is {value!r}, known are {', '.join(allowed)}")
        return value

    def identifier(self, key: str) -> str:
        value = self.get(key, str)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise self._complain(key, f"must be letters, digits and underscores, not {value!r}")
        return value

    def table(self, key: str) -> _Table:
        return _Table(self._path, f"{self._prefix}{key}.", self.get(key, dict))

    def tables(self, key: str) -> list[_Table]:
        entries = self.get(key, list)
        if not entries or not all(isinstance(entry, dict) for entry in entries):
            raise self._complain(key, "must be one or more tables ([[...]])")
        return [
            _Table(self._path, f"{self._prefix}{key}[{i}].", entry)
            for i, entry in enumerate(entries)
        ]

    def has(self, key: str) -> bool:
        return key in self._content

    def finish(self) -> None:
        """Refuses keys nobody asked for: most of them are misspelt."""
        for key in self._content:
            if key not in self._used:
                raise self._complain(key, "is not a known key")


def _finished(table: _Table, read: Callable[[_Table], T]) -> T:
    value = read(table)
    table.finish()
    return value


def _region(table: _Table) -> Region:
    return Region(table.identifier("name"), table.natural("origin", 0), table.natural("length", 1))


def _uart(table: _Table) -> Uart:
    kind = table.choice("kind", tuple(_UART_PARAMETERS))
    if kind == "host":
        return Uart(kind, 0, 0, {})
    return Uart(
        kind,
        table.natural("base", 0),
        table.natural("baud", 1),
        {name: table.natural(name, 0) for name in _UART_PARAMETERS[kind]},
    )


def _emulator(table: _Table) -> Emulator:
    return Emulator(
        table.choice("kind", _EMULATORS), table.get("machine", str), table.get("cpu", str)
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
    on_host = processor.name == HOST
    loaded = Board(
        name=path.stem,
        title=table.get("title", str),
        core=processor,
        clock_hz=0 if on_host else table.natural("clock_hz", 1),
        stack_bytes=0 if on_host else table.natural("stack_bytes", 256),
        flash=() if on_host else tuple(_finished(t, _region) for t in table.tables("flash")),
        ram=() if on_host else tuple(_finished(t, _region) for t in table.tables("ram")),
        uart=_finished(table.table("uart"), _uart),
        emulator=_finished(table.table("emulator"), _emulator) if table.has("emulator") else None,
    )
    table.finish()
    return loaded


def all_boards() -> tuple[Board, ...]:
    """Every board that comes with tinygen, by name."""
    return tuple(load_board(path) for path in sorted((resource_root() / "boards").glob("*.toml")))


def board(name_or_path: str | Path) -> Board:
    """The board of that name, or the one a ``.toml`` file describes.

    Raises:
        InputError: no such board, or the file is at fault.
    """
    if str(name_or_path).endswith(".toml"):
        return load_board(Path(name_or_path))
    path = resource_root() / "boards" / f"{name_or_path}.toml"
    if "/" in str(name_or_path) or not path.is_file():
        names = ", ".join(file.stem for file in sorted(path.parent.glob("*.toml")))
        raise InputError(
            f"unknown board {str(name_or_path)!r}", f"known boards: {names}; or give a .toml file"
        )
    return load_board(path)
