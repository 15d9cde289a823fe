# SPDX-License-Identifier: Apache-2.0
"""Random graphs: TFLM's outputs are those of the generated C, on this machine and on a Cortex-M4."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.emulated_batch import run_batch
from tests.kernels.host_batch import build
from tests.models.graphs import random_graph
from tests.models.oracle import run_tflm
from tests.ops.comparison import assert_same, random_inputs
from tests.passes.comparing import context
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes

_SAMPLES = 2
_IN_A_PROGRAM = 50
_PROGRAMS = 10 if int(os.environ.get("TINYGEN_MODELS", "200")) >= 200 else 1
"""Programs of 50 graphs: 500 at night."""

_BUILDS = ((Optimize.SPEED, "gcc", "-O2"), (Optimize.SIZE, "clang", "-O1"))


def _graphs(program: int) -> tuple[list[bytes], list[Network]]:
    seeds = range(program * _IN_A_PROGRAM, (program + 1) * _IN_A_PROGRAM)
    models = [random_graph(seed) for seed in seeds]
    networks = [
        lower(rewrite(read_model_bytes(model, f"graph {seed}")))
        for seed, model in zip(seeds, models, strict=True)
    ]
    return models, networks


def _samples(network: Network, seed: int) -> list[list[AnyArray]]:
    rng = np.random.default_rng(seed)
    return [random_inputs(network, rng) for _ in range(_SAMPLES)]


def _compare(
    model: bytes, network: Network, sample: Sequence[AnyArray], outputs: Sequence[AnyArray]
) -> None:
    for want, got in zip(run_tflm(model, sample), outputs, strict=True):
        assert_same(want, got, context(network))


@pytest.mark.parametrize("program", range(_PROGRAMS))
def test_on_the_host(program: int, tmp_path: Path) -> None:
    models, networks = _graphs(program)
    optimize, compiler, level = _BUILDS[program % len(_BUILDS)]
    hosted = build(networks, tmp_path, optimize=optimize, flags=(level,), compiler=compiler)
    for number, (model, host) in enumerate(zip(models, hosted, strict=True)):
        for sample in _samples(host.network, number):
            _compare(model, host.network, sample, host.run(sample))


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", ["qemu-mps2-an386", "qemu-mps3-an547"])
def test_emulated(board_name: str, tmp_path: Path) -> None:
    models, networks = _graphs(0)
    samples = [_samples(network, number) for number, network in enumerate(networks)]
    answers = run_batch(networks, samples, board_name, tmp_path)
    for model, network, sent, got in zip(models, networks, samples, answers, strict=True):
        for sample, outputs in zip(sent, got, strict=True):
            _compare(model, network, sample, outputs)


def test_the_graphs_have_what_they_are_for() -> None:
    """Branches, several inputs and outputs, shared constants, and work for every pass."""
    _, networks = _graphs(0)
    graphs = [network.graph for network in networks]
    assert {rewrite.stage for graph in graphs for rewrite in graph.rewrites} == {
        "activations",
        "constant folding",
        "conversions",
        "dead operators",
        "identities",
        "padding",
        "transposes",
    }
    assert sum(len(network.inputs) > 1 for network in networks) > 10
    assert sum(len(network.outputs) > 1 for network in networks) > 10
    dtypes = [{tensor.dtype.value for tensor in n.tensors.values()} for n in networks]
    assert sum(len(found) > 1 for found in dtypes) > 10
    shared = branches = 0
    for graph in graphs:
        reads = [index for operator in graph.main.operators for index in set(operator.inputs)]
        repeated = {index for index in reads if reads.count(index) > 1}
        shared += any(graph.main.tensors[index].is_constant for index in repeated)
        branches += any(not graph.main.tensors[index].is_constant for index in repeated)
    assert shared > 10
    assert branches > 25
