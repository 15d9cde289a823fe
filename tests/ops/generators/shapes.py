# SPDX-License-Identifier: Apache-2.0
"""Random pools, MEAN, PAD, PADV2, CONCATENATION and RESHAPE models."""

from __future__ import annotations

import math

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.ir.graph import AnyArray


def _pool(rng: Rng, opcode: str) -> bytes:
    padding = str(rng.choice(["SAME", "VALID"]))
    rows = common.window_axis(rng, padding, 7, dilate=False)
    columns = common.window_axis(rng, padding, 7, dilate=False)
    batches, channels = int(rng.choice([1, 1, 2, 3])), common.extent(rng, 23)
    scale, point = common.scale(rng), common.zero_point(rng)
    builder = ModelBuilder()
    x = builder.tensor(
        (batches, rows.input, columns.input, channels), scale=scale, zero_point=point
    )
    y = builder.tensor(
        (batches, rows.output, columns.output, channels), scale=scale, zero_point=point
    )
    builder.operator(
        opcode,
        [x],
        [y],
        version=2,
        padding=padding,
        stride_h=rows.stride,
        stride_w=columns.stride,
        filter_height=rows.size,
        filter_width=columns.size,
        fused_activation_function=common.activation(rng),
    )
    return builder.inputs(x).outputs(y).build()


def random_average_pool_2d(rng: Rng) -> bytes:
    """AVERAGE_POOL_2D."""
    return _pool(rng, "AVERAGE_POOL_2D")


def random_max_pool_2d(rng: Rng) -> bytes:
    """MAX_POOL_2D."""
    return _pool(rng, "MAX_POOL_2D")


def random_mean(rng: Rng) -> bytes:
    """MEAN over any axes, some negative, some twice."""
    shape = common.shape(rng, 1, 6)
    rank = len(shape)
    axes = rng.permutation(rank)[: int(rng.integers(1, rank + 1))]
    keep = common.chance(rng, 0.5)
    output_shape = tuple(
        1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes
    )
    listed = [int(axis) - rank * int(common.chance(rng, 0.3)) for axis in axes]
    if common.chance(rng, 0.2):
        listed.append(listed[0])
    elements = math.prod(shape[axis] for axis in axes)
    input_scale = common.scale(rng)
    factor = elements * common.multiplier(rng, elements * 255)
    builder = ModelBuilder()
    x = builder.tensor(shape, scale=input_scale, zero_point=common.zero_point(rng))
    a = builder.tensor((len(listed),), "INT32", data=listed)
    y = builder.tensor(
        output_shape, scale=common.float32(input_scale / factor), zero_point=common.zero_point(rng)
    )
    builder.operator("MEAN", [x, a], [y], version=2, keep_dims=keep)
    return builder.inputs(x).outputs(y).build()


def _pad(rng: Rng, opcode: str) -> bytes:
    shape = common.shape(rng, 1, 5, 500)
    paddings = rng.choice([0, 0, 1, 2, 3], (len(shape), 2)).astype(np.int32)
    output_shape = tuple(int(n) for n in np.array(shape) + paddings.sum(axis=1))
    scale, point = common.scale(rng), common.zero_point(rng)
    builder = ModelBuilder()
    x = builder.tensor(shape, scale=scale, zero_point=point)
    operands = [x, builder.tensor(paddings.shape, "INT32", data=paddings)]
    if opcode == "PADV2":
        value = common.values(rng, (1,))
        operands.append(builder.tensor((1,), scale=scale, zero_point=point, data=value))
    y = builder.tensor(output_shape, scale=scale, zero_point=point)
    builder.operator(opcode, operands, [y], version=2)
    return builder.inputs(x).outputs(y).build()


def random_pad(rng: Rng) -> bytes:
    """PAD up to 5 dimensions."""
    return _pad(rng, "PAD")


def random_padv2(rng: Rng) -> bytes:
    """PADV2 up to 5 dimensions."""
    return _pad(rng, "PADV2")


_MOVED = ("INT8", "INT8", "INT8", "INT8", "INT16", "INT32", "INT64", "FLOAT32", "BOOL")


def _quantized_tensor(
    rng: Rng,
    builder: ModelBuilder,
    shape: tuple[int, ...],
    dtype: str,
    data: AnyArray | None = None,
) -> int:
    if dtype == "INT8":
        return builder.tensor(shape, dtype, scale=0.25, zero_point=3, data=data)
    if dtype == "INT16":
        return builder.tensor(shape, dtype, scale=0.25, zero_point=0, data=data)
    return builder.tensor(shape, dtype, data=data)


def random_concatenation(rng: Rng) -> bytes:
    """CONCATENATION of 1 to 6 tensors of any type that TFLM moves, constants among them."""
    shape = common.shape(rng, 1, 5, 300)
    axis = int(rng.integers(len(shape)))
    dtype = str(rng.choice(_MOVED))
    builder = ModelBuilder()
    operands, inputs, total = [], [], 0
    for position in range(int(rng.integers(1, 7))):
        size = common.extent(rng)
        total += size
        part = (*shape[:axis], size, *shape[axis + 1 :])
        if position > 0 and dtype in ("INT8", "INT16", "INT32") and common.chance(rng, 0.25):
            data = common.values(rng, part, dtype)
            operands.append(_quantized_tensor(rng, builder, part, dtype, data))
        else:
            operands.append(_quantized_tensor(rng, builder, part, dtype))
            inputs.append(operands[-1])
    y = _quantized_tensor(rng, builder, (*shape[:axis], total, *shape[axis + 1 :]), dtype)
    named_axis = axis - len(shape) if common.chance(rng, 0.3) else axis
    builder.operator("CONCATENATION", operands, [y], version=2, axis=named_axis)
    return builder.inputs(*inputs).outputs(y).build()


def random_reshape(rng: Rng) -> bytes:
    """RESHAPE of any type, with the shape as an option or as an operand, perhaps with a -1."""
    shape = common.shape(rng, 1, 5)
    factors = [size for size in shape if size > 1]
    rng.shuffle(factors)
    parts = int(rng.integers(1, 5))
    target = [1] * parts
    for factor in factors:
        target[int(rng.integers(parts))] *= factor
    dtype = str(rng.choice(_MOVED))
    builder = ModelBuilder()
    x = _quantized_tensor(rng, builder, shape, dtype)
    y = _quantized_tensor(rng, builder, tuple(target), dtype)
    operands = [x]
    named = list(target)
    if common.chance(rng, 0.3):
        named[int(rng.integers(parts))] = -1
    if common.chance(rng, 0.7):
        operands.append(builder.tensor((parts,), "INT32", data=named))
    builder.operator("RESHAPE", operands, [y], new_shape=named)
    return builder.inputs(x).outputs(y).build()
