# SPDX-License-Identifier: Apache-2.0
"""PAD and PADV2 of types other than int8, and MIRROR_PAD.

Semantics: TFLM ``pad.cc`` and ``mirror_pad.cc``. PAD of a type other than int8 writes zeros.
"""

from __future__ import annotations

from itertools import product

from tinygen.ir.graph import DType
from tinygen.ir.layer import Layer
from tinygen.ops.rearrange import constant_integers
from tinygen.ops.registry import operator
from tinygen.ops.strided import Canvas, move_layer
from tinygen.ops.view import OperatorView

_MAX_PAD_DIMENSIONS = 5


def _paddings(view: OperatorView, *dtypes: DType) -> list[tuple[int, int]]:
    rank = len(view.input(0).shape)
    values = constant_integers(view, 1, *dtypes)
    if len(values) != 2 * rank or any(value < 0 for value in values):
        view.invalid(f"{values} are no paddings of {rank} dimensions")
    return list(zip(values[0::2], values[1::2], strict=True))


def lower_plain_pad(view: OperatorView) -> Layer:
    """Fold a PAD or PADV2 of float32, int16 or int32 with constant paddings and value."""
    view.counts((2, 3))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.FLOAT32, DType.INT16, DType.INT32)
    view.require_dtype(output, values.dtype)
    view.require_rank(values, *range(_MAX_PAD_DIMENSIONS + 1))
    paddings = _paddings(view)
    view.require_shape(
        output,
        tuple(sum(ends) + extent for extent, ends in zip(values.shape, paddings, strict=True)),
    )
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


PLAIN_PADS = dict.fromkeys((DType.FLOAT32, DType.INT16, DType.INT32), lower_plain_pad)
"""The types of PAD and PADV2 that are lowered here."""


@operator("MIRROR_PAD", moves=True)
def lower_mirror_pad(view: OperatorView) -> Layer:
    """Fold a MIRROR_PAD: the padding is the input's edge mirrored, with or without the border."""
    view.counts((2,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.FLOAT32, DType.INT8)
    view.require_dtype(output, values.dtype)
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
    view.require_shape(
        output,
        tuple(sum(ends) + extent for extent, ends in zip(values.shape, paddings, strict=True)),
    )
    canvas = Canvas([values.shape], [output.shape])
    for pieces_of_axes in product(*parts):
        source = tuple(piece[0] for piece in pieces_of_axes)
        sink = tuple(piece[1] for piece in pieces_of_axes)
        canvas.copy(canvas.sources[0][source], canvas.sinks[0][sink])
    return move_layer(view, canvas, [values])
