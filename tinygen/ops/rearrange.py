# SPDX-License-Identifier: Apache-2.0
"""Operators that rearrange elements by a pattern known at compile time.

TRANSPOSE, PACK, UNPACK, SPLIT, SPLIT_V, SLICE, STRIDED_SLICE, BROADCAST_TO, REVERSE_V2 and
DYNAMIC_UPDATE_SLICE (at constant indices). Semantics: the TFLM files of those names. Each lowering says
with NumPy views what goes where.
"""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.ops.registry import operator
from tinygen.ops.strided import Canvas, move_layer
from tinygen.ops.view import OperatorView

F32, I8, I16, I32, I64, BOOL, U8 = (
    DType.FLOAT32,
    DType.INT8,
    DType.INT16,
    DType.INT32,
    DType.INT64,
    DType.BOOL,
    DType.UINT8,
)


def constant_integers(view: OperatorView, position: int, *dtypes: DType) -> list[int]:
    """The elements of a constant int32 operand (or of the types given), flattened."""
    tensor = view.input(position)
    view.require_dtype(tensor, *(dtypes or (I32,)))
    return [int(value) for value in view.require_constant(tensor).reshape(-1).tolist()]


def constant_integer(view: OperatorView, position: int) -> int:
    """The only element of a constant int32 operand."""
    values = constant_integers(view, position)
    if len(values) != 1:
        view.invalid(f"tensor {view.input(position).name!r} has {len(values)} elements, not one")
    return values[0]


def checked_axis(view: OperatorView, axis: int, rank: int) -> int:
    """The axis counted from 0; a negative one counts from behind."""
    if not -rank <= axis < rank:
        view.invalid(f"the axis {axis} is outside the {rank} dimensions")
    return axis % rank


def one_to_one(
    view: OperatorView, counts: tuple[int, ...], *dtypes: DType
) -> tuple[Tensor, Tensor]:
    """Input 0 and the only output, of the same type, one of those given."""
    view.counts(counts)
    values, output = view.input(0), view.output()
    view.require_dtype(values, *dtypes)
    view.require_dtype(output, values.dtype)
    return values, output


@operator("TRANSPOSE", moves=True, shares_scale=True)
def lower_transpose(view: OperatorView) -> Layer:
    """Fold a TRANSPOSE with a constant permutation."""
    values, output = one_to_one(view, (2,), F32, I8, I16)
    permutation = constant_integers(view, 1)
    rank = len(values.shape)
    if sorted(permutation) != list(range(rank)):
        view.invalid(f"{permutation} is no permutation of {rank} dimensions")
    if rank > 5:
        view.unsupported(f"tensor {values.name!r} has {rank} dimensions, TFLM transposes 5 at most")
    view.require_shape(output, tuple(values.shape[axis] for axis in permutation))
    canvas = Canvas([values.shape], [output.shape])
    canvas.copy(canvas.sources[0].transpose(permutation), canvas.sinks[0])
    return move_layer(view, canvas, [values])


@operator("PACK", moves=True)
def lower_pack(view: OperatorView) -> Layer:
    """Fold a PACK of tensors of one shape along a new axis."""
    count = view.option("values_count", int)
    view.counts((count,))
    output = view.output()
    view.require_dtype(output, F32, I8, I16, I32, I64)
    axis = checked_axis(view, view.option("axis", int), len(output.shape))
    parts = [view.input(position) for position in range(count)]
    shape = output.shape[:axis] + output.shape[axis + 1 :]
    for part in parts:
        view.require_dtype(part, output.dtype)
        view.require_shape(part, shape)
    view.require_shape(output, (*shape[:axis], count, *shape[axis:]))
    canvas = Canvas([shape] * count, [output.shape])
    for number, source in enumerate(canvas.sources):
        canvas.copy(source, np.moveaxis(canvas.sinks[0], axis, 0)[number, ...])
    return move_layer(view, canvas, parts)


@operator("UNPACK", moves=True)
def lower_unpack(view: OperatorView) -> Layer:
    """Fold an UNPACK into one tensor an index of the axis."""
    count = view.option("num", int)
    view.counts((1,), count)
    values = view.input(0)
    view.require_dtype(values, F32, I8, I16, I32)
    axis = checked_axis(view, view.option("axis", int), len(values.shape))
    if values.shape[axis] != count:
        view.invalid(f"it has {count} outputs for {values.shape[axis]} indices of axis {axis}")
    shape = values.shape[:axis] + values.shape[axis + 1 :]
    for position in range(count):
        view.require_dtype(view.output(position), values.dtype)
        view.require_shape(view.output(position), shape)
    canvas = Canvas([values.shape], [shape] * count)
    for number, sink in enumerate(canvas.sinks):
        canvas.copy(np.moveaxis(canvas.sources[0], axis, 0)[number, ...], sink)
    return move_layer(view, canvas, [values])


def _split(view: OperatorView, values: Tensor, axis: int, sizes: list[int]) -> Layer:
    view.require_dtype(values, F32, I8, I16, I32)
    if sum(sizes) != values.shape[axis]:
        view.invalid(f"parts of {sizes} do not add up to the {values.shape[axis]} of axis {axis}")
    shapes = [(*values.shape[:axis], size, *values.shape[axis + 1 :]) for size in sizes]
    for position, shape in enumerate(shapes):
        view.require_dtype(view.output(position), values.dtype)
        view.require_shape(view.output(position), shape)
    canvas = Canvas([values.shape], shapes)
    start = 0
    for size, sink in zip(sizes, canvas.sinks, strict=True):
        part = np.moveaxis(canvas.sources[0], axis, 0)[start : start + size]
        canvas.copy(np.moveaxis(part, 0, axis), sink)
        start += size
    return move_layer(view, canvas, [values])


@operator("SPLIT", typed_by=-1, moves=True)
def lower_split(view: OperatorView) -> Layer:
    """Fold a SPLIT into equal parts along a constant axis."""
    count = view.option("num_splits", int)
    view.counts((2,), count)
    values = view.input(1)
    named = constant_integer(view, 0)
    axis = checked_axis(view, named, len(values.shape))
    if count < 1 or values.shape[axis] % count:
        view.invalid(f"{values.shape[axis]} elements of axis {axis} do not split into {count}")
    return _split(view, values, axis, [values.shape[axis] // count] * count)


@operator("SPLIT_V", moves=True)
def lower_split_v(view: OperatorView) -> Layer:
    """Fold a SPLIT_V into parts of constant sizes along a constant axis."""
    count = view.option("num_splits", int)
    view.counts((3,), count)
    values = view.input(0)
    sizes = constant_integers(view, 1)
    named = constant_integer(view, 2)
    axis = checked_axis(view, named, len(values.shape))
    if len(sizes) != count or any(size < 1 for size in sizes):
        view.invalid(f"{sizes} are no sizes of {count} parts")
    return _split(view, values, axis, sizes)


@operator("SLICE", moves=True)
def lower_slice(view: OperatorView) -> Layer:
    """Fold a SLICE with constant begins and sizes; a size of -1 goes to the end."""
    values, output = one_to_one(view, (3,), F32, I8, I16, I32, BOOL)
    begins = constant_integers(view, 1, I32, I64)
    sizes = constant_integers(view, 2, I32, I64)
    rank = len(values.shape)
    if len(begins) != rank or len(sizes) != rank:
        view.invalid(f"{len(begins)} begins and {len(sizes)} sizes do not fit {rank} dimensions")
    sizes = [
        extent - begin if size == -1 else size
        for extent, begin, size in zip(values.shape, begins, sizes, strict=True)
    ]
    if any(
        begin < 0 or size < 1 or begin + size > extent
        for extent, begin, size in zip(values.shape, begins, sizes, strict=True)
    ):
        view.invalid(f"begins {begins} and sizes {sizes} leave the shape {list(values.shape)}")
    view.require_shape(output, tuple(sizes))
    canvas = Canvas([values.shape], [output.shape])
    where = tuple(slice(b, b + s) for b, s in zip(begins, sizes, strict=True))
    canvas.copy(canvas.sources[0][where], canvas.sinks[0])
    return move_layer(view, canvas, [values])


def _strided_axis(
    extent: int, start: int, stop: int, stride: int, masks: tuple[bool, bool, bool], offset: bool
) -> range:
    """The indices that a STRIDED_SLICE takes along an axis. TFLM ``strided_slice_logic.h``."""
    begin_mask, end_mask, shrink = masks
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    first = start + extent if start < 0 else start
    first = min(max(first, low), high)
    if begin_mask:
        first = 0 if stride > 0 else extent - 1
    if shrink:
        return range(first, min(first + 1, extent))
    last = stop + first if offset else stop
    if last < 0:
        last += extent
    last = min(max(last, low), high)
    if end_mask:
        last = extent if stride > 0 else -1
    return range(first, last, stride)


@operator("STRIDED_SLICE", moves=True, shares_scale=True)
def lower_strided_slice(view: OperatorView) -> Layer:
    """Fold a STRIDED_SLICE with constant indices, without an ellipsis or a new axis."""
    values, output = one_to_one(view, (4,), F32, I8, I16, I32, BOOL)
    rank = len(values.shape)
    begins, ends, strides = (constant_integers(view, position) for position in (1, 2, 3))
    if not len(begins) == len(ends) == len(strides) == rank or any(s == 0 for s in strides):
        view.invalid(
            f"begins {begins}, ends {ends}, strides {strides} do not fit {rank} dimensions"
        )
    for name in ("ellipsis_mask", "new_axis_mask"):
        if view.option(name, int) != 0:
            view.unsupported(f"its option {name} is not supported")
    if rank > 5:
        view.unsupported(f"tensor {values.name!r} has {rank} dimensions, TFLM slices 5 at most")
    begin_mask, end_mask, shrink_mask = (
        view.option(name, int) for name in ("begin_mask", "end_mask", "shrink_axis_mask")
    )
    taken = [
        _strided_axis(
            values.shape[axis],
            begins[axis],
            ends[axis],
            strides[axis],
            (
                bool(begin_mask >> axis & 1),
                bool(end_mask >> axis & 1),
                bool(shrink_mask >> axis & 1),
            ),
            view.option("offset", bool),
        )
        for axis in range(rank)
    ]
    shrunk = [bool(shrink_mask >> axis & 1) for axis in range(rank)]
    if any(shrink and len(indices) != 1 for shrink, indices in zip(shrunk, taken, strict=True)):
        view.invalid("an index of a shrunk axis is outside the input")
    view.require_shape(
        output, tuple(len(r) for r, shrink in zip(taken, shrunk, strict=True) if not shrink)
    )
    canvas = Canvas([values.shape], [output.shape])
    where = tuple(
        slice(r.start, r.stop if r.stop >= 0 else None, r.step) if len(r) else slice(0)
        for r in taken
    )
    picked = canvas.sources[0][where]
    canvas.copy(picked, canvas.sinks[0].reshape(picked.shape))
    return move_layer(view, canvas, [values])


@operator("BROADCAST_TO", moves=True)
def lower_broadcast_to(view: OperatorView) -> Layer:
    """Fold a BROADCAST_TO a constant shape."""
    values, output = one_to_one(view, (2,), F32, I8, I16, I32, I64, U8, DType.UINT32, BOOL)
    view.require_shape(output, tuple(constant_integers(view, 1, I32, I64)))
    if len(output.shape) > 5:
        view.unsupported(
            f"tensor {output.name!r} has {len(output.shape)} dimensions, TFLM broadcasts to 5 at most"
        )
    canvas = Canvas([values.shape], [output.shape])
    try:
        spread: AnyArray = np.broadcast_to(canvas.sources[0], output.shape)
    except ValueError:
        view.invalid(f"{list(values.shape)} does not broadcast to {list(output.shape)}")
    canvas.copy(spread, canvas.sinks[0])
    return move_layer(view, canvas, [values])


@operator("REVERSE_V2", moves=True)
def lower_reverse_v2(view: OperatorView) -> Layer:
    """Fold a REVERSE_V2 along constant neighbouring axes."""
    values, output = one_to_one(view, (2,), F32, I8, I16, I32, I64, U8, BOOL)
    view.require_shape(output, values.shape)
    rank = len(values.shape)
    axes = sorted({checked_axis(view, axis, rank) for axis in constant_integers(view, 1)})
    if axes != list(range(axes[0], axes[0] + len(axes))):
        view.unsupported(f"the axes {axes} are not neighbours, which TFLM rejects")
    canvas = Canvas([values.shape], [output.shape])
    canvas.copy(np.flip(canvas.sources[0], tuple(axes)), canvas.sinks[0])
    return move_layer(view, canvas, [values])


@operator("DYNAMIC_UPDATE_SLICE")
def lower_dynamic_update_slice(view: OperatorView) -> Layer:
    """Fold a DYNAMIC_UPDATE_SLICE at constant indices, which are limited so that the update fits."""
    view.counts((3,))
    values, update, output = view.input(0), view.input(1), view.output()
    view.require_dtype(values, F32, I8, I16, I32)
    for tensor in (update, output):
        view.require_dtype(tensor, values.dtype)
    view.require_shape(output, values.shape)
    indices = constant_integers(view, 2, I32, I64)
    rank = len(values.shape)
    if len(indices) != rank or len(update.shape) != rank:
        view.invalid(f"{len(indices)} indices do not fit {rank} dimensions")
    room = [extent - size for extent, size in zip(values.shape, update.shape, strict=True)]
    if min(room, default=0) < 0:
        view.invalid(f"an update of {list(update.shape)} exceeds {list(values.shape)}")
    starts = [min(max(0, index), most) for index, most in zip(indices, room, strict=True)]
    canvas = Canvas([values.shape, update.shape], [output.shape])
    canvas.copy(canvas.sources[0], canvas.sinks[0])
    where = tuple(slice(s, s + size) for s, size in zip(starts, update.shape, strict=True))
    canvas.copy(canvas.sources[1], canvas.sinks[0][where])
    return move_layer(view, canvas, [values, update])
