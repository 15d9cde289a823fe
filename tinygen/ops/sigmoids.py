# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC and TANH.

Semantics: TFLM ``logistic_common.cc``, ``tanh.cc`` and the reference kernels they call. int8 is by
table; int16 interpolates in TFLM's table of the logistic function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.numerics import real_functions
from tinygen.numerics.exponential import (
    exp_on_negative_values,
    one_minus_x_over_one_plus_x,
    one_over_one_plus_x,
)
from tinygen.numerics.tables import tflm_table
from tinygen.ops import elementwise as ew
from tinygen.ops import quantized as q
from tinygen.ops.lookup import ALL, lookup
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

_LOGISTIC_INTEGER_BITS = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class SigmoidInt16(ew.Pointwise):
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


def _sigmoid_operand(
    view: OperatorView, values: Tensor
) -> tuple[fp.Int32Array, AnyArray, AnyArray]:
    """The int8 input in Q4.27, and where it is beyond that on either side."""
    real = q.scale(view, values) * (1 << (31 - _LOGISTIC_INTEGER_BITS))
    fraction, shift = math.frexp(real)
    multiplier = fp.round_half_away(fraction * 2.0**31)
    if multiplier > fp.INT32_MAX or not 0 <= shift <= 30:
        view.unsupported(f"the scale of {values.name!r} is out of range")
    limit = ((1 << _LOGISTIC_INTEGER_BITS) - 1) * (1 << (31 - _LOGISTIC_INTEGER_BITS))
    radius = math.floor(limit / (1 << shift))
    centred = ALL - q.zero_point(view, values)
    inside = np.clip(centred, -radius + 1, radius - 1) if radius > 0 else np.zeros_like(centred)
    scaled = fp.multiply_by_quantized_multiplier(inside.astype(np.int32), multiplier, shift)
    return scaled, centred <= -radius, centred >= radius


def _logistic(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    """TFLM ``reference_integer_ops::Logistic``: gemmlowp's fixed-point logistic function."""
    if q.zero_point(view, output) != -128:
        view.unsupported(f"tensor {output.name!r} must have the zero point -128")
    operand, below, above = _sigmoid_operand(view, values)
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(operand), _LOGISTIC_INTEGER_BITS))
    result = np.where(operand > 0, positive, fp.INT32_MAX - positive)
    result = np.where(operand == 0, 1 << 30, result).astype(np.int32)
    steps = np.clip(fp.rounding_divide_by_pot(result, 23) - 128, -128, 127)
    return np.where(below, -128, np.where(above, 127, steps))


def _tanh(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:  # noqa: ARG001
    """TFLM ``reference_integer_ops::Tanh``: gemmlowp's fixed-point hyperbolic tangent."""
    operand, below, above = _sigmoid_operand(view, values)
    negative = -np.abs(operand)
    power = exp_on_negative_values(negative, _LOGISTIC_INTEGER_BITS + 1)
    magnitude = one_minus_x_over_one_plus_x(power)
    result = np.where(operand > 0, magnitude, -magnitude)
    result = np.where(operand == 0, 0, result).astype(np.int32)
    steps = np.clip(fp.rounding_divide_by_pot(result, 24), -128, 127)
    return np.where(below, -128, np.where(above, 127, steps))


def _log2(value: float) -> tuple[int, bool]:
    """TFLM ``CheckedLog2``: the rounded logarithm, and whether it is (nearly) whole."""
    logarithm = np.float32(np.log(np.float32(value))) * (
        np.float32(1) / np.float32(np.log(np.float32(2)))
    )
    rounded = fp.round_half_away(float(logarithm))
    return rounded, bool(abs(np.float32(logarithm) - np.float32(rounded)) < np.float32(1e-3))


def _lower_int16(view: OperatorView) -> Layer:
    """The output is Q0.15."""
    values, output = ew.one_operand(view, DType.INT16)
    is_tanh = view.operator.opcode == "TANH"
    q.require_symmetric(view, values, output)
    if _log2(q.scale(view, output)) != (-15, True):
        view.unsupported(f"tensor {output.name!r} must have the scale 1/32768")
    rounded, whole = _log2(q.scale(view, values))
    shift = 12 + rounded
    if whole and shift in ((0, 1) if is_tanh else (0,)):
        multiplier, shift = 3 << shift, 0
    else:
        real, shift = q.scale(view, values) * 4096.0 * 3.0, 0
        while real <= 32767.0 / 2.0 and shift <= 30:
            shift += 1
            real *= 2.0
        multiplier = int(real)
        if multiplier > 32767:
            view.unsupported(f"the scale of {values.name!r} is too coarse")
    return SigmoidInt16(
        **view.ports(values),
        shape=values.shape,
        is_tanh=is_tanh,
        multiplier=multiplier,
        shift=shift,
    )


_FLOAT_FUNCTIONS = {
    "LOGISTIC": ew.plain("logistic_f32", real_functions.logistic, 2),
    "TANH": ew.plain("tanh_f32", real_functions.tanh, 2),
}


def _lower_float(view: OperatorView) -> Layer:
    _, output = ew.one_operand(view, DType.FLOAT32)
    return ew.elementwise(view, _FLOAT_FUNCTIONS[view.operator.opcode], output)


@operator("LOGISTIC", "TANH", types={DType.FLOAT32: _lower_float, DType.INT16: _lower_int16})
def lower_sigmoid(view: OperatorView) -> Layer:
    """Fold a LOGISTIC or TANH."""
    return lookup(view, _logistic if view.operator.opcode == "LOGISTIC" else _tanh)
