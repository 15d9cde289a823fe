# SPDX-License-Identifier: Apache-2.0
"""ADD and MUL, int8, with broadcasting; either operand may be a constant.

Semantics: TFLM ``reference_integer_ops::Add`` and ``Mul`` (``add.h``, ``mul.h``) and their
``Broadcast…`` forms, which differ in nothing but the indices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.numerics.fixed_point import (
    Int32Array,
    Requantization,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    wrap_int32,
)
from tinygen.ops.arithmetic import NUMBER_ARITHMETIC
from tinygen.ops.elementwise import Broadcast
from tinygen.ops.quantized import activation_range, requantization, scale, zero_point
from tinygen.ops.quantized_arithmetic import lower_int16_mul, lower_quantized_sum
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

_ADD_LEFT_SHIFT = 20
"""Bits of headroom that int8 ADD gives its operands before it scales them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(Broadcast):
    """What ADD and MUL have: two operands."""

    lhs_zero_point: int
    rhs_zero_point: int
    requantization: Requantization

    @property
    def lhs(self) -> Operand:
        """The left operand."""
        return self.operands[0]

    @property
    def rhs(self) -> Operand:
        """The right operand."""
        return self.operands[1]

    def centred(self, inputs: tuple[AnyArray, ...]) -> tuple[Int32Array, Int32Array]:
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
        sums = multiply_by_quantized_multiplier(
            lhs << self.left_shift, self.lhs_multiplier, self.lhs_shift
        ) + multiply_by_quantized_multiplier(
            rhs << self.left_shift, self.rhs_multiplier, self.rhs_shift
        )
        return (self.requantization.apply(sums).reshape(self.output_shape).astype(np.int8),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Mul(Binary):
    """out = requantize((lhs - zero point) · (rhs - zero point))."""

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` are the int8 operands that are no constants."""
        lhs, rhs = self.centred(inputs)
        products = wrap_int32(lhs.astype(np.int64) * rhs)
        return (self.requantization.apply(products).reshape(self.output_shape).astype(np.int8),)


class _Common(TypedDict):
    operands: tuple[Operand, ...]
    output_shape: tuple[int, ...]
    lhs_zero_point: int
    rhs_zero_point: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def _common(view: OperatorView) -> _Common:
    view.counts((2,))
    lhs, rhs, output = view.input(0), view.input(1), view.output()
    for tensor in (lhs, rhs, output):
        view.require_dtype(tensor, DType.INT8)
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
        lhs_zero_point=zero_point(view, lhs),
        rhs_zero_point=zero_point(view, rhs),
        inputs=inputs,
        outputs=(output.index,),
    )


@operator("ADD", types={**NUMBER_ARITHMETIC, DType.INT16: lower_quantized_sum}, ends_in_clamp=True)
def lower_add(view: OperatorView) -> Layer:
    """Fold an ADD. TFLM ``CalculateOpDataAdd``."""
    common = _common(view)
    lhs_scale, rhs_scale = scale(view, view.input(0)), scale(view, view.input(1))
    output = view.output()
    twice_larger = 2 * max(lhs_scale, rhs_scale)
    lhs_multiplier, lhs_shift = quantize_multiplier(lhs_scale / twice_larger)
    rhs_multiplier, rhs_shift = quantize_multiplier(rhs_scale / twice_larger)
    real = twice_larger / ((1 << _ADD_LEFT_SHIFT) * scale(view, output))
    clamp = activation_range(view, view.option("fused_activation_function", str), output)
    folded = requantization(view, [real], output, clamp)
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


@operator("MUL", types={**NUMBER_ARITHMETIC, DType.INT16: lower_int16_mul}, ends_in_clamp=True)
def lower_mul(view: OperatorView) -> Layer:
    """Fold a MUL. TFLM ``CalculateOpDataMul``."""
    common = _common(view)
    output = view.output()
    real = scale(view, view.input(0)) * scale(view, view.input(1)) / scale(view, output)
    clamp = activation_range(view, view.option("fused_activation_function", str), output)
    return Mul(
        operator=view.operator,
        requantization=requantization(view, [real], output, clamp),
        **common,
    )
