# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB, MUL and DIV, with broadcasting; either operand may be a constant.

Semantics: the TFLM files of those names; int8 ADD and MUL ``reference_integer_ops::Add`` and ``Mul``
(``add.h``, ``mul.h``) and their ``Broadcast…`` forms, which differ in nothing but the indices. A
division of integers by 0, which aborts or is undefined in TFLM, gives 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.numerics import fixed_point as fp
from tinygen.numerics.exponential import one_over_one_plus_x
from tinygen.ops import elementwise as ew
from tinygen.ops import quantized as q
from tinygen.ops import quantized_elementwise as qe
from tinygen.ops.dtypes import F32, I8, I16, I32, SUFFIXES
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

_ADD_LEFT_SHIFT = 20
"""Bits of headroom that int8 ADD gives its operands before it scales them."""
_INT32_CLAMPS = {
    "NONE": (fp.INT32_MIN, fp.INT32_MAX),
    "RELU": (0, fp.INT32_MAX),
    "RELU6": (0, 6),
    "RELU_N1_TO_1": (-1, 1),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(ew.Broadcast):
    """What ADD and MUL have: two operands."""

    lhs_zero_point: int
    rhs_zero_point: int
    requantization: fp.Requantization

    @property
    def lhs(self) -> Operand:
        """The left operand."""
        return self.operands[0]

    @property
    def rhs(self) -> Operand:
        """The right operand."""
        return self.operands[1]

    def centred(self, inputs: tuple[AnyArray, ...]) -> tuple[fp.Int32Array, fp.Int32Array]:
        """Both operands with their zero points taken off, not yet broadcast."""
        lhs, rhs = operand_values(self.operands, inputs)
        return (
            lhs.astype(np.int32) - np.int32(self.lhs_zero_point),
            rhs.astype(np.int32) - np.int32(self.rhs_zero_point),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Binary):
    """out = requantize(scale(lhs - zero point) + scale(rhs - zero point)).

    Each operand is shifted left by ``left_shift`` bits, then scaled by its multiplier and shift (not
    positive), so that both have the same scale.
    """

    left_shift: int
    lhs_multiplier: int
    lhs_shift: int
    rhs_multiplier: int
    rhs_shift: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` are the int8 operands that are no constants."""
        lhs, rhs = self.centred(inputs)
        sums = fp.multiply_by_quantized_multiplier(
            lhs << self.left_shift, self.lhs_multiplier, self.lhs_shift
        ) + fp.multiply_by_quantized_multiplier(
            rhs << self.left_shift, self.rhs_multiplier, self.rhs_shift
        )
        return (self.requantization.apply(sums).reshape(self.output_shape).astype(np.int8),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Mul(Binary):
    """out = requantize((lhs - zero point) · (rhs - zero point))."""

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` are the int8 operands that are no constants."""
        lhs, rhs = self.centred(inputs)
        products = fp.wrap_int32(lhs.astype(np.int64) * rhs)
        return (self.requantization.apply(products).reshape(self.output_shape).astype(np.int8),)


def _float_arithmetic(name: str, compute: Callable[[AnyArray, AnyArray], AnyArray]) -> ew.Function:
    return ew.Function(f"{name}_f32", lambda p, a, b: ew.clamp_float(p, compute(a, b)))


def _divide_integers(a: AnyArray, b: AnyArray) -> AnyArray:
    dividend, divisor = ew.wide(a), ew.wide(b)
    usable = np.where(divisor == 0, 1, divisor)
    quotient = np.sign(dividend) * np.sign(usable) * (np.abs(dividend) // np.abs(usable))
    return fp.wrap_int32(np.where(divisor == 0, 0, quotient))


def _int32_arithmetic(name: str, compute: Callable[[AnyArray, AnyArray], AnyArray]) -> ew.Function:
    def limited(p: ew.Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
        return np.clip(compute(a, b), int(p["clamp_min"]), int(p["clamp_max"]))

    return ew.Function(f"{name}_s32", limited)


_FLOAT_ARITHMETIC = {
    "ADD": _float_arithmetic("add", lambda a, b: a + b),
    "SUB": _float_arithmetic("sub", lambda a, b: a - b),
    "MUL": _float_arithmetic("mul", lambda a, b: a * b),
    "DIV": _float_arithmetic("div", lambda a, b: a / b),
}
_INT32_ARITHMETIC = {
    "ADD": _int32_arithmetic("add", lambda a, b: fp.wrap_int32(ew.wide(a) + ew.wide(b))),
    "SUB": _int32_arithmetic("sub", lambda a, b: fp.wrap_int32(ew.wide(a) - ew.wide(b))),
    "MUL": _int32_arithmetic("mul", lambda a, b: fp.wrap_int32(ew.wide(a) * ew.wide(b))),
    "DIV": _int32_arithmetic("div", _divide_integers),
}


def _plain(view: OperatorView, table: dict[str, ew.Function], clamp: dict[str, float]) -> Layer:
    _, _, output = ew.two_operands(view, *SUFFIXES)
    return ew.elementwise(view, table[view.operator.opcode], output, clamp)


def _lower_float(view: OperatorView) -> Layer:
    return _plain(view, _FLOAT_ARITHMETIC, ew.float_clamp(view))


def _lower_int32(view: OperatorView) -> Layer:
    activation = view.activation
    if activation not in _INT32_CLAMPS:
        view.unsupported(f"the fused activation {activation} is not supported")
    if view.operator.opcode == "ADD" and activation != "NONE":
        view.unsupported(f"TFLM ignores the fused activation {activation} of an INT32 ADD")
    low, high = _INT32_CLAMPS[activation]
    return _plain(view, _INT32_ARITHMETIC, {"clamp_min": low, "clamp_max": high})


_OF_NUMBERS = {F32: _lower_float, I32: _lower_int32}
"""ADD, SUB, MUL and DIV of the types that are no quantized ones."""


def _quantized_add(p: ew.Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    return qe.quantized_output(p, qe.scaled_operand(p, "lhs", a) + qe.scaled_operand(p, "rhs", b))


def _quantized_sub(p: ew.Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    return qe.quantized_output(p, qe.scaled_operand(p, "lhs", a) - qe.scaled_operand(p, "rhs", b))


def _quantized_mul(p: ew.Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    lhs, rhs = ew.wide(a) + int(p["lhs_offset"]), ew.wide(b) + int(p["rhs_offset"])
    return qe.quantized_output(p, fp.wrap_int32(lhs * rhs))


def _leading_zeros(values: AnyArray) -> AnyArray:
    zeros: AnyArray = 32 - np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return zeros


def _quantized_div(p: ew.Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    """TFLM ``DivElementwise``: a reciprocal by Newton-Raphson, normalized on both sides."""
    dividend, divisor = ew.wide(a) + int(p["lhs_offset"]), ew.wide(b) + int(p["rhs_offset"])
    dividend = np.where(divisor < 0, -dividend, dividend)
    usable = np.where(divisor == 0, 1, np.abs(divisor))
    zeros = _leading_zeros(usable)
    reciprocal = one_over_one_plus_x(((usable << zeros) - (1 << 31)).astype(np.int32))
    headroom = _leading_zeros(np.where(dividend < 0, -(dividend + 1), dividend)) - 1
    quotient = fp.saturating_rounding_doubling_high_mul(
        fp.wrap_int32(dividend << headroom), reciprocal
    )
    shift = int(p["output_shift"]) - (31 - zeros) - headroom
    scaled = fp.rounding_divide_by_pot(
        fp.saturating_rounding_doubling_high_mul(quotient, int(p["output_multiplier"])),
        np.minimum(-shift, 31),
    )
    result = np.where(divisor == 0, 0, scaled) + int(p["output_offset"])
    limited: AnyArray = np.clip(result, int(p["clamp_min"]), int(p["clamp_max"]))
    return limited


def _clamp(view: OperatorView, output: Tensor) -> tuple[int, int]:
    activation = view.operator.options.get("fused_activation_function", "NONE")
    return q.activation_range(view, str(activation), output)


def _sum_parameters(view: OperatorView, left_shift: int) -> dict[str, int]:
    """ADD and SUB: both operands are brought to twice the larger of their scales.

    TFLM's SUB divided in single precision until its release of 2026-10-12; since, in double like ADD.
    """
    lhs, rhs, output = view.input(0), view.input(1), view.output()
    lhs_scale, rhs_scale, output_scale = (q.scale(view, tensor) for tensor in (lhs, rhs, output))
    twice = 2 * max(lhs_scale, rhs_scale)
    operands = qe.operand_parameters(view, left_shift, lhs_scale / twice, rhs_scale / twice)
    factor = qe.small_multiplier(view, twice / ((1 << left_shift) * output_scale))
    return operands | qe.output_parameters(view, factor, _clamp(view, output))


@operator("SUB", types=_OF_NUMBERS, ends_in_clamp=True)
def lower_quantized_sum(view: OperatorView) -> Layer:
    """Fold a SUB of int8 or int16, or an ADD of int16."""
    lhs, _, output = ew.two_operands(view, I8, I16)
    is_sub = view.operator.opcode == "SUB"
    compute = _quantized_sub if is_sub else _quantized_add
    return ew.elementwise(
        view,
        qe.quantized_function("sub" if is_sub else "add", lhs.dtype, compute),
        output,
        _sum_parameters(view, 15 if lhs.dtype is I16 else 20),
    )


def _product_parameters(view: OperatorView, real: float, clamp: tuple[int, int]) -> dict[str, int]:
    return qe.arithmetic_parameters(
        lhs_offset=-q.zero_point(view, view.input(0)),
        rhs_offset=-q.zero_point(view, view.input(1)),
        **qe.output_parameters(view, qe.check_multiplier(view, real), clamp),
    )


def _lower_int16_mul(view: OperatorView) -> Layer:
    lhs, rhs, output = ew.two_operands(view, I16)
    q.require_symmetric(view, lhs, rhs, output)
    real = q.product_over(
        view, q.scale(view, lhs), q.scale(view, rhs), divisor=q.scale(view, output)
    )
    return ew.elementwise(
        view,
        qe.quantized_function("mul", I16, _quantized_mul),
        output,
        _product_parameters(view, real, _clamp(view, output)),
    )


@operator("DIV", types=_OF_NUMBERS)
def lower_int8_div(view: OperatorView) -> Layer:
    """Fold a DIV of int8; TFLM divides the scales in single precision."""
    lhs, rhs, output = ew.two_operands(view, I8)
    scales = [np.float32(q.scale(view, tensor)) for tensor in (lhs, rhs, output)]
    real = float(scales[0] / (scales[1] * scales[2]))
    return ew.elementwise(
        view,
        qe.quantized_function("div", I8, _quantized_div),
        output,
        _product_parameters(view, real, _clamp(view, output)),
    )


class _Common(TypedDict):
    operands: tuple[Operand, ...]
    output_shape: tuple[int, ...]
    lhs_zero_point: int
    rhs_zero_point: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def _common(view: OperatorView) -> _Common:
    lhs, rhs, output = ew.two_operands(view, I8)
    try:
        shape = np.broadcast_shapes(lhs.shape, rhs.shape)
    except ValueError:
        view.invalid(
            f"tensors {lhs.name!r} of shape {list(lhs.shape)} and {rhs.name!r} of shape "
            f"{list(rhs.shape)} do not broadcast"
        )
    view.require_shape(output, shape)
    operands, inputs = view.operands()
    return _Common(
        operands=operands,
        output_shape=shape,
        lhs_zero_point=q.zero_point(view, lhs),
        rhs_zero_point=q.zero_point(view, rhs),
        inputs=inputs,
        outputs=(output.index,),
    )


@operator("ADD", types={**_OF_NUMBERS, DType.INT16: lower_quantized_sum}, ends_in_clamp=True)
def lower_add(view: OperatorView) -> Layer:
    """Fold an ADD. TFLM ``CalculateOpDataAdd``."""
    common = _common(view)
    lhs_scale, rhs_scale = q.scale(view, view.input(0)), q.scale(view, view.input(1))
    output = view.output()
    twice_larger = 2 * max(lhs_scale, rhs_scale)
    lhs_multiplier, lhs_shift = fp.quantize_multiplier(lhs_scale / twice_larger)
    rhs_multiplier, rhs_shift = fp.quantize_multiplier(rhs_scale / twice_larger)
    real = twice_larger / ((1 << _ADD_LEFT_SHIFT) * q.scale(view, output))
    clamp = q.activation_range(view, view.activation, output)
    folded = q.requantization(view, [real], output, clamp)
    if real >= 1 or folded.shifts[0] > 0:
        view.unsupported(
            f"the scale of {output.name!r} is over {1 << (_ADD_LEFT_SHIFT - 1)} times finer than its "
            "operands'"
        )
    return Add(
        operator=view.operator,
        requantization=folded,
        left_shift=_ADD_LEFT_SHIFT,
        lhs_multiplier=lhs_multiplier,
        lhs_shift=lhs_shift,
        rhs_multiplier=rhs_multiplier,
        rhs_shift=rhs_shift,
        **common,
    )


@operator("MUL", types={**_OF_NUMBERS, DType.INT16: _lower_int16_mul}, ends_in_clamp=True)
def lower_mul(view: OperatorView) -> Layer:
    """Fold a MUL. TFLM ``CalculateOpDataMul``."""
    common = _common(view)
    output = view.output()
    real = q.product_over(
        view,
        q.scale(view, view.input(0)),
        q.scale(view, view.input(1)),
        divisor=q.scale(view, output),
    )
    clamp = q.activation_range(view, view.activation, output)
    return Mul(
        operator=view.operator,
        requantization=q.requantization(view, [real], output, clamp),
        **common,
    )
