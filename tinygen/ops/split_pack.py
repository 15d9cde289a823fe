# SPDX-License-Identifier: Apache-2.0
"""SPLIT, SPLIT_V, PACK and UNPACK. Semantics: the TFLM files of those names."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import Tensor
from tinygen.ir.layer import Layer
from tinygen.ops import strided as st
from tinygen.ops.dtypes import F32, I8, I16, I32, I64
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


@operator("PACK", moves=True)
def lower_pack(view: OperatorView) -> Layer:
    """Fold a PACK of tensors of one shape along a new axis."""
    count = view.option("values_count", int)
    view.counts((count,))
    output = view.output()
    view.require_dtype(output, F32, I8, I16, I32, I64)
    axis = st.checked_axis(view, view.option("axis", int), len(output.shape))
    parts = [view.input(position) for position in range(count)]
    shape = output.shape[:axis] + output.shape[axis + 1 :]
    for part in parts:
        view.require_dtype(part, output.dtype)
        view.require_shape(part, shape)
    view.require_shape(output, (*shape[:axis], count, *shape[axis:]))
    canvas = st.Canvas([shape] * count, [output.shape])
    for number, source in enumerate(canvas.sources):
        canvas.copy(source, np.moveaxis(canvas.sinks[0], axis, 0)[number, ...])
    return st.move_layer(view, canvas, parts)


@operator("UNPACK", moves=True)
def lower_unpack(view: OperatorView) -> Layer:
    """Fold an UNPACK into one tensor an index of the axis."""
    count = view.option("num", int)
    view.counts((1,), count)
    values = view.input(0)
    view.require_dtype(values, F32, I8, I16, I32)
    axis = st.checked_axis(view, view.option("axis", int), len(values.shape))
    if values.shape[axis] != count:
        view.invalid(f"it has {count} outputs for {values.shape[axis]} indices of axis {axis}")
    shape = values.shape[:axis] + values.shape[axis + 1 :]
    for position in range(count):
        view.require_dtype(view.output(position), values.dtype)
        view.require_shape(view.output(position), shape)
    canvas = st.Canvas([values.shape], [shape] * count)
    for number, sink in enumerate(canvas.sinks):
        canvas.copy(np.moveaxis(canvas.sources[0], axis, 0)[number, ...], sink)
    return st.move_layer(view, canvas, [values])


def _split(view: OperatorView, values: Tensor, axis: int, sizes: list[int]) -> Layer:
    view.require_dtype(values, F32, I8, I16, I32)
    if sum(sizes) != values.shape[axis]:
        view.invalid(f"parts of {sizes} do not add up to the {values.shape[axis]} of axis {axis}")
    shapes = [(*values.shape[:axis], size, *values.shape[axis + 1 :]) for size in sizes]
    for position, shape in enumerate(shapes):
        view.require_dtype(view.output(position), values.dtype)
        view.require_shape(view.output(position), shape)
    canvas = st.Canvas([values.shape], shapes)
    start = 0
    for size, sink in zip(sizes, canvas.sinks, strict=True):
        part = np.moveaxis(canvas.sources[0], axis, 0)[start : start + size]
        canvas.copy(np.moveaxis(part, 0, axis), sink)
        start += size
    return st.move_layer(view, canvas, [values])


@operator("SPLIT", typed_by=-1, moves=True)
def lower_split(view: OperatorView) -> Layer:
    """Fold a SPLIT into equal parts along a constant axis."""
    count = view.option("num_splits", int)
    view.counts((2,), count)
    values = view.input(1)
    named = st.constant_integer(view, 0)
    axis = st.checked_axis(view, named, len(values.shape))
    if count < 1 or values.shape[axis] % count:
        view.invalid(f"{values.shape[axis]} elements of axis {axis} do not split into {count}")
    return _split(view, values, axis, [values.shape[axis] // count] * count)


@operator("SPLIT_V", moves=True)
def lower_split_v(view: OperatorView) -> Layer:
    """Fold a SPLIT_V into parts of constant sizes along a constant axis."""
    count = view.option("num_splits", int)
    view.counts((3,), count)
    values = view.input(0)
    sizes = st.constant_integers(view, 1)
    named = st.constant_integer(view, 2)
    axis = st.checked_axis(view, named, len(values.shape))
    if sizes.count(-1) == 1:  # what the others leave
        rest = values.shape[axis] - sum(size for size in sizes if size != -1)
        sizes = [rest if size == -1 else size for size in sizes]
    if len(sizes) != count or any(size < 1 for size in sizes):
        view.invalid(f"{sizes} are no sizes of {count} parts")
    return _split(view, values, axis, sizes)
