# SPDX-License-Identifier: Apache-2.0
"""Kernels survive a storm of timer interrupts that dirty the stack and the registers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import shared_model
from tests.run.programs import need_tools_of
from tinygen.compilation import compile_model
from tinygen.emit import Interface, write_files
from tinygen.hardware.boards import Board, board
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.run.build import build_image
from tinygen.run.qemu import QemuRunner
from tinygen.run.runner import Image

STORM = Path(__file__).parent / "interrupt_storm.c"


def _build(
    generated: Path, program: Interface, target: Board, ranges: Sequence[tuple[int, int]]
) -> Image:
    """The program with the storm, which is told where the assembly's functions are."""
    name = program.name
    listed = ", ".join(f"{{{first}u, {end}u}}" for first, end in ranges)
    (generated / "storm.c").write_text(
        f"#define STORM_CALM {name}_calm_invoke\n#define STORM_INVOKE {name}_invoke\n"
        f"#define STORM_RANGES {{{listed}}}\n" + STORM.read_text()
    )
    return build_image(generated, program, target, generated.parent / "build", trace=False)


def _places(image: Image, functions: Sequence[str]) -> list[tuple[int, int]]:
    """(first address, the one after the last) of each function."""
    listing = subprocess.run(
        ["arm-none-eabi-nm", "-S", str(image.elf)], capture_output=True, text=True, check=True
    ).stdout
    found = dict[str, tuple[int, int]]()
    for line in listing.splitlines():
        parts = line.split()
        if len(parts) == 4:
            first, size = int(parts[0], 16) & ~1, int(parts[1], 16)
            found[parts[3]] = (first, first + size)
    return [found[function] for function in functions]


@pytest.mark.qemu
@pytest.mark.parametrize("optimize", list(Optimize), ids=lambda o: o.value)
@pytest.mark.parametrize(
    ("name", "board_name"),
    [
        ("mlperf_kws", "qemu-mps2-an385"),
        ("mlperf_kws", "qemu-mps2-an386"),
        ("mlperf_kws", "qemu-mps3-an547"),
        ("mlperf_ic", "qemu-mps2-an385"),
        ("mlperf_ic", "qemu-mps2-an386"),
        ("mlperf_ic", "qemu-mps3-an547"),
        ("mlperf_ad", "qemu-mps2-an386"),
        ("mnist_lstm_int8", "qemu-mps2-an386"),
    ],
)
def test_outputs_are_those_of_calm_weather(
    name: str, board_name: str, optimize: Optimize, tmp_path: Path
) -> None:
    target = board(board_name)
    need_tools_of(target)
    compilation = compile_model(
        shared_model(f"{name}.tflite"),
        Options(core=target.core, kernels=KernelChoice.TINYGEN, optimize=optimize),
    )
    generated = tmp_path / "generated"
    write_files(compilation.files, generated)
    source = generated / f"{name}.c"
    text = source.read_text()
    assert f"int {name}_invoke(void)\n{{" in text
    renamed = text.replace(
        f"int {name}_invoke(void)\n{{",
        f"int {name}_calm_invoke(void);\nint {name}_calm_invoke(void)\n{{",
    )
    source.write_text(renamed)
    functions = [
        re.findall(r"#define TINYGEN_SYMBOL (\w+)", path.read_text())[0]
        for path in sorted(generated.glob("*.S"))
    ]
    image = _build(generated, compilation.interface, target, [(0, 0)] * len(functions))
    places = _places(image, functions)
    image = _build(generated, compilation.interface, target, places)
    assert _places(image, functions) == places
    samples = reference.random_inputs(compilation.network, 2, seed=6)
    states: dict[int, AnyArray] = {}
    # Time is counted in instructions, so that interrupts strike as often on a busy machine.
    with QemuRunner(arguments=("-icount", "shift=5")).start(image) as session:
        for sample in samples:
            outputs = session.run([value.tobytes() for value in sample])
            expected = reference.outputs(compilation.network, sample, states)
            assert outputs == [value.tobytes() for value in expected]
