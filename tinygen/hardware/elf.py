# SPDX-License-Identifier: Apache-2.0
"""A small reader of ELF32: what a linked program occupies, the bytes to load, and its symbols.

Layout: "Executable and Linking Format", TIS 1.2, chapter 1 (ELF header, section header, symbol table)
and chapter 2 (program header). What is read is little-endian; BuildError is raised where a file is no
such ELF file, or damaged.
"""

from __future__ import annotations

import struct
from collections import namedtuple
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import BuildError

_SHF_WRITE = 1
_SHF_ALLOC = 2
_SHT_SYMTAB = 2
_SHT_NOBITS = 8
_SHN_UNDEF = 0
_STT_FUNC = 2
_PT_LOAD = 1


@dataclass(frozen=True)
class Section:
    """A section that exists on the target: address and size in bytes.

    Attributes:
        name: e.g. ``.text``.
        address: where it is at run time.
        size: bytes.
        writable: it is in RAM at run time.
        stored: its content is part of the image (so a writable one takes flash too).
    """

    name: str
    address: int
    size: int
    writable: bool
    stored: bool


@dataclass(frozen=True)
class Segment:
    """Bytes that a flash tool puts at ``address`` (the load address, not that at run time)."""

    address: int
    data: bytes


@dataclass(frozen=True)
class Symbol:
    """A defined symbol: address and size in bytes (0 if unknown)."""

    address: int
    size: int


_Header = namedtuple(
    "_Header", "name kind flags address offset size link info alignment entry_size"
)
"""A section header."""


def read_sections(path: Path) -> tuple[Section, ...]:
    """The allocated sections, in file order."""
    return tuple(section for section, _ in _sections(path))


def section_offset(path: Path, name: str) -> tuple[int, int]:
    """Where a stored section is in the file, and its bytes; BuildError if there is none."""
    for section, offset in _sections(path):
        if section.name == name and section.stored:
            return offset, section.size
    raise BuildError(f"{path}: has no section {name}")


def read_segments(path: Path) -> tuple[Segment, ...]:
    """What is to be loaded, in file order; empty segments are left out."""
    with _content(path) as data:
        (table,) = struct.unpack_from("<I", data, 28)
        entry_size, count = struct.unpack_from("<HH", data, 42)
        segments = []
        for i in range(count):
            kind, offset, _virtual, address, size = struct.unpack_from(
                "<IIIII", data, table + i * entry_size
            )
            if kind == _PT_LOAD and size:
                content = data[offset : offset + size]
                if len(content) != size:
                    raise ValueError("a segment ends past its end")
                segments.append(Segment(address, content))
        return tuple(segments)


def read_symbols(path: Path) -> Mapping[str, Symbol]:
    """The defined symbols, by name.

    The address of a function is that of its first instruction: Thumb's bit 0 is cleared. Of several
    local symbols with one name, the last is kept.
    """
    symbols = {}
    with _content(path) as data:
        headers, _ = _headers(data)
        for header in headers:
            if header.kind != _SHT_SYMTAB:
                continue
            names = headers[header.link].offset
            for at in range(header.offset, header.offset + header.size, header.entry_size):
                name, value, size, info, _, section = struct.unpack_from("<IIIBBH", data, at)
                if section != _SHN_UNDEF and name != 0:
                    address = value & ~1 if info & 0xF == _STT_FUNC else value
                    symbols[_text(data, names + name)] = Symbol(address, size)
    return symbols


@contextmanager
def _content(path: Path) -> Iterator[bytes]:
    """The file's bytes; what goes wrong in reading them is the file's fault."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01":
        raise BuildError(f"{path}: not a little-endian ELF32 file")
    try:
        yield data
    except (struct.error, IndexError, ValueError) as error:
        raise BuildError(f"{path}: damaged ELF file: {error}") from error


def _headers(data: bytes) -> tuple[list[_Header], int]:
    """The section headers, and where the sections' names begin."""
    (table,) = struct.unpack_from("<I", data, 32)
    entry_size, count, names = struct.unpack_from("<HHH", data, 46)
    headers = [
        _Header(*struct.unpack_from("<10I", data, table + i * entry_size)) for i in range(count)
    ]
    return headers, headers[names].offset


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode()


def _sections(path: Path) -> list[tuple[Section, int]]:
    with _content(path) as data:
        headers, names = _headers(data)
        return [
            (
                Section(
                    _text(data, names + header.name),
                    header.address,
                    header.size,
                    bool(header.flags & _SHF_WRITE),
                    header.kind != _SHT_NOBITS,
                ),
                header.offset,
            )
            for header in headers
            if header.flags & _SHF_ALLOC
        ]
