# SPDX-License-Identifier: Apache-2.0
"""SLICE, STRIDED_SLICE and DYNAMIC_UPDATE_SLICE, at constant places.

Semantics: the TFLM files of those names.
"""

from __future__ import annotations

from tinygen.ir.layer import Layer
from tinygen.ops.dtypes import BOOL, F32, I8, I16, I32, I64
from tinygen.ops.registry import operator
from tinygen.ops.strided import Canvas, constant_integers, move_layer, rearranged
from tinygen.ops.view import OperatorView


@operator("SLICE", moves=True)
def lower_slice(view: OperatorView) -> Layer:
    """Fold a SLICE with constant begins and sizes; a size of -1 goes to the end."""
    values, output = view.in_and_out(F32, I8, I16, I32, BOOL, inputs=(3,))
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
    where = tuple(slice(b, b + s) for b, s in zip(begins, sizes, strict=True))
    return rearranged(view, values, lambda source: source[where])


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
    values, output = view.in_and_out(F32, I8, I16, I32, BOOL, inputs=(4,))
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
    where = tuple(
        slice(r.start, r.stop if r.stop >= 0 else None, r.step) if len(r) else slice(0)
        for r in taken
    )
    return rearranged(view, values, lambda source: source[where])


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
