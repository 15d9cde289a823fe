# SPDX-License-Identifier: Apache-2.0
"""The ELF reader against what the linker was told, and on files that are none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.run.programs import need
from tinygen.errors import BuildError
from tinygen.hardware.elf import Section, read_sections


@pytest.mark.qemu
def test_sections(tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    source, program = tmp_path / "a.c", tmp_path / "a.elf"
    source.write_text(
        "const char table[100] = {1}; int counters[3] = {1}; char arena[1000];\n"
        "int main(void) { return table[counters[0]] + arena[1]; }\n"
    )
    flags = [
        "-nostdlib",
        "-Wl,-Ttext=0x1000,--section-start=.rodata=0x8000",
        "-Wl,-Tdata=0x20000000",
    ]
    subprocess.run(
        ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-e", "main", *flags, source, "-o", program],
        check=True,
    )
    sections = {section.name: section for section in read_sections(program)}
    assert sections[".rodata"] == Section(".rodata", 0x8000, 100, writable=False, stored=True)
    assert sections[".data"] == Section(".data", 0x20000000, 12, writable=True, stored=True)
    bss = sections[".bss"]
    assert (bss.size, bss.writable, bss.stored) == (1000, True, False)
    assert sections[".text"].address == 0x1000
    assert ".comment" not in sections


@pytest.mark.parametrize("content", [b"", b"MZ not an ELF", b"\x7fELF\x02\x01" + bytes(80)])
def test_other_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BuildError, match="not a little-endian ELF32 file"):
        read_sections(path)


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(
        b"\x7fELF\x01\x01" + bytes(26) + b"\xff\xff\0\0" + bytes(10) + b"\x28\0\3\0\1\0"
    )
    with pytest.raises(BuildError, match="damaged ELF file"):
        read_sections(path)
