# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED: what is rejected. Its values: test_random_models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import OracleRejects, run_tflm
from tests.ops.comparison import lower_bytes
from tinygen import reference
from tinygen.errors import ModelError, UnsupportedError


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


def test_one_weight_scale_folds_in_double() -> None:
    # Accumulators near half an output step: a product in single precision would round them wrong.
    input_scale, weight_scale = (float(np.float32(value)) for value in (0.0123, 0.00777))
    output_scale = float(np.float32(input_scale * weight_scale * 2**23))
    halves = ((np.arange(40, 100) + 0.5) * output_scale / (input_scale * weight_scale)).astype(int)
    bias = np.add.outer(np.arange(-40, 41), halves).reshape(-1)
    builder = ModelBuilder()
    x = builder.tensor((1, 1), scale=input_scale)
    w = builder.tensor((bias.size, 1), scale=weight_scale, data=np.zeros((bias.size, 1), np.int8))
    b = builder.tensor((bias.size,), "INT32", scale=input_scale * weight_scale, data=bias)
    y = builder.tensor((1, bias.size), scale=output_scale)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y])
    model = builder.inputs(x).outputs(y).build()
    sample = [np.zeros((1, 1), np.int8)]
    (tflm,) = run_tflm(model, sample)
    assert np.array_equal(reference.outputs(lower_bytes(model), sample)[0], tflm)
