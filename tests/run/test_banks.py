# SPDX-License-Identifier: Apache-2.0
"""Models spread over two memories of an emulated Cortex-M4: bits, and what the linker put where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import shared_model
from tests.run.programs import need, need_tools_of
from tinygen.compilation import Compilation, compile_model
from tinygen.emit import write_files
from tinygen.hardware.boards import Board, board
from tinygen.hardware.elf import read_symbols
from tinygen.ir import reference
from tinygen.measure.footprint import measure_footprint
from tinygen.measure.verify import verify
from tinygen.planning.board_memory import chosen_banks, ram_budget
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.run.build import build_image

TWO_BANKS = Path(__file__).parent / "banks" / "an386-two-banks.toml"


def compiled(
    name: str, target: Board, *given: str, optimize: Optimize = Optimize.SPEED, pushed: bool = False
) -> Compilation:
    """A real model for a board; ``given`` are the values of --bank."""
    banks = chosen_banks(target, given)
    options = Options(
        core=target.core,
        name="net",
        kernels=KernelChoice.TINYGEN,
        optimize=optimize,
        ram=ram_budget(target, banks),
        stream_input=pushed,
        banks=banks,
    )
    return compile_model(shared_model(f"{name}.tflite"), options)


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("name", "given", "optimize", "pushed"),
    [
        ("mlperf_ic", (), Optimize.SPEED, False),
        ("mlperf_kws", ("block=4096,fast",), Optimize.SPEED, False),
        ("mlperf_kws", ("block=2048,fast",), Optimize.RAM, True),
        ("mlperf_ic", ("block=8192,fast",), Optimize.RAM, False),
    ],
)
def test_bit_exact(
    name: str, given: tuple[str, ...], optimize: Optimize, pushed: bool, tmp_path: Path
) -> None:
    target = board(TWO_BANKS)
    need_tools_of(target)
    compilation = compiled(name, target, *given, optimize=optimize, pushed=pushed)
    assert [part.bank.name for part in compilation.plan.banks] == ["block", "ssram23"]
    samples = reference.random_inputs(compilation.network, 20, seed=3)
    assert verify(compilation, target, samples, tmp_path).bit_exact


def test_the_linker_puts_each_array_in_its_memory(tmp_path: Path) -> None:
    target = board(TWO_BANKS)
    need("arm-none-eabi-gcc")
    compilation = compiled("mlperf_ic", target)
    write_files(compilation.files, tmp_path / "net")
    image = build_image(
        tmp_path / "net", compilation.interface, target, tmp_path / "build", trace=False
    )
    plan = compilation.plan
    regions = {region.name: region for region in target.ram}
    symbols = read_symbols(image.elf)
    assert image.map_file is not None
    linked = image.map_file.read_text()
    for part, symbol in zip(plan.banks, ("net_arena", "net_arena_ssram23"), strict=True):
        found, region = symbols[symbol], regions[part.bank.name]
        assert found.size == part.nbytes > 0
        assert region.origin <= found.address
        assert found.address + found.size <= region.origin + region.length
        section = part.bank.section or ".bss.net_arena_ssram23"
        entry = re.search(
            rf"^ {re.escape(section)}\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) .*net\S*\.o$",
            linked,
            re.MULTILINE,
        )
        assert entry is not None
        assert (int(entry[1], 16), int(entry[2], 16)) == (found.address, part.nbytes)
    footprint = measure_footprint(image, compilation.interface)
    assert footprint.ram_arena == plan.arena_bytes


def test_arrays_are_placed_by_macros(tmp_path: Path) -> None:
    """Both arrays are moved; what the plan says of sections is not asked."""
    target = board("qemu-mps2-an386")
    need("arm-none-eabi-gcc")
    compilation = compiled("mlperf_ic", board(TWO_BANKS))
    write_files(compilation.files, tmp_path / "net")
    source = tmp_path / "net" / "net.c"
    attribute = '__attribute__((section(".bss.mine")))'
    macros = [
        f"#define NET_{bank}ATTRIBUTES {attribute}\n" for bank in ("ARENA_", "ARENA_SSRAM23_")
    ]
    source.write_text("".join(macros) + source.read_text())
    image = build_image(
        tmp_path / "net", compilation.interface, target, tmp_path / "build", trace=False
    )
    symbols = read_symbols(image.elf)
    for symbol in ("net_arena", "net_arena_ssram23"):
        assert target.ram[0].origin <= symbols[symbol].address


def test_all_in_tightly_coupled_memory_if_it_fits(tmp_path: Path) -> None:
    target = board("nucleo-f746zg")
    need("arm-none-eabi-gcc")
    compilation = compiled("mlperf_kws", target)
    assert [part.bank.name for part in compilation.plan.banks] == ["dtcm"]
    write_files(compilation.files, tmp_path / "net")
    image = build_image(
        tmp_path / "net", compilation.interface, target, tmp_path / "build", trace=False
    )
    dtcm = next(region for region in target.ram if region.name == "dtcm")
    assert read_symbols(image.elf)["net_arena"].address == dtcm.origin + target.stack_bytes
