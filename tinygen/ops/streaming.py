# SPDX-License-Identifier: Apache-2.0
"""Which layers can be computed a few rows at a time, and which input rows they then read.

Rows are axis 1 of NHWC images of one sample. A layer that can be streamed either makes its output rows
in order, each from a window of input rows (``row_axes``), or takes in its input rows in order and
writes its only output row after the last (``accumulates``).
"""

from __future__ import annotations

from dataclasses import replace

from tinygen.ir.layer import Layer, Operand
from tinygen.ir.window import Axis
from tinygen.ops.binary import Binary
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.elementwise import Elementwise
from tinygen.ops.lookup import Lookup
from tinygen.ops.pooling import AveragePool2D, Pool2D
from tinygen.ops.reduction import Mean
from tinygen.ops.requantize import Clamp, Requantize

_IMAGE_RANK = 4


def _is_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == _IMAGE_RANK and shape[0] == 1


def _row_for_row(layer: Layer, shape: tuple[int, ...]) -> tuple[Axis, ...] | None:
    """Every run-time input is read at the output's own row."""
    if not _is_image(shape):
        return None
    return tuple(Axis(shape[1], shape[1], 1, 1, 1, 0) for _ in layer.inputs)


def row_axes(layer: Layer) -> tuple[Axis, ...] | None:
    """For each run-time input the axis by which output rows read its rows.

    None if the layer cannot be streamed. A layer that ``accumulates`` has one output row, which reads
    all.
    """
    if isinstance(layer, Conv2D | DepthwiseConv2D | Pool2D):
        return (layer.window.height,) if layer.input_shape[0] == 1 else None
    if isinstance(layer, Mean):
        if not _is_image(layer.input_shape) or layer.axes != (1, 2):
            return None
        height = layer.input_shape[1]
        return (Axis(height, 1, height, 1, 1, 0),)
    if isinstance(layer, Lookup | Clamp | Requantize):
        return _row_for_row(layer, layer.shape)
    if isinstance(layer, Binary | Elementwise):
        operands = (layer.lhs, layer.rhs) if isinstance(layer, Binary) else layer.operands
        shapes = {operand.shape for operand in operands if operand.constant is None}
        return _row_for_row(layer, layer.output_shape) if shapes == {layer.output_shape} else None
    return None


def one_row(layer: Layer) -> Layer | None:
    """The same layer over a single row, if every row of the image is computed alike.

    None if it is not elementwise, or has a constant operand that differs from row to row.
    """
    if isinstance(layer, Lookup | Clamp | Requantize):
        return replace(layer, shape=_row_of(layer.shape)) if _is_image(layer.shape) else None
    if not isinstance(layer, Binary | Elementwise) or row_axes(layer) is None:
        return None
    operands = (layer.lhs, layer.rhs) if isinstance(layer, Binary) else layer.operands
    rows = tuple(row for row in map(_row_operand, operands) if row is not None)
    if len(rows) != len(operands):
        return None
    shape = _row_of(layer.output_shape)
    if isinstance(layer, Binary):
        return replace(layer, output_shape=shape, lhs=rows[0], rhs=rows[1])
    return replace(layer, output_shape=shape, operands=rows)


def _row_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], 1, *shape[2:])


def _row_operand(operand: Operand) -> Operand | None:
    shape = operand.shape
    if operand.constant is None:
        return Operand(_row_of(shape), None)
    height_axis = len(shape) - (_IMAGE_RANK - 1)
    return operand if height_axis < 0 or shape[height_axis] == 1 else None


def accumulates(layer: Layer) -> bool:
    """Whether the layer reads each input row once, in order, and writes one output row at the end.

    The bands of such a layer are of *input* rows.
    """
    if isinstance(layer, Mean):
        return row_axes(layer) is not None
    if isinstance(layer, AveragePool2D):
        rows, columns = layer.window.height, layer.window.width
        return (
            layer.input_shape[0] == 1
            and (rows.size, rows.output, rows.pad) == (rows.input, 1, 0)
            and (columns.size, columns.output, columns.pad) == (columns.input, 1, 0)
        )
    return False
