# SPDX-License-Identifier: Apache-2.0
"""Pools, MEAN, PAD, CONCATENATION, RESHAPE: what is rejected. Their values: test_random_models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.ops.comparison import lower_bytes
from tinygen.errors import InputError, ModelError, UnsupportedError
from tinygen.ir import reference


def _model(
    opcode: str,
    output_shape: tuple[int, ...],
    constants: tuple[tuple[str, list[int]], ...] = (),
    output_scale: float = 0.5,
    shape: tuple[int, ...] = (1, 4, 4, 2),
    **options: Any,
) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor(shape, scale=0.5, name="input")
    operands = [x]
    for dtype, data in constants:
        scale = 0.5 if dtype == "INT8" else None
        operands.append(
            builder.tensor((len(data),), dtype, scale=scale, data=data, name="constant")
        )
    y = builder.tensor(output_shape, scale=output_scale, name="output")
    builder.operator(opcode, operands, [y], **options)
    return builder.inputs(x).outputs(y).build()


_POOL: dict[str, Any] = {
    "padding": "VALID",
    "stride_h": 2,
    "stride_w": 2,
    "filter_height": 2,
    "filter_width": 2,
}
_NO_PADDING = [0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (
            _model("AVERAGE_POOL_2D", (1, 2, 2, 2), output_scale=0.75, **_POOL),
            UnsupportedError,
            "'input' and 'output' are quantized differently",
        ),
        (_model("MAX_POOL_2D", (1, 2, 3, 2), **_POOL), ModelError, r"but \[1, 2, 2, 2\] follows"),
        (_model("MAX_POOL_2D", (4, 4, 2), shape=(4, 4, 2), **_POOL), UnsupportedError, "3 dimens"),
        (_model("MEAN", (1, 4, 2), (("INT32", [4]),)), ModelError, "axis 4 is outside"),
        (_model("MEAN", (1, 4, 4), (("INT32", [2]),)), ModelError, r"but \[1, 4, 2\] follows"),
        (_model("MEAN", (1, 4, 2), (("INT8", [2]),)), UnsupportedError, "'constant' is INT8"),
        (
            _model("PAD", (1, 4, 4, 2), (("INT32", [*_NO_PADDING, -1]),)),
            ModelError,
            "no paddings of 4 dimensions",
        ),
        (
            _model("PAD", (1, 4, 4, 2), (("INT32", [0, 0]),)),
            ModelError,
            "no paddings of 4 dimensions",
        ),
        (
            _model("PADV2", (1, 4, 4, 2), (("INT32", [*_NO_PADDING, 0]), ("INT8", [1, 2]))),
            ModelError,
            "2 elements where one",
        ),
        (
            _model("PADV2", (1, 4, 4, 3), (("INT32", [*_NO_PADDING, 1]), ("INT8", [1])), 0.75),
            ModelError,
            "'constant' and 'output' are quantized differently",
        ),
        (
            _model("CONCATENATION", (1, 4, 4, 2), output_scale=0.75, axis=3),
            UnsupportedError,
            "'input' and 'output' are quantized differently",
        ),
        (_model("CONCATENATION", (1, 4, 4, 2), axis=4), ModelError, "axis 4 is outside"),
        (_model("CONCATENATION", (1, 4, 4, 3), axis=3), ModelError, "follows from its operands"),
        (_model("CONCATENATION", (1, 4, 5, 2), axis=3), ModelError, "does not fit into 'output'"),
        (
            _model("CONCATENATION", (1, 4, 4, 2), axis=3, fused_activation_function="RELU"),
            UnsupportedError,
            "fused activation",
        ),
        (_model("RESHAPE", (1, 33)), ModelError, r"cannot take the shape \[1, 33\]"),
    ],
)
def test_rejected(model: bytes, error: type[InputError], message: str) -> None:
    with pytest.raises(error, match=message):
        lower_bytes(model)


def test_average_rounds_halves_away_from_zero() -> None:
    network = lower_bytes(_model("AVERAGE_POOL_2D", (1, 2, 2, 2), **_POOL))
    image = np.zeros((1, 4, 4, 2), np.int8)
    image[0, :2, :2] = [[[1, -1], [1, -1]], [[0, 0], [0, 0]]]
    (output,) = reference.outputs(network, [image])
    assert output[0, 0, 0].tolist() == [1, -1]
