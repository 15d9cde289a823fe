# SPDX-License-Identifier: Apache-2.0
"""How far before its input an output must start, for the orders in which kernels read and write."""

from __future__ import annotations

import math

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Overlap
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.pooling import Pool2D, WidePool2D
from tinygen.ops.wide_convolution import WideConv2D


def image_overlaps(
    layer: Conv2D | DepthwiseConv2D | Pool2D | WideConv2D | WidePool2D, element_bytes: int = 1
) -> tuple[Overlap, ...]:
    """Leave for a kernel that finishes output row y before it starts row y + 1.

    While it computes row y it may read any input row from the first that row y needs, so all of the
    output up to row y must end where that input row starts.
    """
    if layer.input_shape[0] != 1:
        return ()
    rows = layer.window.height
    input_row_bytes = math.prod(layer.input_shape[2:]) * element_bytes
    output_row_bytes = math.prod(layer.output_shape[2:]) * element_bytes
    lead = max(
        (y + 1) * output_row_bytes - max(0, y * rows.stride - rows.pad) * input_row_bytes
        for y in range(rows.output)
    )
    return (Overlap(layer.inputs[0], layer.outputs[0], lead),)


def in_order(
    input_tensor: int, output_tensor: int, count: int, source: DType, target: DType
) -> tuple[Overlap, ...]:
    """Leave for a kernel that goes through ``count`` elements in order, and reads before it writes.

    The types must be the same, or one of them of one byte: C lets such a pointer alias the other, and
    no two others.
    """
    before, after = source.bits // 8, target.bits // 8
    if source is not target and min(before, after) != 1:
        return ()
    return (Overlap(input_tensor, output_tensor, max(0, after - before) * count),)


def same_place(input_tensor: int, output_tensor: int) -> Overlap:
    """Leave for a kernel that reads an element before it writes the output's element there."""
    return Overlap(input_tensor, output_tensor, 0)
