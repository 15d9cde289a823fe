# SPDX-License-Identifier: Apache-2.0
"""RESIZE_BILINEAR, int8 in fixed point and float32.

Semantics: TFLM ``reference_ops::ResizeBilinear`` and ``ResizeBilinearInteger``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ops.gather import resize_geometry
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

_ONE = 1 << 10


@dataclass(frozen=True, eq=False)
class Taps:
    """For each output position along an axis: two input positions, and the weight of the second.

    Weights are float32, or Q10 integers.
    """

    lower: AnyArray
    upper: AnyArray
    weight: AnyArray


@dataclass(frozen=True, eq=False, kw_only=True)
class ResizeBilinear(Layer):
    """Each output pixel is a mixture of four input pixels."""

    input_shape: tuple[int, int, int, int]
    rows: Taps
    columns: Taps
    dtype: DType

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        image = inputs[0] if self.dtype is DType.FLOAT32 else inputs[0].astype(np.int64)
        y, x = self.rows, self.columns
        one = image.dtype.type(1 if self.dtype is DType.FLOAT32 else _ONE)
        down = y.weight.astype(image.dtype)[None, :, None, None]
        right = x.weight.astype(image.dtype)[None, None, :, None]
        up, left = one - down, one - right
        corners = [
            image[:, a][:, :, b] * v * h
            for a, b, v, h in (
                (y.lower, x.lower, up, left),
                (y.upper, x.lower, down, left),
                (y.lower, x.upper, up, right),
                (y.upper, x.upper, down, right),
            )
        ]
        total = corners[0] + corners[1] + corners[2] + corners[3]
        if self.dtype is DType.FLOAT32:
            return (total,)
        rounded = total + np.where(total > 0, 1 << 19, -(1 << 19))
        return ((np.sign(rounded) * (np.abs(rounded) >> 20)).astype(np.int8),)


def _float_taps(size: int, count: int, align: bool, half: bool) -> Taps:
    factor = np.float32(size) / np.float32(count)
    if align and count > 1:
        factor = np.float32(size - 1) / np.float32(count - 1)
    positions = np.arange(count, dtype=np.float32)
    shift = np.float32(0.5 if half else 0.0)
    positions = (positions + shift) * factor - shift
    lower = np.maximum(np.floor(positions).astype(np.int32), 0)
    upper = np.minimum(np.ceil(positions).astype(np.int32), size - 1)
    return Taps(lower, upper, (positions - lower.astype(np.float32)).astype(np.float32))


def _integer_taps(size: int, count: int, align: bool, half: bool) -> Taps:
    factor = (_ONE * size + count // 2) // count
    if align and count > 1:
        factor = (_ONE * (size - 1) + (count - 1) // 2) // (count - 1)
    positions = np.arange(count, dtype=np.int64) * factor
    if half:
        positions += factor // 2 - (1 << 9)
    truncated = np.sign(positions) * (np.abs(positions) // _ONE)
    lower = np.maximum(truncated, 0)
    above = positions + _ONE - 1
    upper = np.minimum(np.sign(above) * (np.abs(above) // _ONE), size - 1)
    weight = positions - _ONE * lower
    return Taps(lower.astype(np.int32), upper.astype(np.int32), weight.astype(np.int32))


@operator("RESIZE_BILINEAR", shares_scale=True)
def lower_resize_bilinear(view: OperatorView) -> Layer:
    """Fold a RESIZE_BILINEAR to a constant size."""
    values, (height, width), align, half = resize_geometry(view)
    view.require_dtype(values, DType.FLOAT32, DType.INT8)
    if align and half:
        view.invalid("its options align_corners and half_pixel_centers exclude each other")
    taps = _float_taps if values.dtype is DType.FLOAT32 else _integer_taps
    n, h, w, c = values.shape
    return ResizeBilinear(
        **view.ports(values),
        input_shape=(n, h, w, c),
        rows=taps(h, height, align, half),
        columns=taps(w, width, align, half),
        dtype=values.dtype,
    )
