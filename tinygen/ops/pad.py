# SPDX-License-Identifier: Apache-2.0
"""PAD, PADV2 and MIRROR_PAD.

Semantics: TFLM ``pad_common.cc``, ``reference_ops::Pad`` and ``mirror_pad.cc``. PAD writes the output's
zero point (zeros, if it is not int8), PADV2 its constant, which must be quantized as the output is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ops.quantized import quantized_alike, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.strided import Canvas, constant_integers, move_layer
from tinygen.ops.view import OperatorView

_MAX_DIMENSIONS = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Layer):
    """The input with ``paddings[axis] = (before, after)`` elements of ``value`` around it."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    paddings: tuple[tuple[int, int], ...]
    value: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 tensor."""
        (values,) = inputs
        return (np.pad(values, self.paddings, constant_values=self.value),)


def _paddings(view: OperatorView, *dtypes: DType) -> list[tuple[int, int]]:
    rank = len(view.input(0).shape)
    values = constant_integers(view, 1, *dtypes)
    if len(values) != 2 * rank or any(value < 0 for value in values):
        view.invalid(f"{values} are no paddings of {rank} dimensions")
    return list(zip(values[0::2], values[1::2], strict=True))


def _check_shape(view: OperatorView, paddings: list[tuple[int, int]]) -> None:
    """Check the output's shape."""
    view.require_shape(
        view.output(),
        tuple(
            sum(ends) + extent for extent, ends in zip(view.input(0).shape, paddings, strict=True)
        ),
    )


def _value(view: OperatorView) -> int:
    output = view.output()
    if len(view.operator.inputs) == 2:
        return zero_point(view, output)
    constant = view.input(2)
    view.require_dtype(constant, DType.INT8)
    values = view.require_constant(constant)
    if values.size != 1:
        view.invalid(f"tensor {constant.name!r} has {values.size} elements where one is expected")
    if not quantized_alike(view, constant, output):
        view.invalid(f"tensors {constant.name!r} and {output.name!r} are quantized differently")
    return int(values.reshape(-1)[0])


def _lower_plain(view: OperatorView) -> Layer:
    values, output = view.in_and_out(DType.FLOAT32, DType.INT16, DType.INT32, inputs=(2, 3))
    view.require_rank(values, *range(_MAX_DIMENSIONS + 1))
    paddings = _paddings(view)
    _check_shape(view, paddings)
    fill: int | float = 0
    if len(view.operator.inputs) == 3:
        constant = view.input(2)
        view.require_dtype(constant, values.dtype)
        fill = view.require_constant(constant).reshape(-1)[0].item()
    canvas = Canvas([values.shape], [output.shape])
    inner = tuple(
        slice(before, before + extent)
        for extent, (before, _) in zip(values.shape, paddings, strict=True)
    )
    canvas.copy(canvas.sources[0], canvas.sinks[0][inner])
    return move_layer(view, canvas, [values], fill=fill)


_PLAIN_PADS = dict.fromkeys((DType.FLOAT32, DType.INT16, DType.INT32), _lower_plain)


@operator("PAD", types=_PLAIN_PADS, moves=True, shares_scale=True)
@operator("PADV2", types=_PLAIN_PADS, moves=True)
def lower_pad(view: OperatorView) -> Layer:
    """Fold a PAD or PADV2 with constant paddings and value."""
    values, output = view.in_and_out(DType.INT8, inputs=(2, 3))
    view.require_rank(values, *range(_MAX_DIMENSIONS + 1))
    paddings = _paddings(view)
    _check_shape(view, paddings)
    return Pad(
        **view.ports(values),
        input_shape=values.shape,
        output_shape=output.shape,
        paddings=tuple(paddings),
        value=_value(view),
    )


@operator("MIRROR_PAD", moves=True)
def lower_mirror_pad(view: OperatorView) -> Layer:
    """Fold a MIRROR_PAD: the padding is the input's edge mirrored, with or without the border."""
    values, output = view.in_and_out(DType.FLOAT32, DType.INT8, inputs=(2,))
    border = 1 if view.option("mode", str) == "REFLECT" else 0
    paddings = _paddings(view, DType.INT32, DType.INT64)
    parts: list[list[tuple[slice, slice]]] = []
    for extent, (before, after) in zip(values.shape, paddings, strict=True):
        if max(before, after) > extent - border:
            view.invalid(f"a mirrored padding of {max(before, after)} exceeds the extent {extent}")
        tail = extent - 1 - border
        end = tail - after
        pieces = [
            (slice(border, border + before), slice(before - 1, None, -1), before),
            (slice(0, extent), slice(before, before + extent), extent),
            (
                slice(tail, end if end >= 0 else None, -1),
                slice(before + extent, before + extent + after),
                after,
            ),
        ]
        parts.append([(source, sink) for source, sink, size in pieces if size])
    _check_shape(view, paddings)
    canvas = Canvas([values.shape], [output.shape])
    for pieces_of_axes in product(*parts):
        source = tuple(piece[0] for piece in pieces_of_axes)
        sink = tuple(piece[1] for piece in pieces_of_axes)
        canvas.copy(canvas.sources[0][source], canvas.sinks[0][sink])
    return move_layer(view, canvas, [values])
