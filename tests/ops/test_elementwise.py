# SPDX-License-Identifier: Apache-2.0
"""ADD, MUL, QUANTIZE, RELU6, SOFTMAX: corners and what is rejected. Values: test_random_models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import run_litert, run_tflm
from tests.ops.comparison import assert_equal, lower_bytes
from tinygen.errors import InputError, ModelError, UnsupportedError
from tinygen.ir import reference
from tinygen.ir.graph import Numerics
from tinygen.ops.arithmetic import Add


def _binary(
    opcode: str, lhs: tuple[int, ...], rhs: tuple[int, ...], output_scale: float = 0.5
) -> bytes:
    builder = ModelBuilder()
    a = builder.tensor(lhs, scale=0.5, name="a")
    b = builder.tensor(rhs, scale=0.5, data=np.ones(rhs, np.int8), name="b")
    y = builder.tensor(np.broadcast_shapes(lhs, (1,)), scale=output_scale, name="output")
    builder.operator(opcode, [a, b], [y])
    return builder.inputs(a).outputs(y).build()


def _unary(
    opcode: str,
    output: str = "INT8",
    source: str = "INT8",
    scales: tuple[float, float] = (0.5, 0.5),
    zero_point: int = 0,
    **options: Any,
) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((2, 5), source, scale=None if source == "FLOAT32" else scales[0])
    y = builder.tensor((2, 5), output, scale=scales[1], zero_point=zero_point, name="output")
    builder.operator(opcode, [x], [y], **options)
    return builder.inputs(x).outputs(y).build()


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (_binary("ADD", (2, 3), (2,)), ModelError, "do not broadcast"),
        (_binary("MUL", (2, 1), (3,)), ModelError, r"but \[2, 3\] follows"),
        (_binary("ADD", (2, 3), (3,), 1e-7), UnsupportedError, "524288 times finer"),
        (_binary("MUL", (2, 3), (3,), 1e-10), UnsupportedError, "times finer"),
        (_unary("QUANTIZE", "INT32", "FLOAT32"), UnsupportedError, "'output' is INT32"),
        (_unary("QUANTIZE", zero_point=200), ModelError, "zero point 200, outside"),
        (_unary("RELU", "INT16"), UnsupportedError, "'output' is INT16"),
        (_unary("SOFTMAX", beta=1.0), UnsupportedError, "scale 1/256 and the zero point -128"),
        (
            _unary("SOFTMAX", scales=(1e-9, 1 / 256), zero_point=-128, beta=1.0),
            UnsupportedError,
            "too small for a softmax",
        ),
    ],
)
def test_rejected(model: bytes, error: type[InputError], message: str) -> None:
    with pytest.raises(error, match=message):
        lower_bytes(model)


def test_constant_operand_is_part_of_the_layer() -> None:
    (layer,) = lower_bytes(_binary("ADD", (2, 3), (3,))).layers
    assert isinstance(layer, Add)
    assert len(layer.inputs) == 1
    assert layer.lhs.constant is None
    assert layer.rhs.constant is not None
    assert layer.rhs.constant.tolist() == [1, 1, 1]


def test_quantize_saturates_where_tflm_is_undefined() -> None:
    network = lower_bytes(_unary("QUANTIZE", source="FLOAT32", zero_point=7))
    values = np.array([[np.inf, -np.inf, np.nan, 3e38, -3e38], [0.25, -0.25, 0.75, 0, -0.0]])
    (output,) = reference.outputs(network, [values.astype(np.float32)])
    assert output.tolist() == [[127, -128, 7, 127, -128], [8, 6, 9, 7, 7]]


@pytest.mark.parametrize("numerics", list(Numerics))
def test_relu_divides_scales_in_the_precision_of_its_oracle(numerics: Numerics) -> None:
    """Ratios such as 1.5, where a result on the half goes either way."""
    rng = np.random.default_rng(1)
    values = np.arange(-128, 128).astype(np.int8)
    oracle = run_tflm if numerics is Numerics.TFLM else run_litert
    for _ in range(60):
        scale = float(np.float32(10.0 ** rng.uniform(-3, 0)))
        builder = ModelBuilder()
        ratio = rng.choice([0.5, 0.75, 1.25, 1.5, 2.5])
        x = builder.tensor((256,), scale=scale * ratio, zero_point=int(rng.integers(-128, 128)))
        y = builder.tensor((256,), scale=scale, zero_point=-54)
        builder.operator("RELU", [x], [y])
        model = builder.inputs(x).outputs(y).build()
        (output,) = reference.outputs(lower_bytes(model, numerics), [values])
        assert_equal(oracle(model, [values])[0], output, f"scale {scale} times {ratio}")


def test_softmax_of_a_long_flat_row_is_zero_where_tflm_aborts() -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 9000), scale=0.1)
    y = builder.tensor((1, 9000), scale=1 / 256, zero_point=-128)
    builder.operator("SOFTMAX", [x], [y], beta=1.0)
    network = lower_bytes(builder.inputs(x).outputs(y).build())
    (output,) = reference.outputs(network, [np.zeros((1, 9000), np.int8)])
    assert np.all(output == -128)
