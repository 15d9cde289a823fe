# SPDX-License-Identifier: Apache-2.0
"""The symbol table of an ELF32 file: where functions and objects were linked.

Layout: "Executable and Linking Format", TIS 1.2, chapter 1 (section header, symbol table).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import BuildError

_SHT_SYMTAB = 2
_SHN_UNDEF = 0
_STT_FUNC = 2


@dataclass(frozen=True)
class Symbol:
    """A defined symbol: address and size in bytes (0 if unknown)."""

    address: int
    size: int


def read_symbols(path: Path) -> Mapping[str, Symbol]:
    """The defined symbols of a little-endian ELF32 file, by name.

    The address of a function is that of its first instruction: Thumb's bit 0 is cleared. Of several
    local symbols with one name, the last is kept.

    Raises:
        BuildError: the file is no such ELF file.
    """
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01":
        raise BuildError(f"{path}: not a little-endian ELF32 file")
    symbols = {}
    try:
        (table,) = struct.unpack_from("<I", data, 32)
        entry_size, count = struct.unpack_from("<HH", data, 46)
        headers = [
            struct.unpack_from("<IIIIIIIIII", data, table + i * entry_size) for i in range(count)
        ]
        for _, kind, _, _, offset, size, names_index, _, _, step in headers:
            if kind != _SHT_SYMTAB:
                continue
            names = headers[names_index][4]
            for at in range(offset, offset + size, step):
                name, value, length, info, _, section = struct.unpack_from("<IIIBBH", data, at)
                if section == _SHN_UNDEF or name == 0:
                    continue
                start = names + name
                text = data[start : data.index(b"\0", start)].decode()
                address = value & ~1 if info & 0xF == _STT_FUNC else value
                symbols[text] = Symbol(address, length)
    except (struct.error, IndexError, ValueError) as error:
        raise BuildError(f"{path}: damaged ELF file: {error}") from error
    return symbols
