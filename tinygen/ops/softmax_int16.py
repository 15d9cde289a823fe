# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX of int16.

Semantics: TFLM ``reference_ops::SoftmaxInt16``: exponential and reciprocal by tables of 513 entries
(``LUTPopulateInt16``, in single precision), linear between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.ops.quantized import scale, zero_point
from tinygen.ops.view import OperatorView

_STEPS = 512
_F = np.float32


def _rounded(x: AnyArray) -> AnyArray:
    """Halves away from zero, in single precision."""
    return np.trunc(x.astype(np.float64) + np.copysign(0.5, x)).astype(np.float32)


def _table(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    function: Callable[[AnyArray], AnyArray],
) -> NDArray[np.int16]:
    """TFLM ``LUTPopulateInt16`` with an output zero point of 0."""
    low = _F(input_scale) * _F(-32768 - input_zero_point)
    high = _F(input_scale) * _F(32767 - input_zero_point)
    output_low, output_high = _F(output_scale) * _F(-32768), _F(output_scale) * _F(32767)
    step = (high - low) / _F(_STEPS)
    half = step / _F(2)
    inverse = _F(65536) / (output_high - output_low)
    i = np.arange(_STEPS, dtype=np.float32)
    values = function(low + i * step)
    middle = function(low + i * step + half)
    following = function(low + (i + _F(1)) * step)
    sample = _rounded(values * inverse)
    between = _rounded((following * inverse + sample) / _F(2))
    bias = _rounded((between - _rounded(middle * inverse)) / _F(2))
    last = _rounded(function(np.array([high])) * inverse)
    entries = np.concatenate([sample - bias, last])
    limited: NDArray[np.int16] = np.clip(entries, -32768, 32767).astype(np.int16)
    return limited


def _exp(x: AnyArray) -> AnyArray:
    return np.exp(x.astype(np.float64)).astype(np.float32)


EXPONENTIALS = _table(float(_F(10.0) / _F(65535)), 32767, float(_F(2.0) / _F(65535)), _exp)
"""exp(x) for x in [-10, 0], Q0.15."""

RECIPROCALS = _table(
    float(_F(1.0) / _F(65535)), -32768, float(_F(2.0) / _F(65535)), lambda x: _F(1) / (_F(1) + x)
)
"""1 / (1 + x) for x in [0, 1], Q0.15."""


def interpolated(table: NDArray[np.int16], positions: AnyArray) -> AnyArray:
    """Entry at 256 + position / 128, linear between entries. TFLM ``LUTLookup``."""
    entries = table.astype(np.int64)
    index = 256 + (positions >> 7)
    slope = (entries[index + 1] - entries[index]).astype(np.int16).astype(np.int64)
    delta = (slope * (positions & 0x7F) + 64) >> 7
    result: AnyArray = (entries[index] + delta).astype(np.int16).astype(np.int64)
    return result


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
