# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, DEPTHWISE_CONV_2D: what is rejected. Their values: test_random_models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.ops.comparison import lower_bytes
from tinygen.errors import ModelError, UnsupportedError
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D


def _convolution(
    opcode: str = "CONV_2D",
    weights_shape: tuple[int, ...] = (4, 3, 3, 2),
    output_shape: tuple[int, ...] = (1, 8, 8, 4),
    scales: int = 1,
    axis: int = 0,
    weight_zero_point: int = 0,
    weight_scale: float = 0.1,
    **options: Any,
) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 8, 8, 2), scale=0.5, zero_point=-1)
    w = builder.tensor(
        weights_shape,
        scale=[weight_scale] * scales,
        zero_point=weight_zero_point,
        axis=axis,
        data=np.ones(weights_shape, np.int8),
        name="weights",
    )
    y = builder.tensor(output_shape, scale=0.25, zero_point=3, name="output")
    settings: dict[str, Any] = {"padding": "SAME", "stride_w": 1, "stride_h": 1, **options}
    builder.operator(opcode, [x, w], [y], **settings)
    return builder.inputs(x).outputs(y).build()


def test_layer_counts_every_tap_as_a_mac() -> None:
    (layer,) = lower_bytes(_convolution()).layers
    assert isinstance(layer, Conv2D)
    assert layer.macs == 8 * 8 * 4 * 3 * 3 * 2
    assert layer.groups == 1


def test_depth_multiplier_follows_from_the_shapes() -> None:
    model = _convolution("DEPTHWISE_CONV_2D", (1, 3, 3, 4), depth_multiplier=7)
    (layer,) = lower_bytes(model).layers
    assert isinstance(layer, DepthwiseConv2D)
    assert layer.depth_multiplier == 2
    assert layer.macs == 8 * 8 * 4 * 3 * 3


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (_convolution(output_shape=(1, 7, 8, 4)), r"'output' has shape \[1, 7, 8, 4\]"),
        (_convolution(weights_shape=(4, 3, 3, 5)), "'weights' with 5 input channels"),
        (_convolution(weights_shape=(3, 3, 3, 1), output_shape=(1, 8, 8, 3)), "into 2 groups"),
        (_convolution(scales=3), "'weights' has 3 scales"),
        (_convolution(scales=4, axis=1), "'weights' has 4 scales along dimension 1"),
        (_convolution(stride_h=0), "each must be at least 1"),
        (_convolution(weights_shape=(4, 9, 9, 2), padding="VALID"), "does not fit into 8"),
        (_convolution(weight_scale=float("nan")), "'weights' has the scale nan"),
        (_convolution(weight_scale=-0.5), "'weights' has the scale -0.5"),
        (_convolution("DEPTHWISE_CONV_2D", (1, 3, 3, 3)), "'weights' of shape"),
    ],
)
def test_contradictions_are_model_errors(model: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        lower_bytes(model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (_convolution(weight_zero_point=1), "asymmetric weights"),
        (_convolution(fused_activation_function="TANH"), "TANH is not supported"),
        (_convolution(weight_scale=1e12), r"over 2\*\*30 times finer"),
    ],
)
def test_unsupported(model: bytes, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        lower_bytes(model)
