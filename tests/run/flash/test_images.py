# SPDX-License-Identifier: Apache-2.0
"""File formats of flash tools, read back independently."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.run.flash.test_flash import small_elf
from tests.run.programs import build_affine, need
from tinygen.errors import BuildError
from tinygen.hardware.boards import board
from tinygen.hardware.elf import read_segments
from tinygen.run.flash.images import to_binary, to_hex, to_uf2


def read_hex(text: str) -> dict[int, int]:
    """Bytes by address, every checksum checked."""
    memory: dict[int, int] = {}
    upper = 0
    lines = text.splitlines()
    for line in lines:
        record = bytes.fromhex(line.removeprefix(":"))
        assert sum(record) % 256 == 0
        length, address, kind, data = record[0], record[1] << 8 | record[2], record[3], record[4:-1]
        assert length == len(data)
        if kind == 4:
            upper = int.from_bytes(data, "big") << 16
        elif kind == 0:
            memory.update({upper + address + i: byte for i, byte in enumerate(data)})
    assert lines[-1] == ":00000001FF"
    return memory


def test_hex_and_binary_hold_every_segment(tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    elf = build_affine(board("nucleo-l476rg"), tmp_path).elf
    expected = {
        segment.address + i: byte
        for segment in read_segments(elf)
        for i, byte in enumerate(segment.data)
    }
    assert read_hex(to_hex(elf)) == expected
    start, data = to_binary(elf)
    assert start == 0x08000000
    assert all(data[address - start] == byte for address, byte in expected.items())


def test_hex_across_64_kilobytes(tmp_path: Path) -> None:
    path = tmp_path / "a.elf"
    data = bytes(i * 7 & 255 for i in range(100))
    path.write_bytes(small_elf(0x0801FFF3, data))
    assert read_hex(to_hex(path)) == {0x0801FFF3 + i: byte for i, byte in enumerate(data)}


def test_uf2_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.elf"
    data = bytes(i * 5 & 255 for i in range(700))
    path.write_bytes(small_elf(0x10000000, data))
    uf2 = to_uf2(path, 0xE48BFF56)
    assert len(uf2) == 3 * 512
    read = b""
    for number in range(3):
        block = uf2[512 * number : 512 * (number + 1)]
        fields = struct.unpack_from("<8I", block)
        assert fields == (
            0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * number, 256, number, 3, 0xE48BFF56,
        )  # fmt: skip
        assert block[-4:] == struct.pack("<I", 0x0AB16F30)
        read += block[32:288]
    assert read == data.ljust(768, b"\xff")


def test_parts_too_far_apart(tmp_path: Path) -> None:
    header = bytearray(small_elf(0x08000000, b"abcd"))
    # A second segment, the same bytes in RAM.
    struct.pack_into("<H", header, 44, 2)
    second = struct.pack("<8I", 1, 116, 0x20000000, 0x20000000, 4, 4, 5, 4)
    content = header[:84] + second + b"abcd"
    struct.pack_into("<I", content, 56, 116)
    path = tmp_path / "a.elf"
    path.write_bytes(bytes(content))
    with pytest.raises(BuildError, match="0x20000000 does not go into one file"):
        to_binary(path)
    assert len(read_hex(to_hex(path))) == 8
