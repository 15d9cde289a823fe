# SPDX-License-Identifier: Apache-2.0
"""Random BATCH_MATMUL and TRANSPOSE_CONV models."""

from __future__ import annotations

import math

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tests.ops.generators.rearrange import constant

_REACH = {"INT8": 255.0 * 255.0, "INT16": 32768.0 * 32768.0}
_OUTPUTS = {"INT8": 256.0, "INT16": 65536.0}


def random_batch_matmul(rng: Rng, dtype: str) -> bytes:
    """BATCH_MATMUL with either operand transposed, batches that broadcast, a constant operand."""
    batches = tuple(common.extent(rng, 4) for _ in range(int(rng.integers(0, 3))))
    rows, depth, columns = (common.extent(rng, 8) for _ in range(3))
    adj_x, adj_y = common.chance(rng, 0.4), common.chance(rng, 0.4)
    parts = [
        tuple(1 if common.chance(rng, 0.2) else extent for extent in batches) for _ in range(2)
    ]
    lhs = (*parts[0], *((depth, rows) if adj_x else (rows, depth)))
    rhs = (*parts[1], *((columns, depth) if adj_y else (depth, columns)))
    output = (*np.broadcast_shapes(*parts), rows, columns)
    scales: list[float | None] = [None, None, None]
    points = [0, 0, 0]
    if dtype != "FLOAT32":
        a, b = common.scale(rng), common.scale(rng)
        factor = _OUTPUTS[dtype] / (_REACH[dtype] * depth) * 2.0 ** rng.uniform(-2, 5)
        scales = [a, b, common.float32(a * b / min(factor, 1.0))]
        if dtype == "INT8":
            points = [common.zero_point(rng) for _ in range(3)]
    builder = ModelBuilder()
    x = builder.tensor(lhs, dtype, scale=scales[0], zero_point=points[0])
    data = constant(rng, rhs, dtype) if common.chance(rng, 0.3) else None
    w = builder.tensor(rhs, dtype, scale=scales[1], zero_point=points[1], data=data)
    y = builder.tensor(output, dtype, scale=scales[2], zero_point=points[2])
    builder.operator("BATCH_MATMUL", [x, w], [y], version=4, adj_x=adj_x, adj_y=adj_y)
    inputs = [x] if data is not None else [x, w]
    return builder.inputs(*inputs).outputs(y).build()


def random_transpose_conv(rng: Rng, dtype: str) -> bytes:
    """TRANSPOSE_CONV, per channel, with and without a bias."""
    padding = str(rng.choice(["SAME", "VALID"]))
    n, h, w = (common.extent(rng, most) for most in (2, 5, 5))
    depth, channels = common.extent(rng, 5), common.extent(rng, 5)
    size = [int(rng.integers(1, 5)) for _ in range(2)]
    stride = [int(rng.integers(1, 4)) for _ in range(2)]
    if padding == "SAME":
        extents = [e * s for e, s in zip((h, w), stride, strict=True)]
    else:
        extents = [(e - 1) * s + k for e, s, k in zip((h, w), stride, size, strict=True)]
    weights_shape = (channels, size[0], size[1], depth)
    output = (n, extents[0], extents[1], channels)
    builder = ModelBuilder()
    shape = builder.tensor((4,), "INT32", data=list(output))
    with_bias = common.chance(rng, 0.6)
    if dtype == "FLOAT32":
        weights = rng.uniform(-1, 1, weights_shape).astype(np.float32)
        k = builder.tensor(weights_shape, dtype, data=weights)
        x = builder.tensor((n, h, w, depth), dtype)
        operands = [shape, k, x]
        if with_bias:
            real = rng.uniform(-1, 1, channels).astype(np.float32)
            operands.append(builder.tensor((channels,), dtype, data=real))
        y = builder.tensor(output, dtype)
    else:
        taps = math.prod(weights_shape[1:])
        input_scale, weight_scale = common.scale(rng), common.scale(rng)
        weight_scales = (weight_scale * 2.0 ** rng.uniform(-3, 0, channels)).astype(np.float32)
        reach = taps * 128.0 * (255.0 if dtype == "INT8" else 32768.0)
        factor = _OUTPUTS[dtype] / reach * 2.0 ** rng.uniform(-2, 4)
        k = builder.tensor(
            weights_shape, "INT8", scale=weight_scales, data=common.values(rng, weights_shape)
        )
        point = common.zero_point(rng) if dtype == "INT8" else 0
        x = builder.tensor((n, h, w, depth), dtype, scale=input_scale, zero_point=point)
        operands = [shape, k, x]
        if with_bias:
            kind = "INT32" if dtype == "INT8" else str(rng.choice(["INT64", "INT64", "INT16"]))
            bias = rng.integers(-10_000, 10_000, channels)
            scales = (input_scale * weight_scales.astype(np.float64)).astype(np.float32)
            operands.append(builder.tensor((channels,), kind, scale=scales, data=bias))
        y = builder.tensor(
            output,
            dtype,
            scale=common.float32(input_scale * weight_scale / factor),
            zero_point=common.zero_point(rng) if dtype == "INT8" else 0,
        )
    builder.operator(
        "TRANSPOSE_CONV",
        operands,
        [y],
        version=3,
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
    )
    return builder.inputs(x).outputs(y).build()


_THREE = ("FLOAT32", "INT8", "INT16")

TYPED: dict[str, TypedGenerator] = {
    "BATCH_MATMUL": (random_batch_matmul, _THREE),
    "TRANSPOSE_CONV": (random_transpose_conv, _THREE),
}
"""For each operator its generator and the types it takes."""
