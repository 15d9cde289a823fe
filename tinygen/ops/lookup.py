# SPDX-License-Identifier: Apache-2.0
"""Functions of one quantized element by table.

int8 has 256 values, so a function becomes a table, made exactly as TFLM computes each value. An int16
function interpolates in a table of 513 entries, made in single precision as LiteRT makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.ops.elementwise import Pointwise, RowByRow, one_operand
from tinygen.ops.quantized import require_symmetric, scale, zero_point
from tinygen.ops.view import OperatorView

Real = Callable[[AnyArray], AnyArray]
"""A function of float32 values."""

ALL = np.arange(-128, 128, dtype=np.int32)
_STEPS = 512
_F = np.float32


@dataclass(frozen=True, eq=False, kw_only=True)
class Lookup(RowByRow):
    """out = table[in + 128], int8."""

    table: NDArray[np.int8]

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (values,) = inputs
        return (self.table[values.astype(np.int32) + 128],)


@dataclass(frozen=True, eq=False, kw_only=True)
class Interpolated(Pointwise):
    """An int16 function by ``table``: entry at 256 + in / 128, linear between entries."""

    table: NDArray[np.int16]

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        return (interpolated(self.table, inputs[0].astype(np.int64)).astype(np.int16),)


def lookup(view: OperatorView, made: Callable[[OperatorView, Tensor, Tensor], AnyArray]) -> Layer:
    """The layer of an int8 operator, given what makes its table of operand and output."""
    values, output = one_operand(view, DType.INT8)
    return Lookup(
        **view.ports(values),
        shape=values.shape,
        table=made(view, values, output).astype(np.int8),
    )


def table_of(view: OperatorView, values: Tensor, output: Tensor, function: Real) -> AnyArray:
    """TFLM ``LUTPopulate``: a real function in single precision, rounded halves away from zero."""
    inverse = _F(1) / _F(scale(view, output))
    real = _F(scale(view, values)) * (ALL - zero_point(view, values)).astype(np.float32)
    rounded = _rounded(function(real) * inverse)
    quantized = np.trunc(rounded + _F(zero_point(view, output))).astype(np.float64)
    limited: AnyArray = np.clip(quantized, -128, 127)
    return limited


def interpolation(view: OperatorView, function: Real) -> Layer:
    """The layer of an int16 operator that is a real function by LiteRT's table."""
    values, output = one_operand(view, DType.INT16)
    require_symmetric(view, values, output)
    return Interpolated(
        **view.ports(values),
        shape=values.shape,
        table=interpolation_table(scale(view, values), 0, scale(view, output), function),
    )


def _rounded(x: AnyArray) -> AnyArray:
    """Halves away from zero, in single precision."""
    return np.trunc(x.astype(np.float64) + np.copysign(0.5, x)).astype(np.float32)


def interpolation_table(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    function: Real,
) -> NDArray[np.int16]:
    """TFLM ``LUTPopulateInt16`` with an output zero point of 0, in single precision."""
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


def interpolated(table: NDArray[np.int16], positions: AnyArray) -> AnyArray:
    """Entry at 256 + position / 128, linear between entries. TFLM ``LUTLookup``."""
    entries = table.astype(np.int64)
    index = 256 + (positions >> 7)
    slope = (entries[index + 1] - entries[index]).astype(np.int16).astype(np.int64)
    delta = (slope * (positions & 0x7F) + 64) >> 7
    result: AnyArray = (entries[index] + delta).astype(np.int16).astype(np.int64)
    return result
