# SPDX-License-Identifier: Apache-2.0
"""Random models of the operators that move elements by a fixed pattern, one a type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tinygen.ir.graph import AnyArray


def tensor(
    builder: ModelBuilder, shape: tuple[int, ...], dtype: str, data: AnyArray | None = None
) -> int:
    """A tensor with some quantization if its type has one."""
    if dtype in ("INT8", "INT16", "UINT8"):
        point = 0 if dtype == "INT16" else 3
        return builder.tensor(shape, dtype, scale=0.25, zero_point=point, data=data)
    return builder.tensor(shape, dtype, data=data)


def constant(rng: Rng, shape: tuple[int, ...], dtype: str) -> AnyArray:
    """Values of any type."""
    if dtype == "FLOAT32":
        return rng.uniform(-4, 4, shape).astype(np.float32)
    if dtype == "BOOL":
        return rng.integers(0, 2, shape).astype(np.bool_)
    return common.values(rng, shape, "INT32" if dtype == "INT64" else dtype).astype(dtype.lower())


def _integers(builder: ModelBuilder, values: list[int], dtype: str = "INT32") -> int:
    return builder.tensor((len(values),), dtype, data=values)


def _unary(
    rng: Rng,
    opcode: str,
    dtype: str,
    shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    operands: tuple[tuple[list[int], str], ...] = (),
    **options: Any,
) -> bytes:
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    others = [_integers(builder, values, kind) for values, kind in operands]
    y = tensor(builder, output_shape, dtype)
    builder.operator(opcode, [x, *others], [y], version=2, **options)
    return builder.inputs(x).outputs(y).build()


def random_transpose(rng: Rng, dtype: str) -> bytes:
    """TRANSPOSE up to 5 dimensions."""
    shape = common.shape(rng, 1, 5, 600)
    permutation = [int(axis) for axis in rng.permutation(len(shape))]
    output = tuple(shape[axis] for axis in permutation)
    return _unary(rng, "TRANSPOSE", dtype, shape, output, ((permutation, "INT32"),))


def random_pack(rng: Rng, dtype: str) -> bytes:
    """PACK of 1 to 5 tensors, one of them perhaps a constant."""
    shape = common.shape(rng, 1, 4, 200)
    count = int(rng.integers(1, 6))
    axis = int(rng.integers(0, len(shape) + 1))
    builder = ModelBuilder()
    parts, inputs = [], []
    for position in range(count):
        is_constant = position > 0 and common.chance(rng, 0.2)
        data = constant(rng, shape, dtype) if is_constant else None
        parts.append(tensor(builder, shape, dtype, data))
        if data is None:
            inputs.append(parts[-1])
    y = tensor(builder, (*shape[:axis], count, *shape[axis:]), dtype)
    named = axis - len(shape) - 1 if common.chance(rng, 0.3) else axis
    builder.operator("PACK", parts, [y], version=2, values_count=count, axis=named)
    return builder.inputs(*inputs).outputs(y).build()


def random_unpack(rng: Rng, dtype: str) -> bytes:
    """UNPACK along any axis."""
    shape = common.shape(rng, 2, 4, 400)
    axis = int(rng.integers(len(shape)))
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    output = shape[:axis] + shape[axis + 1 :]
    ys = [tensor(builder, output, dtype) for _ in range(shape[axis])]
    named = axis - len(shape) if common.chance(rng, 0.3) else axis
    builder.operator("UNPACK", [x], ys, version=2, num=shape[axis], axis=named)
    return builder.inputs(x).outputs(*ys).build()


def random_split(rng: Rng, dtype: str) -> bytes:
    """SPLIT into 1 to 4 equal parts."""
    part = common.shape(rng, 1, 4, 200)
    axis = int(rng.integers(len(part)))
    count = int(rng.integers(1, 5))
    shape = (*part[:axis], part[axis] * count, *part[axis + 1 :])
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    named = axis - len(shape) if common.chance(rng, 0.3) else axis
    # TFLM takes the axis as a vector of one as well as as a scalar.
    a = builder.tensor((1,), "INT32", data=[named])
    ys = [tensor(builder, part, dtype) for _ in range(count)]
    builder.operator("SPLIT", [a, x], ys, version=3, num_splits=count)
    return builder.inputs(x).outputs(*ys).build()


def random_split_v(rng: Rng, dtype: str) -> bytes:
    """SPLIT_V into 1 to 4 parts of their own sizes, one of which may be told as what is left."""
    part = common.shape(rng, 1, 4, 200)
    axis = int(rng.integers(len(part)))
    sizes = [int(size) for size in rng.integers(1, 6, int(rng.integers(1, 5)))]
    shape = (*part[:axis], sum(sizes), *part[axis + 1 :])
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    named = axis - len(shape) if common.chance(rng, 0.3) else axis
    told = [-1, *sizes[1:]] if common.chance(rng, 0.3) else sizes
    s = _integers(builder, told)
    a = builder.tensor((1,), "INT32", data=[named])
    ys = [tensor(builder, (*part[:axis], size, *part[axis + 1 :]), dtype) for size in sizes]
    builder.operator("SPLIT_V", [x, s, a], ys, version=2, num_splits=len(sizes))
    return builder.inputs(x).outputs(*ys).build()


def random_slice(rng: Rng, dtype: str) -> bytes:
    """SLICE up to 5 dimensions, some sizes -1."""
    shape = common.shape(rng, 1, 5, 600)
    begins = [int(rng.integers(extent)) for extent in shape]
    sizes = [int(rng.integers(1, e - b + 1)) for e, b in zip(shape, begins, strict=True)]
    named = list(sizes)
    axis = int(rng.integers(len(shape)))
    if common.chance(rng, 0.3):
        sizes[axis] = shape[axis] - begins[axis]
        named[axis] = -1
    kind = str(rng.choice(["INT32", "INT64"]))
    return _unary(rng, "SLICE", dtype, shape, tuple(sizes), ((begins, kind), (named, kind)))


def random_strided_slice(rng: Rng, dtype: str) -> bytes:
    """STRIDED_SLICE with strides of both signs and masks."""
    while True:
        shape = common.shape(rng, 1, 4, 600)
        rank = len(shape)
        begins = [int(rng.integers(-extent - 1, extent + 1)) for extent in shape]
        ends = [int(rng.integers(-extent - 1, extent + 2)) for extent in shape]
        strides = [int(rng.choice([1, 1, 2, 3, -1, -2])) for _ in shape]
        begin_mask, end_mask = (int(rng.integers(1 << rank)) for _ in range(2))
        shrink = 1 << int(rng.integers(rank)) if common.chance(rng, 0.3) else 0
        taken = [
            range(extent)[
                slice(
                    None if begin_mask >> i & 1 else begins[i],
                    None if end_mask >> i & 1 else ends[i],
                    strides[i],
                )
            ]
            for i, extent in enumerate(shape)
        ]
        valid = all(len(indices) > 0 for indices in taken)
        for i in range(rank):
            if shrink >> i & 1 and not (
                0 <= begins[i] < shape[i] and strides[i] > 0 and not begin_mask >> i & 1
            ):
                valid = False
        if valid:
            break
    output = tuple(len(r) for i, r in enumerate(taken) if not shrink >> i & 1)
    if not output:
        return random_strided_slice(rng, dtype)
    operands = ((begins, "INT32"), (ends, "INT32"), (strides, "INT32"))
    return _unary(
        rng,
        "STRIDED_SLICE",
        dtype,
        shape,
        output,
        operands,
        begin_mask=begin_mask,
        end_mask=end_mask,
        shrink_axis_mask=shrink,
    )


def random_broadcast_to(rng: Rng, dtype: str) -> bytes:
    """BROADCAST_TO up to 6 dimensions."""
    output = common.shape(rng, 1, 5, 600)
    shape = tuple(1 if common.chance(rng, 0.4) else extent for extent in output)
    leading = 0
    while leading < len(shape) - 1 and shape[leading] == 1 and common.chance(rng, 0.5):
        leading += 1
    kind = str(rng.choice(["INT32", "INT64"]))
    return _unary(rng, "BROADCAST_TO", dtype, shape[leading:], output, ((list(output), kind),))


def random_reverse_v2(rng: Rng, dtype: str) -> bytes:
    """REVERSE_V2 along neighbouring axes."""
    shape = common.shape(rng, 1, 5, 600)
    first = int(rng.integers(len(shape)))
    last = int(rng.integers(first, len(shape)))
    axes = [int(a) - len(shape) * int(common.chance(rng, 0.3)) for a in range(first, last + 1)]
    return _unary(rng, "REVERSE_V2", dtype, shape, shape, ((axes, "INT32"),))


def _blocks(rng: Rng) -> tuple[tuple[int, ...], int, list[int], list[int], list[int]]:
    """Spatial blocks: (counts, depth, block shape, ends, padded extents)."""
    rank = int(rng.choice([1, 2]))
    blocks = [int(rng.integers(1, 4)) for _ in range(rank)]
    counts = tuple(common.extent(rng, 5) for _ in range(rank))
    ends: list[int] = []
    for block, count in zip(blocks, counts, strict=True):
        padded = block * count
        before = int(rng.integers(0, min(padded, 4)))
        ends += [before, int(rng.integers(0, min(padded - before, 4)))]
    padded_extents = [block * count for block, count in zip(blocks, counts, strict=True)]
    return counts, common.extent(rng, 8), blocks, ends, padded_extents


def _inner(padded: list[int], ends: list[int]) -> tuple[int, ...]:
    return tuple(extent - ends[2 * i] - ends[2 * i + 1] for i, extent in enumerate(padded))


def _block_operator(rng: Rng, opcode: str, dtype: str) -> bytes:
    counts, depth, blocks, ends, padded = _blocks(rng)
    batches = int(rng.integers(1, 4))
    image = (batches, *_inner(padded, ends), depth)
    stacked = (batches * math.prod(blocks), *counts, depth)
    source, target = (image, stacked) if opcode == "SPACE_TO_BATCH_ND" else (stacked, image)
    builder = ModelBuilder()
    x = tensor(builder, source, dtype)
    b = _integers(builder, blocks)
    e = builder.tensor((len(blocks), 2), "INT32", data=ends)
    y = tensor(builder, target, dtype)
    builder.operator(opcode, [x, b, e], [y], version=2)
    return builder.inputs(x).outputs(y).build()


def random_space_to_batch_nd(rng: Rng, dtype: str) -> bytes:
    """SPACE_TO_BATCH_ND of 3 or 4 dimensions, padded."""
    return _block_operator(rng, "SPACE_TO_BATCH_ND", dtype)


def random_batch_to_space_nd(rng: Rng, dtype: str) -> bytes:
    """BATCH_TO_SPACE_ND of 3 or 4 dimensions, cropped."""
    return _block_operator(rng, "BATCH_TO_SPACE_ND", dtype)


def _depth(rng: Rng, opcode: str, dtype: str) -> bytes:
    n, rows, columns, depth, block = (int(rng.integers(1, most)) for most in (3, 5, 5, 5, 4))
    image = (n, rows * block, columns * block, depth)
    stacked = (n, rows, columns, depth * block * block)
    source, target = (image, stacked) if opcode == "SPACE_TO_DEPTH" else (stacked, image)
    return _unary(rng, opcode, dtype, source, target, block_size=block)


def random_space_to_depth(rng: Rng, dtype: str) -> bytes:
    """SPACE_TO_DEPTH."""
    return _depth(rng, "SPACE_TO_DEPTH", dtype)


def random_depth_to_space(rng: Rng, dtype: str) -> bytes:
    """DEPTH_TO_SPACE."""
    return _depth(rng, "DEPTH_TO_SPACE", dtype)


def random_fill(rng: Rng, dtype: str) -> bytes:
    """FILL with a scalar that an operator before it computes (a scalar is no input in Python)."""
    shape = common.shape(rng, 1, 4, 400)
    builder = ModelBuilder()
    x = tensor(builder, (1,), dtype)
    scalar = tensor(builder, (), dtype)
    dims = _integers(builder, list(shape), str(rng.choice(["INT32", "INT64"])))
    y = tensor(builder, shape, dtype)
    builder.operator("RESHAPE", [x], [scalar], new_shape=[])
    builder.operator("FILL", [dims, scalar], [y], version=3)
    return builder.inputs(x).outputs(y).build()


def random_zeros_like(rng: Rng, dtype: str) -> bytes:
    """ZEROS_LIKE."""
    shape = common.shape(rng, 1, 4)
    return _unary(rng, "ZEROS_LIKE", dtype, shape, shape)


def random_shape(rng: Rng, dtype: str) -> bytes:
    """SHAPE of a tensor of any type."""
    shape = common.shape(rng, 1, 6)
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    y = builder.tensor((len(shape),), "INT32")
    builder.operator("SHAPE", [x], [y], out_type="INT32")
    return builder.inputs(x).outputs(y).build()


def random_squeeze(rng: Rng, dtype: str) -> bytes:
    """SQUEEZE of some or of all dimensions of extent 1."""
    shape = tuple(1 if common.chance(rng, 0.4) else e for e in common.shape(rng, 2, 5))
    ones = [axis for axis, extent in enumerate(shape) if extent == 1]
    named = [axis for axis in ones if common.chance(rng, 0.5)]
    dropped = named or ones
    output = tuple(extent for axis, extent in enumerate(shape) if axis not in dropped)
    if not output:
        return random_squeeze(rng, dtype)
    listed = [axis - len(shape) * int(common.chance(rng, 0.3)) for axis in named]
    return _unary(rng, "SQUEEZE", dtype, shape, output, squeeze_dims=listed)


def random_expand_dims(rng: Rng, dtype: str) -> bytes:
    """EXPAND_DIMS at any axis."""
    shape = common.shape(rng, 1, 4)
    axis = int(rng.integers(len(shape) + 1))
    output = (*shape[:axis], 1, *shape[axis:])
    named = axis - len(shape) - 1 if common.chance(rng, 0.3) else axis
    return _unary(rng, "EXPAND_DIMS", dtype, shape, output, (([named], "INT32"),))


def random_plain_pad(opcode: str) -> Callable[[Rng, str], bytes]:
    """PAD or PADV2 of a type other than int8."""

    def generate(rng: Rng, dtype: str) -> bytes:
        return _plain_pad(rng, dtype, opcode)

    return generate


def _plain_pad(rng: Rng, dtype: str, opcode: str) -> bytes:
    shape = common.shape(rng, 1, 5, 300)
    paddings = rng.choice([0, 0, 1, 2, 3], (len(shape), 2)).astype(np.int32)
    output = tuple(int(n) for n in np.array(shape) + paddings.sum(axis=1))
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    operands = [x, builder.tensor(paddings.shape, "INT32", data=paddings)]
    if opcode == "PADV2":
        operands.append(tensor(builder, (1,), dtype, constant(rng, (1,), dtype)))
    y = tensor(builder, output, dtype)
    builder.operator(opcode, operands, [y], version=2)
    return builder.inputs(x).outputs(y).build()


def random_mirror_pad(rng: Rng, dtype: str) -> bytes:
    """MIRROR_PAD in both modes, up to 4 dimensions."""
    shape = common.shape(rng, 1, 4, 200)
    mode = str(rng.choice(["REFLECT", "SYMMETRIC"]))
    border = 1 if mode == "REFLECT" else 0
    paddings = np.array(
        [
            [int(rng.integers(0, min(4, e - border) + 1)) for _ in range(2)]
            if common.chance(rng, 0.6)
            else [0, 0]
            for e in shape
        ],
        dtype=np.int32,
    )
    output = tuple(int(n) for n in np.array(shape) + paddings.sum(axis=1))
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    kind = str(rng.choice(["INT32", "INT64"]))
    p = builder.tensor(paddings.shape, kind, data=paddings)
    y = tensor(builder, output, dtype)
    builder.operator("MIRROR_PAD", [x, p], [y], version=2, mode=mode)
    return builder.inputs(x).outputs(y).build()


def random_broadcast_args(rng: Rng, dtype: str) -> bytes:
    """BROADCAST_ARGS of constant shapes; the model's input is not used by it."""
    shape = common.shape(rng, 1, 5)
    parts = [[1 if common.chance(rng, 0.4) else extent for extent in shape] for _ in range(2)]
    result = np.broadcast_shapes(*(tuple(part) for part in parts))
    builder = ModelBuilder()
    x = builder.tensor((len(result),), dtype)
    a, b = (_integers(builder, part, dtype) for part in parts)
    s, y = (builder.tensor((len(result),), dtype) for _ in range(2))
    builder.operator("BROADCAST_ARGS", [a, b], [s])
    builder.operator("MAXIMUM", [s, x], [y])
    return builder.inputs(x).outputs(y).build()


def random_dynamic_update_slice(rng: Rng, dtype: str) -> bytes:
    """DYNAMIC_UPDATE_SLICE at constant indices, some of them out of range."""
    shape = common.shape(rng, 1, 5, 400)
    update = tuple(int(rng.integers(1, extent + 1)) for extent in shape)
    indices = [int(rng.integers(-2, extent + 2)) for extent in shape]
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    u = tensor(builder, update, dtype)
    i = _integers(builder, indices, str(rng.choice(["INT32", "INT64"])))
    y = tensor(builder, shape, dtype)
    builder.operator("DYNAMIC_UPDATE_SLICE", [x, u, i], [y])
    return builder.inputs(x, u).outputs(y).build()


_FOUR = ("FLOAT32", "INT8", "INT16", "INT32")

TYPED: dict[str, TypedGenerator] = {
    "TRANSPOSE": (random_transpose, ("FLOAT32", "INT8", "INT16")),
    "PACK": (random_pack, (*_FOUR, "INT64")),
    "UNPACK": (random_unpack, _FOUR),
    "SPLIT": (random_split, _FOUR),
    "SPLIT_V": (random_split_v, _FOUR),
    "SLICE": (random_slice, (*_FOUR, "BOOL")),
    "STRIDED_SLICE": (random_strided_slice, (*_FOUR, "BOOL")),
    "BROADCAST_ARGS": (random_broadcast_args, ("INT32", "INT64")),
    "DYNAMIC_UPDATE_SLICE": (random_dynamic_update_slice, _FOUR),
    "BROADCAST_TO": (random_broadcast_to, (*_FOUR, "INT64", "BOOL", "UINT8", "UINT32")),
    "REVERSE_V2": (random_reverse_v2, (*_FOUR, "INT64", "BOOL", "UINT8")),
    "SPACE_TO_BATCH_ND": (random_space_to_batch_nd, ("FLOAT32", "INT8")),
    "BATCH_TO_SPACE_ND": (random_batch_to_space_nd, ("FLOAT32", "INT8")),
    "SPACE_TO_DEPTH": (random_space_to_depth, ("FLOAT32", "INT8")),
    "DEPTH_TO_SPACE": (random_depth_to_space, ("FLOAT32", "INT8")),
    "FILL": (random_fill, ("FLOAT32", "INT8", "INT32")),
    "ZEROS_LIKE": (random_zeros_like, ("FLOAT32", "INT8", "INT32", "INT64")),
    "SHAPE": (random_shape, (*_FOUR, "INT64", "BOOL", "UINT8")),
    "SQUEEZE": (random_squeeze, (*_FOUR, "INT64", "BOOL", "UINT8")),
    "EXPAND_DIMS": (random_expand_dims, ("FLOAT32", "INT8", "INT16")),
    "PAD": (random_plain_pad("PAD"), ("FLOAT32", "INT16", "INT32")),
    "PADV2": (random_plain_pad("PADV2"), ("FLOAT32", "INT16", "INT32")),
    "MIRROR_PAD": (random_mirror_pad, ("FLOAT32", "INT8")),
}
"""For each operator its generator and the types it takes."""

LITERT = ("SPACE_TO_BATCH_ND",)
"""TFLM pads with uninitialized memory."""
