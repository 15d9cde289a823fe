# SPDX-License-Identifier: Apache-2.0
"""Each pass does what it is for, and keeps the bits that TFLM computes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import run_tflm
from tests.ops.comparison import assert_equal, random_inputs
from tinygen import reference
from tinygen.lowering import Network, lower
from tinygen.passes import rewrite
from tinygen.tflite_reader import read_model_bytes


def _compare(model: bytes, seeds: int = 5) -> Network:
    """The rewritten network, after it has been compared with TFLM's run of the original."""
    network = lower(rewrite(read_model_bytes(model, "test model")))
    for seed in range(seeds):
        inputs = random_inputs(network, np.random.default_rng(seed))
        expected = run_tflm(model, inputs)
        for want, got in zip(expected, reference.outputs(network, inputs), strict=True):
            assert_equal(want, got, f"seed {seed}")
    return network


@pytest.mark.parametrize("opcode", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_int4_weights(opcode: str) -> None:
    rng = np.random.default_rng(1)
    builder = ModelBuilder()
    shapes = {
        "CONV_2D": ((1, 6, 6, 3), (5, 3, 3, 3), (1, 6, 6, 5), 0),
        "DEPTHWISE_CONV_2D": ((1, 6, 6, 4), (1, 3, 3, 4), (1, 6, 6, 4), 3),
        "FULLY_CONNECTED": ((2, 12), (5, 12), (2, 5), 0),
    }
    source, weights_shape, target, axis = shapes[opcode]
    weights = rng.integers(-7, 8, weights_shape).astype(np.int8)
    channels = weights_shape[axis]
    scales = [0.02] if opcode == "FULLY_CONNECTED" else [0.02 + 0.01 * i for i in range(channels)]
    bias = rng.integers(-99, 99, channels).astype(np.int32)
    x = builder.tensor(source, scale=0.1, zero_point=5)
    w = builder.tensor(weights_shape, "INT4", scale=scales, axis=axis, data=weights)
    b = builder.tensor(
        (channels,),
        "INT32",
        scale=[float(np.float32(0.1) * np.float32(s)) for s in scales],
        data=bias,
    )
    y = builder.tensor(target, scale=0.2, zero_point=-3)
    windows = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    options = {} if opcode == "FULLY_CONNECTED" else windows
    if opcode == "DEPTHWISE_CONV_2D":
        options = {**options, "depth_multiplier": 1}
    builder.operator(opcode, [x, w, b], [y], version=7, **options)  # type: ignore[arg-type]
    _compare(builder.inputs(x).outputs(y).build())


def test_shape_arithmetic_is_folded() -> None:
    builder = ModelBuilder()
    x = builder.tensor((2, 3, 4), scale=0.5)
    shape = builder.tensor((3,), "INT32")
    first = builder.tensor((1,), "INT32")
    rest = builder.tensor((1,), "INT32", data=[-1])
    target = builder.tensor((2,), "INT32")
    y = builder.tensor((2, 12), scale=0.5)
    begin, end, stride = (builder.tensor((1,), "INT32", data=[v]) for v in (0, 1, 1))
    builder.operator("SHAPE", [x], [shape], out_type="INT32")
    builder.operator("STRIDED_SLICE", [shape, begin, end, stride], [first])
    builder.operator("CONCATENATION", [first, rest], [target], axis=0)
    builder.operator("RESHAPE", [x, target], [y])
    network = _compare(builder.inputs(x).outputs(y).build())
    assert [layer.operator.opcode for layer in network.layers] == ["RESHAPE"]
    assert network.layers[0].operator.index == 3


@pytest.mark.parametrize(
    ("ends", "stride", "merged"),
    [((1, 1), 1, True), ((0, 1), 2, True), ((1, 1), 2, False), ((2, 2), 1, False)],
)
@pytest.mark.parametrize("dtype", ["INT8", "FLOAT32"])
def test_pad_goes_into_the_convolution_where_they_agree(
    ends: tuple[int, int], stride: int, merged: bool, dtype: str
) -> None:
    rng = np.random.default_rng(2)
    quantized = dtype == "INT8"
    extent = 8 + sum(ends)
    outputs = (extent - 3) // stride + 1
    builder = ModelBuilder()
    scale = 0.5 if quantized else None
    x = builder.tensor((1, 8, 8, 2), dtype, scale=scale, zero_point=7)
    paddings = np.array([[0, 0], ends, ends, [0, 0]], dtype=np.int32)
    p = builder.tensor((4, 2), "INT32", data=paddings)
    padded = builder.tensor((1, extent, extent, 2), dtype, scale=scale, zero_point=7)
    weights = rng.integers(-9, 9, (3, 3, 3, 2))
    w = builder.tensor(weights.shape, dtype, scale=0.1 if quantized else None, data=weights)
    y = builder.tensor((1, outputs, outputs, 3), dtype, scale=2.0 if quantized else None)
    builder.operator("PAD", [x, p], [padded])
    builder.operator(
        "CONV_2D", [padded, w], [y], padding="VALID", stride_h=stride, stride_w=stride, version=3
    )
    network = _compare(builder.inputs(x).outputs(y).build())
    assert [layer.operator.opcode for layer in network.layers] == (
        ["CONV_2D"] if merged else ["PAD", "CONV_2D"]
    )
