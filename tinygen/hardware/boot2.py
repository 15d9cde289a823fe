# SPDX-License-Identifier: Apache-2.0
"""The checksum of the RP2040's second boot stage, which the boot ROM checks before it runs it."""

from __future__ import annotations

from pathlib import Path

from tinygen.errors import BuildError
from tinygen.hardware.elf import section_offset

_SECTION = ".boot2"
_BYTES = 256
_POLYNOMIAL = 0x04C11DB7


def boot2_crc(code: bytes) -> int:
    """CRC-32, not reflected, start value all ones (RP2040 Datasheet, 2.8.1.3.1)."""
    crc = 0xFFFFFFFF
    for byte in code:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (_POLYNOMIAL if crc & 0x80000000 else 0)
            crc &= 0xFFFFFFFF
    return crc


def seal_boot2(elf: Path) -> None:
    """Writes the checksum into the last four bytes of the ``.boot2`` section.

    Raises:
        BuildError: the section is missing or not 256 bytes long.
    """
    offset, size = section_offset(elf, _SECTION)
    if size != _BYTES:
        raise BuildError(f"{elf}: section {_SECTION} has {size} bytes, not {_BYTES}")
    data = bytearray(elf.read_bytes())
    code = bytes(data[offset : offset + _BYTES - 4])
    data[offset + _BYTES - 4 : offset + _BYTES] = boot2_crc(code).to_bytes(4, "little")
    elf.write_bytes(data)
