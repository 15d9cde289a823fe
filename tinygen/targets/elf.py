# SPDX-License-Identifier: Apache-2.0
"""A small reader of ELF32 section headers: what a linked program occupies.

Layout: "Executable and Linking Format", TIS 1.2, chapter 1 (ELF header, section header).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import BuildError

_SHF_WRITE = 1
_SHF_ALLOC = 2
_SHT_NOBITS = 8


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


def read_sections(path: Path) -> tuple[Section, ...]:
    """The allocated sections of a little-endian ELF32 file, in file order.

    Raises:
        BuildError: the file is no such ELF file.
    """
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01":
        raise BuildError(f"{path}: not a little-endian ELF32 file")
    try:
        (table,) = struct.unpack_from("<I", data, 32)
        entry_size, count, names_index = struct.unpack_from("<HHH", data, 46)
        headers = [
            struct.unpack_from("<IIIIIIIIII", data, table + i * entry_size) for i in range(count)
        ]
        names = headers[names_index][4]
        sections = []
        for name, kind, flags, address, _offset, size, *_ in headers:
            if flags & _SHF_ALLOC:
                start = names + name
                sections.append(
                    Section(
                        data[start : data.index(b"\0", start)].decode(),
                        address,
                        size,
                        bool(flags & _SHF_WRITE),
                        kind != _SHT_NOBITS,
                    )
                )
    except (struct.error, IndexError, ValueError) as error:
        raise BuildError(f"{path}: damaged ELF file: {error}") from error
    return tuple(sections)
