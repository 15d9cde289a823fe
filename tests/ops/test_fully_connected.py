# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED: what is rejected. Its values: test_random_models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import OracleRejects, run_litert, run_tflm
from tests.ops.comparison import lower_bytes
from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir import reference
from tinygen.ir.graph import Numerics


def _fully_connected(
    bias_scale: float = 0.05,
    biases: int = 3,
    output_shape: tuple[int, ...] = (2, 3),
    **options: Any,
) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((2, 4), scale=0.5)
    w = builder.tensor((3, 4), scale=0.1, data=np.ones((3, 4), np.int8), name="weights")
    b = builder.tensor((biases,), "INT32", scale=bias_scale, data=np.arange(biases), name="bias")
    y = builder.tensor(output_shape, scale=0.25, name="output")
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], **options)
    return builder.inputs(x).outputs(y).build()


def test_bias_of_another_scale_is_rejected_as_tflm_does() -> None:
    model = _fully_connected(bias_scale=0.1)
    with pytest.raises(OracleRejects):
        run_tflm(model, [np.zeros((2, 4), np.int8)])
    with pytest.raises(ModelError, match=r"scale 0\.1\d* of the bias 'bias'"):
        lower_bytes(model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (_fully_connected(biases=2), "'bias' has 2 biases for 3 channels"),
        (_fully_connected(output_shape=(3, 2)), "'output' has shape"),
    ],
)
def test_contradictions_are_model_errors(model: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        lower_bytes(model)


def test_shuffled_weights_are_unsupported() -> None:
    model = _fully_connected(weights_format="SHUFFLED4x16INT8")
    with pytest.raises(UnsupportedError, match="shuffled"):
        lower_bytes(model)


@pytest.mark.parametrize("channels_share_a_scale", [True, False])
@pytest.mark.parametrize("numerics", list(Numerics))
@pytest.mark.parametrize(
    ("input_scale", "weight_scale", "steps"), [(0.0123, 0.00777, 2.0**23), (0.5, 0.5, 4.0)]
)
def test_accumulators_next_to_half_an_output_step(
    channels_share_a_scale: bool,
    numerics: Numerics,
    input_scale: float,
    weight_scale: float,
    steps: float,
) -> None:
    # Here a factor from a product in single precision, or another rounding of halves, would show.
    input_scale, weight_scale = float(np.float32(input_scale)), float(np.float32(weight_scale))
    output_scale = float(np.float32(input_scale * weight_scale * steps))
    step = output_scale / (input_scale * weight_scale)
    halves = np.rint((np.arange(-100, 100) + 0.5) * step).astype(int)
    bias = np.add.outer(np.arange(-20, 21), halves).reshape(-1)
    scales = 1 if channels_share_a_scale else bias.size
    builder = ModelBuilder()
    x = builder.tensor((1, 1), scale=input_scale)
    weights = np.zeros((bias.size, 1), np.int8)
    w = builder.tensor(weights.shape, scale=[weight_scale] * scales, data=weights)
    b = builder.tensor(bias.shape, "INT32", scale=[input_scale * weight_scale] * scales, data=bias)
    y = builder.tensor((1, bias.size), scale=output_scale)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y])
    model = builder.inputs(x).outputs(y).build()
    sample = [np.zeros((1, 1), np.int8)]
    (expected,) = (run_tflm if numerics is Numerics.TFLM else run_litert)(model, sample)
    (got,) = reference.outputs(lower_bytes(model, numerics), sample)
    assert np.array_equal(got, expected)
