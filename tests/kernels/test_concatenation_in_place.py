# SPDX-License-Identifier: Apache-2.0
"""Operands of a CONCATENATION are computed where they belong in its output where that saves memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare
from tinygen.hardware.cores import HOST, core
from tinygen.ir.network import Network
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan

_SHAPE = (1, 4, 8, 8)


def _model(axis: int, *, twice: bool = False, shared: bool = False, rows: int = 4) -> bytes:
    """Two branches that rescale the input, and their concatenation."""
    builder = ModelBuilder()
    shape = (1, rows, 8, 8)
    x = builder.tensor(shape, scale=0.07, zero_point=3)
    a, b = (builder.tensor(shape, scale=0.05, zero_point=-128) for _ in range(2))
    extents = list(shape)
    extents[axis] *= 2
    joined = builder.tensor(extents, scale=0.05, zero_point=-128)
    builder.operator("RELU", [x], [a])
    builder.operator("QUANTIZE", [x], [b])
    builder.operator("CONCATENATION", [a, a] if twice else [a, b], [joined], axis=axis)
    return builder.inputs(x).outputs(*([joined, a] if shared else [joined])).build()


def _plan(network: Network) -> Plan:
    return make_plan(network, Options("m", core(HOST), KernelChoice.TINYGEN))


def _places(network: Network) -> list[int]:
    """Bytes from the output's start to each operand."""
    plan = _plan(network)
    (layer,) = (n for n in network.layers if n.operator.opcode == "CONCATENATION")
    start = plan.tensor_offsets[layer.outputs[0]]
    return [plan.tensor_offsets[index] - start for index in layer.inputs]


def test_rows_are_computed_in_their_place(tmp_path: Path) -> None:
    rows, channels = compare([_model(1), _model(3)], tmp_path)
    half = int(np.prod(_SHAPE))
    assert _plan(channels).arena_bytes == 4 * half
    assert _plan(rows).arena_bytes <= 3 * half
    assert _plan(rows).arena_bytes == _plan(rows).arena_lower_bound_bytes
    assert 0 in _places(rows) or half == _places(rows)[1]


def test_channels_are_copied(tmp_path: Path) -> None:
    (network,) = compare([_model(3)], tmp_path)
    half = int(np.prod(_SHAPE))
    assert all(not -half < place < 2 * half for place in _places(network))


def test_operands_that_are_read_twice_or_later_are_copied(tmp_path: Path) -> None:
    twice, shared = compare([_model(1, twice=True), _model(1, shared=True)], tmp_path)
    half = int(np.prod(_SHAPE))
    assert all(not -half < place < 2 * half for place in _places(twice))
    assert not -half < _places(shared)[0] < 2 * half
