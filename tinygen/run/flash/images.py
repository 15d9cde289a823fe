# SPDX-License-Identifier: Apache-2.0
"""A linked program in the file formats of flash tools: plain binary, Intel HEX, UF2."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from tinygen.errors import BuildError
from tinygen.hardware.elf import Segment, read_segments

_HEX_BYTES = 32
_UF2_BYTES = 256
_UF2_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_UF2_FAMILY_PRESENT = 0x2000
_MOST_GAP_BYTES = 1 << 20
UF2_FAMILIES = {"rp2040": 0xE48BFF56, "rp2350": 0xE48BFF59}
"""Family numbers (github.com/microsoft/uf2, utils/uf2families.json) by ``Board.boot``."""


def to_binary(elf: Path) -> tuple[int, bytes]:
    """First address and the bytes from there on; gaps are 0xFF, as in erased flash.

    Raises:
        BuildError: the program's parts are too far apart for such a file.
    """
    segments = sorted(read_segments(elf), key=lambda segment: segment.address)
    start = segments[0].address
    data = bytearray()
    for segment in segments:
        gap = segment.address - start - len(data)
        if not 0 <= gap <= _MOST_GAP_BYTES:
            raise BuildError(f"{elf}: a part at 0x{segment.address:08x} does not go into one file")
        data += b"\xff" * gap + segment.data
    return start, bytes(data)


def to_hex(elf: Path) -> str:
    """Intel HEX ("Hexadecimal Object File Format Specification", revision A)."""
    lines = []
    upper = None
    for address, data in _pieces(read_segments(elf), _HEX_BYTES):
        if address >> 16 != upper:
            upper = address >> 16
            lines.append(_hex_record(0, 4, upper.to_bytes(2, "big")))
        lines.append(_hex_record(address & 0xFFFF, 0, data))
    lines.append(_hex_record(0, 1, b""))
    return "\n".join(lines) + "\n"


def _hex_record(address: int, kind: int, data: bytes) -> str:
    record = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return f":{record.hex().upper()}{-sum(record) & 0xFF:02X}"


def to_uf2(elf: Path, family: int) -> bytes:
    """UF2 (github.com/microsoft/uf2): blocks of 512 bytes that each say where 256 go."""
    start, data = to_binary(elf)
    if start % _UF2_BYTES:
        raise BuildError(f"{elf}: starts at 0x{start:08x}, no multiple of {_UF2_BYTES}")
    count = -(-len(data) // _UF2_BYTES)
    blocks = []
    for number in range(count):
        content = data[number * _UF2_BYTES : (number + 1) * _UF2_BYTES].ljust(_UF2_BYTES, b"\xff")
        head = struct.pack(
            "<8I",
            *_UF2_MAGIC[:2],
            _UF2_FAMILY_PRESENT,
            start + number * _UF2_BYTES,
            _UF2_BYTES,
            number,
            count,
            family,
        )
        blocks.append((head + content).ljust(508, b"\0") + struct.pack("<I", _UF2_MAGIC[2]))
    return b"".join(blocks)


def _pieces(segments: Sequence[Segment], size: int) -> Iterator[tuple[int, bytes]]:
    """At most ``size`` bytes each, none across a multiple of ``size``."""
    for segment in sorted(segments, key=lambda segment: segment.address):
        at = 0
        while at < len(segment.data):
            address = segment.address + at
            length = min(size - address % size, len(segment.data) - at)
            yield address, segment.data[at : at + length]
            at += length
