# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators of one operand by table.

int8 has 256 values, so ABS, RSQRT, ELU, HARD_SWISH, LEAKY_RELU, LOGISTIC and TANH become tables, made
exactly as TFLM computes each value. LOGISTIC and TANH of int16 interpolate in TFLM's table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics.exponential import (
    exp_on_negative_values,
    one_minus_x_over_one_plus_x,
    one_over_one_plus_x,
)
from tinygen.numerics.fixed_point import (
    INT32_MAX,
    Int32Array,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
    rounding_divide_by_pot,
)
from tinygen.numerics.inverse_square_root import inverse_square_root
from tinygen.numerics.tables import tflm_table
from tinygen.ops.elementwise import Pointwise, RowByRow
from tinygen.ops.quantized import scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.unary import (
    abs_parameters,
    leaky_relu_parameters,
    lower_float_leaky_relu,
    lower_float_unary,
    lower_int16_unary,
    quantized_abs,
    quantized_leaky_relu,
)
from tinygen.ops.view import OperatorView

_ALL = np.arange(-128, 128, dtype=np.int32)
_LOGISTIC_INTEGER_BITS = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Lookup(RowByRow):
    """out = table[in + 128], int8."""

    table: NDArray[np.int8]

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (values,) = inputs
        return (self.table[values.astype(np.int32) + 128],)


@dataclass(frozen=True, eq=False, kw_only=True)
class SigmoidInt16(Pointwise):
    """LOGISTIC or TANH of int16: position = in · multiplier >> shift, rounded, in the table."""

    is_tanh: bool
    multiplier: int
    shift: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (values,) = inputs
        half = 1 << (self.shift - 1) if self.shift > 0 else 0
        positions = (values.astype(np.int64) * self.multiplier + half) >> self.shift
        function = tanh_of_positions if self.is_tanh else logistic_of_positions
        return (function(positions).astype(np.int16),)


def logistic_of_positions(positions: AnyArray) -> AnyArray:
    """TFLM's int16 logistic function: entries 512 positions apart, the result in Q0.15."""
    magnitude = np.abs(positions)
    entry = np.minimum(magnitude >> 9, 254)
    low, high = (tflm_table("sigmoid")[entry + i].astype(np.int64) for i in (0, 1))
    between = (low << 9) + (magnitude & 0x1FF) * (high - low)
    result = np.where(magnitude >> 9 >= 255, 0x7FFF << 10, between)
    turned = np.where(positions >= 0, result + (1 << 9), (1 << 25) - result + (1 << 9) - 1)
    return (turned >> 10).astype(np.uint16).astype(np.int16)


def tanh_of_positions(positions: AnyArray) -> AnyArray:
    """TFLM's int16 hyperbolic tangent: entries 256 positions apart, the result in Q0.15."""
    magnitude = np.abs(positions)
    entry = np.minimum(magnitude >> 8, 254)
    low, high = (tflm_table("sigmoid")[entry + i].astype(np.int64) for i in (0, 1))
    between = (low << 8) + (magnitude & 0xFF) * (high - low)
    result = np.where(magnitude >> 8 >= 255, 0xFFFF << 8, between) - (1 << 23)
    turned = np.where(positions >= 0, result + (1 << 7), -result + (1 << 7) - 1)
    return (turned >> 8).astype(np.int16)


def _operands(view: OperatorView, dtype: DType) -> tuple[Tensor, Tensor]:
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, dtype)
    view.require_dtype(output, dtype)
    view.require_shape(output, values.shape)
    return values, output


def _abs(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    return quantized_abs(abs_parameters(view, values, output), _ALL)


def _leaky_relu(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    return quantized_leaky_relu(leaky_relu_parameters(view, values, output), _ALL)


def _rsqrt(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    """TFLM ``RsqrtEvalQuantized``; it fails at run time below the zero point, where this saturates."""
    factor = np.sqrt(np.float32(scale(view, values))) * np.float32(scale(view, output))
    multiplier, shift = quantize_multiplier(1.0 / float(factor))
    headroom = 20
    if shift - headroom > 30:
        view.unsupported(f"the scale of {output.name!r} is too fine")
    table = []
    for value in (_ALL - zero_point(view, values)).tolist():
        if value <= 0:
            table.append(127)
            continue
        inverse, inverse_shift = inverse_square_root(value)
        one = np.array([1], dtype=np.int32)
        data = multiply_by_quantized_multiplier(one, inverse, inverse_shift + headroom)
        scaled = multiply_by_quantized_multiplier(data, multiplier, shift - headroom)
        table.append(int(scaled[0]) + zero_point(view, output))
    limited: AnyArray = np.clip(np.array(table), -128, 127)
    return limited


def _elu(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    """TFLM ``elu.cc``: exp in single precision, rounded halves away from zero."""
    inverse = np.float32(1) / np.float32(scale(view, output))
    real = np.float32(scale(view, values)) * (_ALL - zero_point(view, values)).astype(np.float32)
    with np.errstate(over="ignore"):
        exponentials = np.exp(real.astype(np.float64)).astype(np.float32)
    transformed = np.where(real < 0, exponentials - np.float32(1), real).astype(np.float32)
    steps = (transformed * inverse).astype(np.float64)
    rounded = np.trunc(steps + np.copysign(0.5, steps)).astype(np.float32)
    quantized = np.trunc(rounded + np.float32(zero_point(view, output))).astype(np.float64)
    limited: AnyArray = np.clip(quantized, -128, 127)
    return limited


def _down_scaled(multiplier: int) -> int:
    """TFLM ``DownScaleInt32ToInt16Multiplier``."""
    return 32767 if multiplier >= INT32_MAX - (1 << 15) else (multiplier + (1 << 15)) >> 16


def _high_mul_int16(a: AnyArray, b: int) -> AnyArray:
    """Gemmlowp ``SaturatingRoundingDoublingHighMul`` of int16."""
    product = a.astype(np.int64) * b
    nudged = product + np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return np.clip(_truncated(nudged, 15), -32768, 32767)


def _truncated(x: AnyArray, bits: int) -> AnyArray:
    """Divide by 2**bits, towards zero."""
    return np.where(x >= 0, x >> bits, -((-x) >> bits))


def _hard_swish(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    """TFLM ``hard_swish_common.cc`` and ``reference_ops::HardSwish``, in 16 bits."""
    fine = np.float32(1.0 / 128.0) * np.float32(scale(view, values))
    reluish_scale = np.float32(3.0) / np.float32(32768.0)
    multiplier, exponent = quantize_multiplier(float(fine / np.float32(scale(view, output))))
    reluish_multiplier, reluish_exponent = quantize_multiplier(float(fine / reluish_scale))
    if exponent > 0:
        view.unsupported(f"the scale of {output.name!r} is too fine for TFLM")
    if reluish_exponent > 16:
        view.unsupported(f"the scale of {values.name!r} is too coarse")
    centred = (_ALL.astype(np.int64) - zero_point(view, values)) << 7
    widened = centred.astype(np.int16).astype(np.int64)
    preshift = _high_mul_int16(widened, _down_scaled(multiplier))
    reluish = widened
    if reluish_exponent > 0:
        reluish = np.clip(reluish << (reluish_exponent - 1), -32768, 32767)
    reluish = _high_mul_int16(reluish, _down_scaled(reluish_multiplier))
    if reluish_exponent > 0:
        reluish = np.clip(reluish << 1, -32768, 32767)
    if reluish_exponent < 0:
        reluish = rounding_divide_by_pot(reluish.astype(np.int32), -reluish_exponent).astype(
            np.int64
        )
    reluish = (reluish + (1 << 15)) >> 1
    product = np.clip(_truncated(reluish * preshift, 15), -32768, 32767)
    result = rounding_divide_by_pot(product.astype(np.int32), -exponent)
    shifted = (result + zero_point(view, output)).astype(np.int16)
    return np.clip(shifted, -128, 127)


def _sigmoid_operand(view: OperatorView, values: Tensor) -> tuple[Int32Array, AnyArray, AnyArray]:
    """The int8 input in Q4.27, and where it is beyond that on either side."""
    real = scale(view, values) * (1 << (31 - _LOGISTIC_INTEGER_BITS))
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2.0**31)
    if multiplier > INT32_MAX or not 0 <= shift <= 30:
        view.unsupported(f"the scale of {values.name!r} is out of range")
    limit = ((1 << _LOGISTIC_INTEGER_BITS) - 1) * (1 << (31 - _LOGISTIC_INTEGER_BITS))
    radius = math.floor(limit / (1 << shift))
    centred = _ALL - zero_point(view, values)
    inside = np.clip(centred, -radius + 1, radius - 1) if radius > 0 else np.zeros_like(centred)
    scaled = multiply_by_quantized_multiplier(inside.astype(np.int32), multiplier, shift)
    return scaled, centred <= -radius, centred >= radius


def _logistic(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    """TFLM ``reference_integer_ops::Logistic``: gemmlowp's fixed-point logistic function."""
    if zero_point(view, output) != -128:
        view.unsupported(f"tensor {output.name!r} must have the zero point -128")
    operand, below, above = _sigmoid_operand(view, values)
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(operand), _LOGISTIC_INTEGER_BITS))
    result = np.where(operand > 0, positive, INT32_MAX - positive)
    result = np.where(operand == 0, 1 << 30, result).astype(np.int32)
    steps = np.clip(rounding_divide_by_pot(result, 23) - 128, -128, 127)
    return np.where(below, -128, np.where(above, 127, steps))


def _tanh(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:  # noqa: ARG001
    """TFLM ``reference_integer_ops::Tanh``: gemmlowp's fixed-point hyperbolic tangent."""
    operand, below, above = _sigmoid_operand(view, values)
    negative = -np.abs(operand)
    power = exp_on_negative_values(negative, _LOGISTIC_INTEGER_BITS + 1)
    magnitude = one_minus_x_over_one_plus_x(power)
    result = np.where(operand > 0, magnitude, -magnitude)
    result = np.where(operand == 0, 0, result).astype(np.int32)
    steps = np.clip(rounding_divide_by_pot(result, 24), -128, 127)
    return np.where(below, -128, np.where(above, 127, steps))


def _log2(value: float) -> tuple[int, bool]:
    """TFLM ``CheckedLog2``: the rounded logarithm, and whether it is (nearly) whole."""
    logarithm = np.float32(np.log(np.float32(value))) * (
        np.float32(1) / np.float32(np.log(np.float32(2)))
    )
    rounded = round_half_away(float(logarithm))
    return rounded, bool(abs(np.float32(logarithm) - np.float32(rounded)) < np.float32(1e-3))


def lower_int16_sigmoid(view: OperatorView) -> Layer:
    """Fold a LOGISTIC or TANH of int16, whose output is Q0.15."""
    values, output = _operands(view, DType.INT16)
    is_tanh = view.operator.opcode == "TANH"
    if zero_point(view, values) != 0 or zero_point(view, output) != 0:
        view.invalid("an INT16 operand has a zero point other than 0")
    if _log2(scale(view, output)) != (-15, True):
        view.unsupported(f"tensor {output.name!r} must have the scale 1/32768")
    rounded, whole = _log2(scale(view, values))
    shift = 12 + rounded
    if whole and shift in ((0, 1) if is_tanh else (0,)):
        multiplier, shift = 3 << shift, 0
    else:
        real, shift = scale(view, values) * 4096.0 * 3.0, 0
        while real <= 32767.0 / 2.0 and shift <= 30:
            shift += 1
            real *= 2.0
        multiplier = int(real)
        if multiplier > 32767:
            view.unsupported(f"the scale of {values.name!r} is too coarse")
    return SigmoidInt16(
        operator=view.operator,
        inputs=(view.require_activation(values),),
        outputs=(output.index,),
        shape=values.shape,
        is_tanh=is_tanh,
        multiplier=multiplier,
        shift=shift,
    )


_TABLES = {
    "ABS": _abs,
    "ELU": _elu,
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": _logistic,
    "RSQRT": _rsqrt,
    "TANH": _tanh,
}


@operator("ABS", types={DType.FLOAT32: lower_float_unary, DType.INT16: lower_int16_unary})
@operator("ELU", "HARD_SWISH", "RSQRT", types={DType.FLOAT32: lower_float_unary})
@operator(
    "LEAKY_RELU",
    types={DType.FLOAT32: lower_float_leaky_relu, DType.INT16: lower_int16_unary},
    may_clamp=True,
)
@operator(
    "LOGISTIC", "TANH", types={DType.FLOAT32: lower_float_unary, DType.INT16: lower_int16_sigmoid}
)
def lower_lookup(view: OperatorView) -> Layer:
    """Fold one of the int8 functions into its table."""
    values, output = _operands(view, DType.INT8)
    table = _TABLES[view.operator.opcode](view, values, output)
    return Lookup(
        operator=view.operator,
        inputs=(view.require_activation(values),),
        outputs=(output.index,),
        shape=values.shape,
        table=table.astype(np.int8),
    )
