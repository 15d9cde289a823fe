# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX of int16.

Semantics: TFLM ``reference_ops::SoftmaxInt16``: exponential and reciprocal by tables of 513 entries
(``LUTPopulateInt16``, in single precision), linear between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.ops.lookup import interpolated, interpolation_table
from tinygen.ops.quantized import scale, zero_point
from tinygen.ops.view import OperatorView

_F = np.float32


def _exp(x: AnyArray) -> AnyArray:
    return np.exp(x.astype(np.float64)).astype(np.float32)


EXPONENTIALS = interpolation_table(
    float(_F(10.0) / _F(65535)), 32767, float(_F(2.0) / _F(65535)), _exp
)
"""exp(x) for x in [-10, 0], Q0.15."""

RECIPROCALS = interpolation_table(
    float(_F(1.0) / _F(65535)), -32768, float(_F(2.0) / _F(65535)), lambda x: _F(1) / (_F(1) + x)
)
"""1 / (1 + x) for x in [0, 1], Q0.15."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SoftmaxInt16(Layer):
    """Softmax of ``rows`` rows of ``depth`` elements, scaled to [-65535, 0] by the multiplier."""

    shape: tuple[int, ...]
    rows: int
    depth: int
    multiplier: int
    shift: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        rows = inputs[0].reshape(self.rows, self.depth).astype(np.int32)
        centred = rows - rows.max(axis=1, keepdims=True)
        scaled = multiply_by_quantized_multiplier(centred, self.multiplier, self.shift)
        positions = np.clip(scaled.astype(np.int64) + 32767, -32768, 32767)
        powers = interpolated(EXPONENTIALS, positions)
        sums = powers.sum(axis=1, keepdims=True)
        zeros = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
        shifted = ((sums << (zeros - 1)) + (1 << 13)) >> 14
        at = np.clip(shifted - (1 << 15) - (1 << 16), -32768, 32767)
        reciprocals = interpolated(RECIPROCALS, at)
        right = 31 - zeros
        results = (powers * reciprocals + (np.int64(1) << (right - 1))) >> right
        return (np.clip(results, 0, 32767).reshape(self.shape).astype(np.int16),)


def lower_softmax_int16(view: OperatorView) -> Layer:
    """Fold a SOFTMAX of int16 to int16, whose output is Q0.15."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(output, DType.INT16)
    view.require_shape(output, values.shape)
    if not values.shape:
        view.unsupported(f"tensor {values.name!r} is a scalar")
    if zero_point(view, values) or zero_point(view, output):
        view.invalid("an INT16 operand has a zero point other than 0")
    if abs(scale(view, output) - 1 / 32768) > 0.001 / 32768:
        view.unsupported(f"tensor {output.name!r} must have the scale 1/32768")
    real = scale(view, values) * view.option("beta", float) / (10.0 / 65535.0)
    multiplier, shift = quantize_multiplier(real)
    if shift > 13:
        view.unsupported(f"the scale of {values.name!r} is too coarse for a softmax")
    depth = values.shape[-1]
    return SoftmaxInt16(
        operator=view.operator,
        inputs=(view.require_activation(values),),
        outputs=(output.index,),
        shape=values.shape,
        rows=math.prod(values.shape) // depth,
        depth=depth,
        multiplier=multiplier,
        shift=shift,
    )
