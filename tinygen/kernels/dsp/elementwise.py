# SPDX-License-Identifier: Apache-2.0
"""DSP kernels of ADD and MUL of int8."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinygen.ir.layer import Operand
from tinygen.kernels.binding import Binding
from tinygen.kernels.broadcast import broadcast_struct, too_many_axes
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import binary_binding
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import INT32_MAX, INT32_MIN, Int64Array, Requantization
from tinygen.ops.arithmetic import Add, Binary, Mul
from tinygen.requantize.fitted import exact_form, fit, largest_shift

_COSTS = Costs("dsp.elementwise")

_ADD_FRACTION = 16
"""Binary places of ADD's sums."""
_ADD_PRESHIFT = 8
"""Binary places that each factor has more, which the multiplication drops."""
_ADD_CHANGES = (0, 1, -1, 2, -2, 4, -4)
"""What is tried beside each rounded factor."""
_MUL_SCALING = 7
"""``TINYGEN_DSP_MUL_SCALING``."""
_MUL_MOST_SHIFT = 20
"""More would overflow 64 bits in ``fit``, and gain nothing."""
_LANE_MAX = (1 << 15) - 1


def _cut(q: Requantization) -> dict[str, int]:
    """The fields of a kernel that limits outputs to [0, 255], takes off cut, and adds low."""
    return {"cut": 255 - (q.clamp_max - q.clamp_min), "low": q.clamp_min}


@dataclass(frozen=True)
class _Sum:
    """ADD's factors and constant; see ``dsp/add_s8.h``."""

    lhs_factor: int
    rhs_factor: int
    base: int


def _fitted_sum(layer: Add) -> _Sum | None:
    """Factors with which all 65,536 outputs are right, or None if none were found.

    For given factors, every output bounds the constant from below and from above.
    """
    values = np.arange(-128, 128, dtype=np.int8)
    whole = replace(
        layer,
        operands=(Operand((256, 1), None), Operand((1, 256), None)),
        output_shape=(256, 256),
    )
    (outputs,) = whole.reference(values[:, None], values[None, :])
    q = layer.requantization
    above, below = outputs > q.clamp_min, outputs < q.clamp_max
    wanted = outputs.astype(np.int64) << _ADD_FRACTION
    scale = _real(int(q.multipliers[0]), int(q.shifts[0])) * 2.0**layer.left_shift
    scale *= 2.0 ** (_ADD_FRACTION + _ADD_PRESHIFT)
    lhs = round(_real(layer.lhs_multiplier, layer.lhs_shift) * scale)
    rhs = round(_real(layer.rhs_multiplier, layer.rhs_shift) * scale)
    for lhs_change in _ADD_CHANGES:
        for rhs_change in _ADD_CHANGES:
            factors = lhs + lhs_change, rhs + rhs_change
            if max(factors) > INT32_MAX or min(factors) < 0:
                continue
            left, right = ((f * values.astype(np.int64)) >> _ADD_PRESHIFT for f in factors)
            lacking = wanted - left[:, None] - right[None, :]
            least = int(lacking.max(where=above, initial=-(1 << 40)))
            most = int(lacking.min(where=below, initial=1 << 40)) + (1 << _ADD_FRACTION) - 1
            base = _middle(least, most)
            if least <= most and _sums_fit(left, right, base + _top(q)):
                return _Sum(*factors, base + _top(q))
    return None


def _real(multiplier: int, shift: int) -> float:
    return multiplier * 2.0 ** (shift - 31)


def _middle(least: int, most: int) -> int:
    """A constant between the bounds, either of which may be missing."""
    if most >= 1 << 39:
        return max(least, 0)
    return (least + most) // 2 if least > -(1 << 39) else min(most, 0)


def _top(q: Requantization) -> int:
    """What makes the largest output 255."""
    return (255 - q.clamp_max) << _ADD_FRACTION


def _sums_fit(left: Int64Array, right: Int64Array, base: int) -> bool:
    """Whether no sum, nor a part of it, leaves int32."""
    ends = [base + int(a) + int(b) for a in left[[0, -1]] for b in right[[0, -1]]]
    ends += [base + int(a) for a in left[[0, -1]]]
    return all(INT32_MIN <= end <= INT32_MAX for end in (base, *ends))


def _unsuitable(layer: Binary) -> Refusal | None:
    if layer.requantization.clamp_min > layer.requantization.clamp_max:
        return Refusal("the range of its outputs is empty")
    return too_many_axes(layer)


@dsp("add_s8", Add)
def add(layer: Add) -> Offer | Refusal:
    """Factors instead of TFLM's roundings, where some are right for all pairs."""
    refusal = _unsuitable(layer)
    if refusal is not None:
        return refusal
    found = _fitted_sum(layer)
    if found is None:
        return Refusal("no factors give all outputs")

    def bind() -> Binding:
        parameters = struct(
            "tinygen_dsp_add_s8_params",
            found,
            broadcast=broadcast_struct(layer),
            **_cut(layer.requantization),
        )
        note = "scaling fitted, proven for all 65,536 pairs"
        return binary_binding(layer, "tinygen_dsp_add_s8", "dsp/add_s8.h", parameters, (note,))

    return Offer(_binary_cycles(layer, _COSTS.add), bind)


@dataclass(frozen=True)
class _Product:
    """MUL's constants; see ``dsp/mul_s8.h``."""

    two_roundings: bool
    multiplier: int
    nudge: int
    factor: int
    constant: int
    shift: int


def _product(layer: Mul) -> _Product | None:
    """Constants that are right for every product, or None if no form has them."""
    ends = [
        (a - layer.lhs_zero_point) * (b - layer.rhs_zero_point)
        for a in (-128, 127)
        for b in (-128, 127)
    ]
    low, high = np.array([min(ends)], np.int64), np.array([max(ends)], np.int64)
    q = layer.requantization
    top = 255 - q.clamp_max
    scale = np.array([1 << _MUL_SCALING], np.int64)
    usable = np.array([True])
    shift = min(largest_shift(q, scale, usable), _MUL_MOST_SHIFT)
    ends_array = np.array([[low[0]], [high[0]]], np.int64)
    if shift >= 1:
        fitted = fit(q, low, high, shift=shift, scales=scale, offset=top)
        if fitted.fitted[0] and np.abs(fitted.apply(ends_array)).max() <= _LANE_MAX:
            return _Product(
                two_roundings=False,
                multiplier=int(fitted.multipliers[0]),
                nudge=int(fitted.nudges[0]),
                factor=0,
                constant=int(fitted.constants[0]),
                shift=shift,
            )
    exact = exact_form(q, low, high, top)
    if exact.valid[0] and np.abs(exact.apply(ends_array)).max() <= _LANE_MAX:
        return _Product(
            two_roundings=True,
            multiplier=int(exact.multipliers[0]),
            nudge=0,
            factor=int(exact.factors[0]),
            constant=exact.constant,
            shift=exact.shift,
        )
    return None


@dsp("mul_s8", Mul)
def mul(layer: Mul) -> Offer | Refusal:
    """Requantization that is proven for every product."""
    refusal = _unsuitable(layer)
    if refusal is not None:
        return refusal
    found = _product(layer)
    if found is None:
        return Refusal("its scale needs the general requantization")

    def bind() -> Binding:
        parameters = struct(
            "tinygen_dsp_mul_s8_params",
            found,
            broadcast=broadcast_struct(layer),
            lhs_zero_point=layer.lhs_zero_point,
            rhs_zero_point=layer.rhs_zero_point,
            **_cut(layer.requantization),
        )
        how = "two roundings" if found.two_roundings else "fitted, proven for every product"
        return binary_binding(
            layer, "tinygen_dsp_mul_s8", "dsp/mul_s8.h", parameters, (f"requantization: {how}",)
        )

    return Offer(_binary_cycles(layer, _COSTS.mul), bind)


def _binary_cycles(layer: Binary, per_output: float) -> float:
    fields = dict(broadcast_struct(layer).fields)
    rows, length = fields["rows"], fields["row_length"]
    assert isinstance(rows, int)
    assert isinstance(length, int)
    row = _COSTS.row * (rows > 1) + length * per_output + length % 4 * _COSTS.odd
    return _COSTS.call + rows * row


KERNELS = (add, mul)
