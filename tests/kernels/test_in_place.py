# SPDX-License-Identifier: Apache-2.0
"""Operators whose output stands over their input where no more memory is needed, and is still right.

Models of one operator: the planner meets the lower bound only by laying the output over the input.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.kernels.host_batch import build
from tests.ops.comparison import assert_same, random_inputs
from tests.ops.generators.typed import typed_model
from tests.run.programs import need
from tinygen.hardware.cores import HOST, core
from tinygen.ir import reference
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.passes.packed_weights import unpack_weights
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Plan
from tinygen.tflite.reader import read_model_bytes

_SEEDS = 12
_COMPILED = 2

ELEMENTWISE = [
    ("ABS", "FLOAT32"),
    ("ADD", "FLOAT32"),
    ("ADD", "INT16"),
    ("ADD_N", "INT8"),
    ("CAST", "INT8"),
    ("CUMSUM", "FLOAT32"),
    ("CUMSUM", "INT8"),
    ("ELU", "INT8"),
    ("GREATER", "FLOAT32"),
    ("HARD_SWISH", "INT8"),
    ("LEAKY_RELU", "INT16"),
    ("LOGISTIC", "FLOAT32"),
    ("LOGISTIC", "INT16"),
    ("LOGISTIC", "INT8"),
    ("LOG_SOFTMAX", "FLOAT32"),
    ("LOG_SOFTMAX", "INT8"),
    ("L2_NORMALIZATION", "FLOAT32"),
    ("MAXIMUM", "INT8"),
    ("MUL", "INT16"),
    ("SELECT_V2", "INT8"),
    ("SOFTMAX", "FLOAT32"),
    ("SOFTMAX", "INT16"),
    ("SQUARED_DIFFERENCE", "INT8"),
    ("SUB", "INT8"),
    ("TANH", "INT16"),
]
"""Each element of the output in the place of the input's."""

BY_PARTS = [
    ("AVERAGE_POOL_2D", "FLOAT32"),
    ("AVERAGE_POOL_2D", "INT16"),
    ("CONV_2D", "FLOAT32"),
    ("DEPTHWISE_CONV_2D", "INT16"),
    ("MAX_POOL_2D", "FLOAT32"),
    ("SLICE", "INT8"),
    ("SPLIT", "INT16"),
    ("UNPACK", "FLOAT32"),
]
"""Rows of the output over earlier rows of the input, or parts of the input taken as they stand."""


def network_of(opcode: str, dtype: str, seed: int) -> Network:
    name = f"{opcode} {dtype} model {seed}"
    return lower(unpack_weights(read_model_bytes(typed_model(opcode, dtype, seed), name)))


def shared_bytes(plan: Plan, layer: Layer) -> float:
    """The part of its inputs or of its outputs, whichever are less, that a layer has in common."""

    def bytes_of(indices: tuple[int, ...]) -> set[int]:
        found: set[int] = set()
        for index in indices:
            start = plan.tensor_offsets[index]
            found.update(range(start, start + plan.network.tensors[index].nbytes))
        return found

    inputs, outputs = bytes_of(layer.inputs), bytes_of(layer.outputs)
    return len(inputs & outputs) / min(len(inputs), len(outputs))


@pytest.mark.parametrize(("opcode", "dtype"), [*ELEMENTWISE, *BY_PARTS])
def test_outputs_stand_over_inputs(opcode: str, dtype: str) -> None:
    """Mostly, or for the most part: some operands broadcast, or are rows that are read again."""
    shares = []
    for seed in range(_SEEDS):
        network = network_of(opcode, dtype, seed)
        plan = make_plan(network, Options("m", core(HOST), KernelChoice.TINYGEN))
        (layer,) = (n for n in network.layers if n.operator.opcode == opcode)
        shares.append(shared_bytes(plan, layer))
    least = 0.4 if (opcode, dtype) in ELEMENTWISE else 0.05
    assert sum(shares) / len(shares) >= least, shares


@pytest.mark.parametrize("cases", [ELEMENTWISE, BY_PARTS], ids=["elements", "parts"])
def test_and_are_right(cases: list[tuple[str, str]], tmp_path: Path) -> None:
    """At -O3, whose vectors would show a read behind a write."""
    need("gcc")
    networks = [network_of(*case, seed) for case in cases for seed in range(_COMPILED)]
    hosted = build(networks, tmp_path, optimize=Optimize.SPEED, flags=("-O3",), compiler="gcc")
    for number, host in enumerate(hosted):
        inputs = random_inputs(host.network, np.random.default_rng(number))
        expected = reference.outputs(host.network, inputs)
        for want, got in zip(expected, host.run(inputs), strict=True):
            assert_same(want, got, host.network.graph.source)
