# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels that multiply matrices: the assembly on QEMU and its C twins, on random layers."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.choice import named, use_only
from tests.kernels.cmsis_nn_programs import side_by_side
from tests.kernels.dsp_gemm_layers import (
    CONVOLUTIONS,
    DENSE,
    inputs_at_the_edge,
    random_layer,
)
from tests.kernels.dsp_programs import emulated
from tests.kernels.host_batch import WARNINGS, HostModel
from tests.ops.comparison import random_inputs
from tinygen.emit import interface, render, write_files
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for

BATCH = 60
"""Layers in a program."""
_KERNELS = {"fully connected": "dsp.fully_connected", "one pixel": "dsp.conv2d_one_window"}
BATCHES = {"pointwise": 2, "window": 2, "first": 1, "fully connected": 3, "one pixel": 1}


def _plan(
    kind: str, networks: Sequence[Network], specialized: bool, monkeypatch: pytest.MonkeyPatch
) -> Plan:
    names = [_KERNELS.get(kind, "dsp.conv2d_gemm")]
    if specialized:
        names.append("dsp.conv2d_gemm_specialized")
    use_only(named(*names), monkeypatch)
    options = Options("layers", core("cortex-m4"), KernelChoice.TINYGEN)
    return make_plan(side_by_side(networks), options)


def _batches(kinds: Sequence[str] = (*CONVOLUTIONS, *DENSE)) -> Iterator[tuple[str, int]]:
    for kind in kinds:
        for number in range(BATCHES[kind]):
            yield kind, number


def _layers(kind: str, number: int) -> list[Network]:
    return [random_layer(kind, seed) for seed in range(number * BATCH, (number + 1) * BATCH)]


def _samples(networks: Sequence[Network], seed: int) -> Iterator[list[list[AnyArray]]]:
    """Two samples for every network: any inputs, and some that reach the ends of accumulators."""
    rng = np.random.default_rng(seed)
    yield [random_inputs(network, rng) for network in networks]
    yield [[inputs_at_the_edge(network, rng)] for network in networks]


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("kind", "number", "specialized", "board_name"),
    [
        *((kind, number, False, "qemu-mps2-an386") for kind, number in _batches()),
        *((kind, number, True, "qemu-mps2-an386") for kind, number in _batches(CONVOLUTIONS)),
        ("window", 0, True, "qemu-mps2-an500"),
        ("window", 0, True, "qemu-mps2-an505"),
        ("fully connected", 0, False, "qemu-mps2-an500"),
        ("fully connected", 0, False, "qemu-mps2-an505"),
        *((kind, 0, True, "qemu-mps2-an386 cortex-m4+nofp") for kind in (*CONVOLUTIONS, *DENSE)),
    ],
)
def test_assembly(
    kind: str,
    number: int,
    specialized: bool,
    board_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")):
        pytest.skip("qemu-system-arm and arm-none-eabi-gcc are not both installed")
    networks = _layers(kind, number)
    plan = _plan(kind, networks, specialized, monkeypatch)
    write_files(render(plan), tmp_path / "generated")
    image = build_image(
        tmp_path / "generated",
        interface(plan),
        emulated(board_name),
        tmp_path / "build",
        trace=False,
    )
    with runner_for(emulated(board_name)).start(image) as session:
        for samples in _samples(networks, number):
            actual = session.run([value.tobytes() for sample in samples for value in sample])
            for seed, (network, sample, got) in enumerate(
                zip(networks, samples, actual, strict=True)
            ):
                (expected,) = reference.outputs(network, sample)
                assert expected.tobytes() == got, f"{kind} {number * BATCH + seed}"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", [*CONVOLUTIONS, *DENSE])
def test_c_twins(kind: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    networks = _layers(kind, 0)
    plan = _plan(kind, networks, kind in CONVOLUTIONS, monkeypatch)
    write_files(render(plan), tmp_path)
    library = tmp_path / "layers.so"
    unit = tmp_path / "all.c"
    unit.write_text('#include "layers.c"\n#include "layers_weights.c"\n', encoding="utf-8")
    sanitizers = ("-fsanitize=undefined", "-fno-sanitize-recover=all") if compiler == "gcc" else ()
    options = ["-std=c99", "-O1", "-shared", "-fPIC", *WARNINGS, *sanitizers]
    subprocess.run([compiler, *options, unit, "-o", library], check=True)
    model = HostModel(plan.network, "layers", ctypes.CDLL(str(library)))
    for samples in _samples(networks, 0):
        actual = model.run([value for sample in samples for value in sample])
        for seed, (network, sample, got) in enumerate(zip(networks, samples, actual, strict=True)):
            (expected,) = reference.outputs(network, sample)
            assert np.array_equal(expected, got), f"{kind} {seed}"
