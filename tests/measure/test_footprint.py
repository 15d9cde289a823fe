# SPDX-License-Identifier: Apache-2.0
"""Flash and RAM from map files and programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.errors import BuildError
from tinygen.hardware.elf import read_symbols
from tinygen.hardware.link_map import Contribution, read_link_map

MAP = """\
Archive member included to satisfy reference by file (symbol)

/usr/lib/libm.a(libm_a-sf_exp.o)
                              /b/objects/000_net.o (expf)
/usr/lib/libm.a(libm_a-math_err.o)
                              /usr/lib/libm.a(libm_a-sf_exp.o) (__math_oflowf)
/usr/lib/libg.a(lib_a-memcpy.o)
                              /b/objects/002_harness_main.o (memcpy)
libx.a(y.o)                   /b/objects/000_net.o (y)

Discarded input sections

 .text          0x00000000        0x9 /b/objects/000_net.o

Memory Configuration

Name             Origin             Length             Attributes
ssram1           0x00000000         0x00400000         xr

Linker script and memory map

LOAD /b/objects/000_net.o

.text           0x00000040      0x120
 *(.text .text.*)
 .text          0x00000040        0x0 /b/objects/000_net.o
 .text.net_invoke
                0x00000040       0x30 /b/objects/000_net.o
                0x00000040                net_invoke
 *fill*         0x00000070        0x4
 .text.expf     0x00000074       0xa8 /usr/lib/libm.a(libm_a-sf_exp.o)

.bss            0x20000000       0x10
 COMMON         0x20000000       0x10 /b/objects/003 wire.o
                0x20000000                frame
"""


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.map"
    path.write_text(MAP)
    return path


def test_contributions(map_file: Path) -> None:
    assert read_link_map(map_file).contributions == (
        Contribution(".text", "/b/objects/000_net.o", 0x30),
        Contribution(".text", "", 4),
        Contribution(".text", "/usr/lib/libm.a(libm_a-sf_exp.o)", 0xA8),
        Contribution(".bss", "/b/objects/003 wire.o", 0x10),
    )


def test_library_members_belong_to_who_asked_for_them(map_file: Path) -> None:
    link = read_link_map(map_file)
    model = {"/b/objects/000_net.o"}
    assert link.belongs_to("/b/objects/000_net.o", model)
    assert link.belongs_to("/usr/lib/libm.a(libm_a-sf_exp.o)", model)
    assert link.belongs_to("/usr/lib/libm.a(libm_a-math_err.o)", model)
    assert link.belongs_to("libx.a(y.o)", model)
    assert not link.belongs_to("/usr/lib/libg.a(lib_a-memcpy.o)", model)
    assert not link.belongs_to("/b/objects/002_harness_main.o", model)
    assert not link.belongs_to("", model)


def test_no_map(tmp_path: Path) -> None:
    path = tmp_path / "net.map"
    path.write_text("nothing")
    with pytest.raises(BuildError, match="not a map file"):
        read_link_map(path)


@pytest.mark.parametrize("content", [b"", b"MZ", b"\x7fELF\x01\x01" + bytes(10)])
def test_no_program(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.elf"
    path.write_bytes(content)
    with pytest.raises(BuildError, match="ELF"):
        read_symbols(path)
