# SPDX-License-Identifier: Apache-2.0
"""A small reader of ELF32: what a linked program occupies, and the bytes to load.

Layout: "Executable and Linking Format", TIS 1.2, chapter 1 (ELF header, section header) and
chapter 2 (program header).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import BuildError

_SHF_WRITE = 1
_SHF_ALLOC = 2
_SHT_NOBITS = 8
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


def read_sections(path: Path) -> tuple[Section, ...]:
    """The allocated sections of a little-endian ELF32 file, in file order.

    Raises:
        BuildError: the file is no such ELF file.
    """
    return tuple(section for section, _ in _sections(path, _read(path)))


def section_offset(path: Path, name: str) -> tuple[int, int]:
    """Where a stored section is in the file, and its bytes.

    Raises:
        BuildError: there is none of that name.
    """
    for section, offset in _sections(path, _read(path)):
        if section.name == name and section.stored:
            return offset, section.size
    raise BuildError(f"{path}: has no section {name}")


def read_segments(path: Path) -> tuple[Segment, ...]:
    """What is to be loaded, in file order; empty segments are left out.

    Raises:
        BuildError: the file is no such ELF file, or truncated.
    """
    data = _read(path)
    try:
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
                    raise BuildError(f"{path}: damaged ELF file: a segment ends past its end")
                segments.append(Segment(address, content))
    except struct.error as error:
        raise BuildError(f"{path}: damaged ELF file: {error}") from error
    return tuple(segments)


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01":
        raise BuildError(f"{path}: not a little-endian ELF32 file")
    return data


def _sections(path: Path, data: bytes) -> Iterator[tuple[Section, int]]:
    try:
        (table,) = struct.unpack_from("<I", data, 32)
        entry_size, count, names_index = struct.unpack_from("<HHH", data, 46)
        headers = [
            struct.unpack_from("<IIIIIIIIII", data, table + i * entry_size) for i in range(count)
        ]
        names = headers[names_index][4]
        for name, kind, flags, address, offset, size, *_ in headers:
            if flags & _SHF_ALLOC:
                start = names + name
                section = Section(
                    data[start : data.index(b"\0", start)].decode(),
                    address,
                    size,
                    bool(flags & _SHF_WRITE),
                    kind != _SHT_NOBITS,
                )
                yield section, offset
    except (struct.error, IndexError, ValueError) as error:
        raise BuildError(f"{path}: damaged ELF file: {error}") from error
