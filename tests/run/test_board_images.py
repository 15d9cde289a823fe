# SPDX-License-Identifier: Apache-2.0
"""Every board file builds a linked image of a real model whose parts are where the chip has memory."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import shared_model
from tests.run.programs import AFFINE, AFFINE_INTERFACE, need
from tinygen.compilation import compile_model
from tinygen.emit import Interface, write_files
from tinygen.errors import BudgetError
from tinygen.hardware.boards import Board, all_boards, board
from tinygen.hardware.boot2 import boot2_crc
from tinygen.hardware.elf import Section, Symbol, read_sections, read_segments, read_symbols
from tinygen.hardware.memories import Region
from tinygen.planning.options import KernelChoice, Options
from tinygen.run.build import build_image
from tinygen.run.runner import Image

REAL = [pytest.param(entry, id=entry.name) for entry in all_boards() if not entry.is_host]
# 8 KB of RAM; the arena alone is larger.
TOO_SMALL = ("qemu-stm32vldiscovery",)


class Builder:
    """Builds images of mlperf_kws; the model is compiled once for each core."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects: dict[str, tuple[Interface, tuple[Path, ...]]] = {}

    def build(self, target: Board) -> Image:
        """An image for a board."""
        core = target.core.name
        generated = self._folder / core / "generated"
        build = self._folder / target.name
        if core not in self._objects:
            options = Options(core=target.core, kernels=KernelChoice.TINYGEN)
            compilation = compile_model(shared_model("mlperf_kws.tflite"), options)
            write_files(compilation.files, generated)
            # For a board on which everything fits, so that it ends well.
            large = replace(
                board("qemu-mps2-an386"), name=f"large-{core}", core=target.core, emulator=None
            )
            image = build_image(
                generated, compilation.interface, large, self._folder / core / "build", trace=False
            )
            self._objects[core] = compilation.interface, image.model_objects
        program, objects = self._objects[core]
        return build_image(generated, program, target, build, trace=False, model_objects=objects)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    need("arm-none-eabi-gcc")
    return Builder(tmp_path_factory.mktemp("boards"))


@pytest.mark.parametrize("target", REAL)
def test_linked_image_or_the_sizes(target: Board, builder: Builder) -> None:
    if target.name in TOO_SMALL:
        with pytest.raises(BudgetError) as failure:
            builder.build(target)
        assert (
            f"of board {target.name}, which has {target.ram[0].length:,}" in failure.value.message
        )
        # Smaller than any model that would say something: the affine one.
        check_map(
            build_image(AFFINE, AFFINE_INTERFACE, target, builder_folder(builder), trace=False)
        )
        return
    check_map(builder.build(target))


def builder_folder(builder: Builder) -> Path:
    """Where the small model is built."""
    return builder._folder / "affine"


def check_map(image: Image) -> None:
    """Vectors, stack and every section are where the board file says there is such memory."""
    target = image.board
    regions = {region.name: region for region in (*target.flash, *target.ram)}
    sections = {section.name: section for section in read_sections(image.elf)}
    symbols = read_symbols(image.elf)
    _check_vectors(image, regions[target.vectors_in], symbols)
    stack, home = sections[".stack"], regions[target.stack_in]
    assert (stack.address, stack.size) == (home.origin, target.stack_bytes)
    assert stack.address % target.stack_guard_bytes == 0
    for section in sections.values():
        if section.name == ".stack":
            continue
        holders = target.ram if section.writable else target.flash
        assert any(_holds(region, section) for region in holders), section
    for segment in read_segments(image.elf):
        loaded = Section("", segment.address, len(segment.data), False, True)
        assert any(_holds(region, loaded) for region in target.flash), hex(segment.address)
    for one in sections.values():
        for other in sections.values():
            if one is not other and one.size and other.size:
                assert (
                    one.address + one.size <= other.address
                    or other.address + other.size <= one.address
                ), (one, other)
    assert image.map_file is not None
    assert "malloc" not in image.map_file.read_text().split("Linker script and memory map")[1]


def _holds(region: Region, section: Section) -> bool:
    return (
        region.origin <= section.address
        and section.address + section.size <= region.origin + region.length
    )


def _check_vectors(image: Image, home: Region, symbols: Mapping[str, Symbol]) -> None:
    """The table's first words are the stack's top and the reset handler, where the chip looks."""
    table = home.origin + (256 if image.board.boot == "rp2040" else 0)
    assert symbols["tinygen_vectors"].address == table
    assert table % 128 == 0
    top, reset = struct.unpack("<II", content(image, table, 8))
    assert top == symbols["tinygen_stack_top"].address
    assert reset == symbols["reset_handler"].address | 1
    if image.board.boot == "rp2040":
        boot2 = content(image, home.origin, 256)
        assert struct.unpack("<I", boot2[252:])[0] == boot2_crc(boot2[:252])
        # Push of the first instruction: code, not padding.
        assert boot2[:2] != bytes(2)
    if image.board.boot == "rp2350":
        start = content(image, home.origin, 4096)
        block = struct.pack("<5I", 0xFFFFDED3, 0x10210142, 0x1FF, 0, 0xAB123579)
        assert start.count(block) == 1
        assert start.index(block) % 4 == 0


def content(image: Image, address: int, length: int) -> bytes:
    """Bytes of the image as they are in flash."""
    data = bytearray(length)
    for segment in read_segments(image.elf):
        for i in range(length):
            at = address + i - segment.address
            if 0 <= at < len(segment.data):
                data[i] = segment.data[at]
    return bytes(data)


def test_boot2_crc_is_the_one_of_the_boot_rom() -> None:
    # CRC-32/MPEG-2's check value.
    assert boot2_crc(b"123456789") == 0x0376E6E7


def test_a_bank_of_memory_can_be_asked_for(tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    target = board("nucleo-f746zg")
    folder = tmp_path / "model"
    folder.mkdir()
    for path in AFFINE.iterdir():
        text = path.read_text().replace("} arena;", '} arena __attribute__((section(".dtcm")));')
        (folder / path.name).write_text(text)
    image = build_image(folder, AFFINE_INTERFACE, target, tmp_path / "build", trace=False)
    check_map(image)
    sections = {section.name: section for section in read_sections(image.elf)}
    assert sections[".dtcm"].size >= 1504
    assert sections[".dtcm"].address == target.ram[1].origin + target.stack_bytes
