# SPDX-License-Identifier: Apache-2.0
"""Every operator and type: the reference equals TFLM, and the generated C equals the reference."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.host_batch import build
from tests.models.oracle import OracleRejects, run_litert, run_tflm_in_a_row
from tests.ops.comparison import assert_equal, assert_same, describe, random_inputs
from tests.ops.generators.typed import CASES, LITERT, typed_model
from tinygen.errors import InputError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.passes.packed_weights import unpack_weights
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes

MODELS = int(os.environ.get("TINYGEN_MODELS", "200"))
"""Random models compared for each operator and type."""


def distance(expected: AnyArray, actual: AnyArray) -> int:
    """The largest distance of two float32 arrays in units in the last place; NaN equals NaN."""

    def ordered(values: AnyArray) -> AnyArray:
        bits = np.ascontiguousarray(values).view(np.int32).astype(np.int64)
        return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)

    both_nan = np.isnan(expected) & np.isnan(actual)
    apart = np.abs(ordered(expected) - ordered(actual))
    return int(np.where(both_nan, 0, apart).max(initial=0))


def _places(expected: AnyArray, actual: AnyArray, magnitude: float) -> int:
    """The largest distance in last places, those of ``magnitude`` for what is smaller."""
    if magnitude == 0:
        return distance(expected, actual)
    unit = np.spacing(np.maximum(np.abs(expected), np.float32(magnitude))).astype(np.float64)
    return int(np.ceil((np.abs(expected.astype(np.float64) - actual) / unit).max(initial=0)))


def _assert_close(network: Network, want: AnyArray, got: AnyArray, context: str) -> None:
    tolerance = max(layer.tolerance_ulp for layer in network.layers)
    if want.dtype == np.float32:
        # An exact kernel still has its own sign of a NaN.
        assert got.shape == want.shape, context
        apart = _places(want, got, max(layer.tolerance_from for layer in network.layers))
        assert apart <= tolerance, f"{context}: {apart} ulp, {want} {got}"
    else:
        assert_equal(want, got, context)


_INFERENCES = 5
"""Inferences in a row of a model that keeps a state."""


def _expected(opcode: str, model: bytes, samples: list[list[AnyArray]]) -> list[list[AnyArray]]:
    if opcode in LITERT:
        return [run_litert(model, inputs) for inputs in samples]
    return run_tflm_in_a_row(model, samples)


_FLAGS = ("-O1",)


@pytest.mark.parametrize(("opcode", "dtype"), CASES)
def test_random_models(opcode: str, dtype: str, tmp_path: Path) -> None:
    networks: list[Network] = []
    models: list[bytes] = []
    rejected: list[str] = []
    seed = 0
    while len(networks) < MODELS:
        model = typed_model(opcode, dtype, seed)
        try:
            graph = read_model_bytes(model, f"{opcode} {dtype} model {seed}")
            networks.append(lower(unpack_weights(graph)))
            models.append(model)
        except InputError as error:
            rejected.append(error.message)
            assert len(rejected) <= MODELS // 10, rejected
        seed += 1
    hosted = build(networks, tmp_path, optimize=Optimize.SIZE, flags=_FLAGS, compiler="gcc")
    for number, (model, host) in enumerate(zip(models, hosted, strict=True)):
        network = host.network
        rng = np.random.default_rng(number)
        count = _INFERENCES if network.states else 1
        samples = [random_inputs(network, rng) for _ in range(count)]
        context = f"{network.graph.source} ({host.name}): {describe(network)}"
        try:
            expected = _expected(opcode, model, samples)
        except OracleRejects as error:
            raise AssertionError(context) from error
        states: dict[int, AnyArray] = {}
        for inputs, wanted in zip(samples, expected, strict=True):
            before = {**network.states, **states}
            computed = reference.outputs(network, inputs, states)
            # Where TFLM ended the run early, the outputs are those of the run before.
            outputs = wanted or [before[index] for index in network.outputs]
            for want, got in zip(outputs, computed, strict=True):
                _assert_close(network, want, got, f"reference of {context}")
            for want, got in zip(computed, host.run(inputs), strict=True):
                assert_same(want, got, f"C of {context}")
