# SPDX-License-Identifier: Apache-2.0
"""SLICE, STRIDED_SLICE and DYNAMIC_UPDATE_SLICE, at constant places.

Semantics: the TFLM files of those names.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Entry:
    """What one entry of begins, ends and strides says of an axis of the input."""

    begin: int = 0
    end: int = 0
    stride: int = 1
    begin_mask: bool = True
    end_mask: bool = True
    shrink: bool = False


def _strided_axis(extent: int, entry: _Entry, offset: bool) -> range:
    """The indices that a STRIDED_SLICE takes along an axis. TFLM ``strided_slice_logic.h``."""
    stride = entry.stride
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    first = entry.begin + extent if entry.begin < 0 else entry.begin
    first = min(max(first, low), high)
    if entry.begin_mask:
        first = 0 if stride > 0 else extent - 1
    if entry.shrink:
        return range(first, min(first + 1, extent))
    last = entry.end + first if offset else entry.end
    if last < 0:
        last += extent
    last = min(max(last, low), high)
    if entry.end_mask:
        last = extent if stride > 0 else -1
    return range(first, last, stride)


def _entries(view: OperatorView, rank: int) -> list[_Entry | None]:
    """An entry for each axis of the input, in order; None for each new axis of extent 1 between them.

    An ellipsis stands for all axes that the others leave, as does the end of the entries.
    """
    begins, ends, strides = (constant_integers(view, position) for position in (1, 2, 3))
    masks = ("begin_mask", "end_mask", "shrink_axis_mask", "ellipsis_mask", "new_axis_mask")
    begin_mask, end_mask, shrink_mask, ellipsis_mask, new_mask = (
        view.option(name, int) & ((1 << len(begins)) - 1) for name in masks
    )
    new_mask &= ~ellipsis_mask
    named = len(begins) - (ellipsis_mask | new_mask).bit_count()
    if not len(begins) == len(ends) == len(strides) or 0 in strides or named > rank:
        view.invalid(
            f"begins {begins}, ends {ends}, strides {strides} (ellipsis_mask {ellipsis_mask:#b}, "
            f"new_axis_mask {new_mask:#b}) do not fit the {rank} dimensions of "
            f"{view.input(0).name!r}"
        )
    if ellipsis_mask.bit_count() > 1:
        view.invalid(f"its option ellipsis_mask {ellipsis_mask:#b} has several ellipses")
    if ellipsis_mask and named == rank:
        view.unsupported(
            "the ellipsis of its option ellipsis_mask stands for no axis, and LiteRT's kernel "
            "misplaces the entries behind it",
            "Slice without the ellipsis.",
        )
    entries: list[_Entry | None] = []
    for i, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        if ellipsis_mask >> i & 1:
            entries += [_Entry()] * (rank - named)
        elif new_mask >> i & 1:
            entries.append(None)
        else:
            said = (bool(mask >> i & 1) for mask in (begin_mask, end_mask, shrink_mask))
            entries.append(_Entry(begin, end, stride, *said))
    return entries + [_Entry()] * (0 if ellipsis_mask else rank - named)


@operator("STRIDED_SLICE", moves=True, shares_scale=True)
def lower_strided_slice(view: OperatorView) -> Layer:
    """Fold a STRIDED_SLICE with constant indices."""
    values, output = view.in_and_out(F32, I8, I16, I32, BOOL, inputs=(4,))
    rank = len(values.shape)
    if rank > 5:
        view.unsupported(f"tensor {values.name!r} has {rank} dimensions, TFLM slices 5 at most")
    entries = _entries(view, rank)
    extents = iter(values.shape)
    offset = view.option("offset", bool)
    taken: list[range] = []
    shape: list[int] = []
    for entry in entries:
        if entry is None:
            shape.append(1)
            continue
        indices = _strided_axis(next(extents), entry, offset)
        taken.append(indices)
        if not entry.shrink:
            shape.append(len(indices))
        elif len(indices) != 1:
            view.invalid("an index of a shrunk axis is outside the input")
    view.require_shape(output, tuple(shape))
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
