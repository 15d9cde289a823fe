# SPDX-License-Identifier: Apache-2.0
"""Streamed steps on this machine: random layers by random bands, real models as one chain."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.kernels.host_batch import WARNINGS, HostModel
from tests.ops.comparison import describe, random_inputs
from tests.row_layers import OPCODES, random_row_layers
from tests.run.programs import need
from tests.streams import chain_of, fed_by_rows, side_by_side, streamed_plan
from tinygen.compilation import Compilation
from tinygen.emit import render, write_files
from tinygen.hardware.boards import board
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.kernels import libraries
from tinygen.measure.verify import verify
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.options import Options
from tinygen.tflite.reader import read_model

KERNELS = libraries.library("portable")
_COUNT = 24


@pytest.mark.parametrize("opcode", OPCODES)
def test_random_layers_by_random_bands(opcode: str, tmp_path: Path) -> None:
    need("gcc")
    parts = [fed_by_rows(layer) for layer in random_row_layers(opcode, _COUNT)]
    network, chains = side_by_side(parts)
    plan = streamed_plan(network, chains, KERNELS, Options("layers", core("host")), seed=1)
    write_files(render(plan), tmp_path)
    unit = tmp_path / "all.c"
    unit.write_text('#include "layers.c"\n#include "layers_weights.c"\n', encoding="utf-8")
    library = tmp_path / "layers.so"
    flags = ["-std=c99", "-O1", "-shared", "-fPIC", *WARNINGS, "-fsanitize=undefined"]
    command = ["gcc", *flags, "-fno-sanitize-recover=all", str(unit), "-o", str(library)]
    subprocess.run(command, check=True)
    model = HostModel(network, "layers", ctypes.CDLL(str(library)))
    rng = np.random.default_rng(2)
    for _ in range(2):
        samples = [random_inputs(part, rng) for part in parts]
        actual = model.run([value for sample in samples for value in sample])
        for part, sample, got in zip(parts, samples, actual, strict=True):
            (expected,) = reference.outputs(part, sample)
            assert np.array_equal(expected, got), describe(part)


@pytest.mark.parametrize("name", ["mlperf_ic", "mlperf_kws", "person_detect"])
def test_a_real_model_as_one_chain(name: str, tmp_path: Path) -> None:
    """Every operator's rows are traced, and are the reference's."""
    need("cc")
    network = lower(rewrite(read_model(shared_model(f"{name}.tflite"))))
    chain = chain_of(network)
    assert len(chain) >= 9
    plan = streamed_plan(network, [chain], KERNELS, Options(name, core("host")), seed=3)
    compilation = Compilation(network.graph, network, plan, render(plan))
    samples = reference.random_inputs(network, 2, seed=4)
    verdict = verify(compilation, board("host"), samples, tmp_path, layers=True)
    assert verdict.bit_exact
    assert len(verdict.layers) == len(network.layers)
