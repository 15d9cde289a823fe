# SPDX-License-Identifier: Apache-2.0
"""Many layers in one program, each on a given DSP kernel, compared with the reference.

On an emulated core the assembly runs; on this machine the C functions that stand beside it.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.choice import does, use_only
from tests.kernels.cmsis_nn_programs import networks, side_by_side
from tests.kernels.dsp_gemm_layers import inputs_at_the_edge
from tests.kernels.host_batch import WARNINGS, HostModel
from tests.ops.comparison import random_inputs
from tinygen.emit import interface, render, write_files
from tinygen.hardware.boards import Board, board
from tinygen.hardware.cores import Core, core
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.network import Network
from tinygen.kernels.kernel import Kernel
from tinygen.ops.convolution import Conv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Plan
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for

M4_BOARD = "qemu-mps2-an386"
OTHER_BOARDS = ("qemu-mps2-an500", "qemu-mps2-an505", "qemu-mps2-an386 cortex-m4+nofp")
"""A Cortex-M7, a Cortex-M33, and a Cortex-M4 that has no FPU."""
_CORE = core("cortex-m4")


def accepted(
    kernels: Sequence[Kernel], parts: Sequence[Network], target: Core = _CORE
) -> list[Network]:
    """The single-layer networks that some of the kernels does."""
    return [
        part for part in parts if any(does(kernel, part.layers[0], target) for kernel in kernels)
    ]


def random_layers(kernels: Sequence[Kernel], opcode: str, count: int) -> list[Network]:
    """The first random models of the operator that the kernels do."""
    found: list[Network] = []
    seed = 0
    while len(found) < count:
        found += accepted(kernels, networks(opcode, range(seed, seed + count)))
        seed += count
        assert seed < 20 * count, f"the kernels do hardly any {opcode}"
    return found[:count]


def plan_with(
    kernels: Sequence[Kernel],
    parts: Sequence[Network],
    monkeypatch: pytest.MonkeyPatch,
    target: Core = _CORE,
    optimize: Optimize = Optimize.SPEED,
) -> Plan:
    """A plan in which the kernels do every part, whatever others would cost."""
    use_only(kernels, monkeypatch)
    options = Options("layers", target, KernelChoice.TINYGEN, optimize=optimize)
    return make_plan(side_by_side(parts), options)


_ENDS: dict[DType | None, AnyArray] = {
    DType.INT8: np.array([-128, 127], np.int8),
    DType.INT16: np.array([-32768, 32767], np.int16),
}
"""The least and the largest value of a type."""


def _extremes(part: Network, rng: np.random.Generator) -> list[AnyArray]:
    """Inputs that bring many accumulators to their ends."""
    return [
        rng.choice(_ENDS[part.tensors[index].dtype], part.tensors[index].shape)
        if part.tensors[index].dtype in _ENDS
        else random_inputs(part, rng)[position]
        for position, index in enumerate(part.inputs)
    ]


def _samples(parts: Sequence[Network]) -> Iterator[list[list[AnyArray]]]:
    rng = np.random.default_rng(len(parts))
    yield [random_inputs(part, rng) for part in parts]
    yield [_extremes(part, rng) for part in parts]
    if all(isinstance(part.layers[0], Conv2D | FullyConnected) for part in parts):
        yield [[inputs_at_the_edge(part, rng)] for part in parts]


def emulated(name: str) -> Board:
    """The board of that name, or ``BOARD CORE``: one that runs programs for another core."""
    board_name, _, core_name = name.partition(" ")
    return board(board_name, core_name or None)


def compare_on_board(plan: Plan, parts: Sequence[Network], board_name: str, work: Path) -> None:
    """Build the plan for an emulated board, run it, and compare every part with the reference."""
    if not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")):
        pytest.skip("qemu-system-arm and arm-none-eabi-gcc are not both installed")
    target = emulated(board_name)
    write_files(render(plan), work / "generated")
    image = build_image(work / "generated", interface(plan), target, work / "build", trace=False)
    with runner_for(target).start(image) as session:
        for samples in _samples(parts):
            actual = session.run([value.tobytes() for sample in samples for value in sample])
            for part, sample, step, got in zip(parts, samples, plan.steps, actual, strict=True):
                (expected,) = reference.outputs(part, sample)
                assert expected.tobytes() == got, f"{part.graph.source}: {step.kernel}"


def compare_twins(plan: Plan, parts: Sequence[Network], compiler: str, work: Path) -> None:
    """Compile the plan for this machine, without assembly, and compare with the reference."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    write_files(render(plan), work)
    unit = work / "all.c"
    unit.write_text('#include "layers.c"\n#include "layers_weights.c"\n', encoding="utf-8")
    library = work / "layers.so"
    sanitizers = ("-fsanitize=undefined", "-fno-sanitize-recover=all") if compiler == "gcc" else ()
    options = ["-std=c99", "-O1", "-shared", "-fPIC", *WARNINGS]
    done = subprocess.run(
        [compiler, *options, *sanitizers, str(unit), "-o", str(library)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
    model = HostModel(plan.network, "layers", ctypes.CDLL(str(library)))
    for samples in _samples(parts):
        actual = model.run([value for sample in samples for value in sample])
        for part, sample, step, got in zip(parts, samples, plan.steps, actual, strict=True):
            (expected,) = reference.outputs(part, sample)
            assert np.array_equal(expected, got), f"{part.graph.source}: {step.kernel}"
