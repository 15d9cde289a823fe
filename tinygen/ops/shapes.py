# SPDX-License-Identifier: Apache-2.0
"""Operators about shapes: they move nothing, or what they give follows from shapes alone.

FILL, ZEROS_LIKE, SHAPE, BROADCAST_ARGS, SQUEEZE, EXPAND_DIMS. Semantics: the TFLM files of those names.
"""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import Tensor
from tinygen.ir.layer import Layer
from tinygen.ops import strided as st
from tinygen.ops.dtypes import F32, I8, I16, I32, I64
from tinygen.ops.movement import Reshape
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


@operator("FILL", typed_by=-1)
def lower_fill(view: OperatorView) -> Layer:
    """Fold a FILL of a constant shape with a scalar, constant or not."""
    view.counts((2,))
    value, output = view.input(1), view.output()
    view.require_dtype(value, F32, I8, I32)
    view.require_dtype(output, value.dtype)
    view.require_shape(value, ())
    view.require_shape(output, tuple(st.constant_integers(view, 0, I8, I16, I32, I64)))
    return st.rearranged(view, value, lambda source: np.broadcast_to(source, output.shape))


@operator("ZEROS_LIKE")
def lower_zeros_like(view: OperatorView) -> Layer:
    """Fold a ZEROS_LIKE, which reads nothing but its input's shape."""
    values, output = view.in_and_out(F32, I8, I32, I64)
    view.require_shape(output, values.shape)
    return st.move_layer(view, st.Canvas([], [output.shape]), [], fill=0)


@operator("SHAPE")
def lower_shape(view: OperatorView) -> Layer:
    """Fold a SHAPE: its output is a constant."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(output, I32)
    view.require_shape(output, (len(values.shape),))
    shape = Tensor(-1, "shape", I32, output.shape, data=np.array(values.shape, dtype=np.int32))
    return st.rearranged(view, shape, lambda source: source)


def _reshaped(view: OperatorView, values: Tensor, output: Tensor) -> Layer:
    return Reshape(
        **view.ports(values),
        output_shape=output.shape,
        dtype=output.dtype,
    )


@operator("SQUEEZE", moves=True, shares_scale=True)
def lower_squeeze(view: OperatorView) -> Layer:
    """Fold a SQUEEZE of the dimensions named, or of all of extent 1."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(output, values.dtype)
    rank = len(values.shape)
    named = view.operator.options.get("squeeze_dims", ())
    assert isinstance(named, tuple)
    axes = [st.checked_axis(view, int(axis), rank) for axis in named]
    if any(values.shape[axis] != 1 for axis in axes):
        view.invalid(f"dimensions {axes} of {list(values.shape)} are not all of extent 1")
    dropped = axes or [axis for axis, extent in enumerate(values.shape) if extent == 1]
    view.require_shape(
        output, tuple(extent for axis, extent in enumerate(values.shape) if axis not in dropped)
    )
    return _reshaped(view, values, output)


@operator("EXPAND_DIMS", moves=True, shares_scale=True)
def lower_expand_dims(view: OperatorView) -> Layer:
    """Fold an EXPAND_DIMS at a constant axis."""
    values, output = view.in_and_out(F32, I8, I16, inputs=(2,))
    named = st.constant_integer(view, 1)
    axis = st.checked_axis(view, named, len(values.shape) + 1)
    view.require_shape(output, (*values.shape[:axis], 1, *values.shape[axis:]))
    return _reshaped(view, values, output)


@operator("BROADCAST_ARGS")
def lower_broadcast_args(view: OperatorView) -> Layer:
    """Fold a BROADCAST_ARGS of constant shapes: its output is a constant."""
    view.counts((2,))
    output = view.output()
    view.require_dtype(output, I32, I64)
    lhs, rhs = (tuple(st.constant_integers(view, i, I32, I64)) for i in (0, 1))
    try:
        shape = np.broadcast_shapes(lhs, rhs)
    except ValueError:
        view.invalid(f"the shapes {list(lhs)} and {list(rhs)} do not broadcast")
    view.require_shape(output, (len(shape),))
    values = np.array(shape, dtype=output.dtype.numpy)
    constant = Tensor(-1, "shape", output.dtype, output.shape, data=values)
    return st.rearranged(view, constant, lambda source: source)
