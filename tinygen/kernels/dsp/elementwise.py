# SPDX-License-Identifier: Apache-2.0
"""DSP kernels of ADD, MUL, RELU, RELU6 and of QUANTIZE from int8 to int8."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tinygen.ir.graph import DType
from tinygen.ir.layer import Operand
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Struct,
    TensorArgument,
)
from tinygen.kernels.broadcast import broadcast_struct, too_many_axes
from tinygen.kernels.dsp.c_kernel import DspKernel
from tinygen.kernels.overlap import same_place
from tinygen.numerics.fixed_point import INT32_MAX, INT32_MIN, Int64Array, Requantization
from tinygen.ops.binary import Add, Binary, Mul
from tinygen.ops.requantize import Clamp, Requantize
from tinygen.requantize.fitted import exact_form, fit, largest_shift

_ADD_CYCLES = 6.5
_MUL_CYCLES = 9.5
_LOOKUP_CYCLES = 4.5
_CLAMP_CYCLES = 2.75
_CALL_CYCLES = 40.0
_ROW_CYCLES = 45.0
_ODD_CYCLES = 25.0
"""An element that is left over of a row."""

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


def _cut(q: Requantization) -> tuple[int, int]:
    """(cut, low) of a kernel that limits outputs to [0, 255], takes off cut, and adds low."""
    return 255 - (q.clamp_max - q.clamp_min), q.clamp_min


def _binary_binding(layer: Binary, name: str, fields: tuple[tuple[str, Field], ...]) -> Binding:
    parameters = Struct(
        f"tinygen_dsp_{name}_params", (("broadcast", broadcast_struct(layer)), *fields)
    )
    remaining = iter(layer.inputs)
    arguments: list[Field] = [parameters]
    constants = []
    in_place = []
    for side, operand in (("lhs", layer.lhs), ("rhs", layer.rhs)):
        if operand.constant is not None:
            arguments.append(ConstantArgument(side))
            constants.append(Constant(side, operand.constant))
            continue
        tensor = next(remaining)
        arguments.append(TensorArgument(tensor))
        if math.prod(operand.shape) == math.prod(layer.output_shape):
            in_place.append(same_place(tensor, layer.outputs[0]))
    arguments.append(TensorArgument(layer.outputs[0], writable=True))
    return Binding(
        calls=(Call(f"tinygen_dsp_{name}", tuple(arguments)),),
        headers=(f"dsp/{name}.h",),
        constants=tuple(constants),
        overlaps=tuple(in_place),
    )


@dataclass(frozen=True)
class _Sum:
    """ADD's factors and constant; see ``dsp/add_s8.h``."""

    lhs_factor: int
    rhs_factor: int
    base: int


@lru_cache(maxsize=64)
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


def _unsuitable(layer: Binary) -> str | None:
    if layer.requantization.clamp_min > layer.requantization.clamp_max:
        return "the range of its outputs is empty"
    beyond = too_many_axes(layer)
    return beyond.reason if beyond else None


def _rejects_add(layer: Add) -> str | None:
    reason = _unsuitable(layer)
    if reason is None and _fitted_sum(layer) is None:
        return "no factors give all outputs"
    return reason


def _bind_add(layer: Add) -> Binding:
    found = _fitted_sum(layer)
    assert found is not None
    cut, low = _cut(layer.requantization)
    binding = _binary_binding(
        layer,
        "add_s8",
        (
            ("lhs_factor", found.lhs_factor),
            ("rhs_factor", found.rhs_factor),
            ("base", found.base),
            ("cut", cut),
            ("low", low),
        ),
    )
    return replace(binding, notes=("scaling fitted, proven for all 65,536 pairs",))


@dataclass(frozen=True)
class _Product:
    """MUL's constants; see ``dsp/mul_s8.h``."""

    two_roundings: bool
    multiplier: int
    nudge: int
    factor: int
    constant: int
    shift: int


@lru_cache(maxsize=64)
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


def _rejects_mul(layer: Mul) -> str | None:
    reason = _unsuitable(layer)
    if reason is None and _product(layer) is None:
        return "its scale needs the general requantization"
    return reason


def _bind_mul(layer: Mul) -> Binding:
    found = _product(layer)
    assert found is not None
    cut, low = _cut(layer.requantization)
    binding = _binary_binding(
        layer,
        "mul_s8",
        (
            ("lhs_zero_point", layer.lhs_zero_point),
            ("rhs_zero_point", layer.rhs_zero_point),
            ("two_roundings", int(found.two_roundings)),
            ("multiplier", found.multiplier),
            ("nudge", found.nudge),
            ("factor", found.factor),
            ("constant", found.constant),
            ("shift", found.shift),
            ("cut", cut),
            ("low", low),
        ),
    )
    how = "two roundings" if found.two_roundings else "fitted, proven for every product"
    return replace(binding, notes=(f"requantization: {how}",))


def _binary_cycles(per_output: float) -> Callable[[Binary], float]:
    def cycles(layer: Binary) -> float:
        fields = dict(broadcast_struct(layer).fields)
        rows, length = fields["rows"], fields["row_length"]
        assert isinstance(rows, int)
        assert isinstance(length, int)
        return _CALL_CYCLES + rows * (
            _ROW_CYCLES * (rows > 1) + length * per_output + length % 4 * _ODD_CYCLES
        )

    return cycles


def _lookup_condition(layer: Requantize) -> str | None:
    if (layer.input_dtype, layer.output_dtype) != (DType.INT8, DType.INT8):
        return f"is from {layer.input_dtype.value} to {layer.output_dtype.value}, not int8 both"
    return None


def _bind_lookup(layer: Requantize) -> Binding:
    values = np.arange(256, dtype=np.uint8).view(np.int8)
    (table,) = replace(layer, shape=(256,)).reference(values)
    return Binding(
        calls=(
            Call(
                "tinygen_dsp_lookup_s8",
                (
                    math.prod(layer.shape),
                    ConstantArgument("table"),
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("dsp/convert_s8.h",),
        constants=(Constant("table", table, alignment=1),),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


def _bind_clamp(layer: Clamp) -> Binding:
    return Binding(
        calls=(
            Call(
                "tinygen_dsp_clamp_s8",
                (
                    math.prod(layer.shape),
                    layer.clamp_min,
                    layer.clamp_max,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("dsp/convert_s8.h",),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


def _unary_cycles(per_output: float) -> Callable[[Requantize | Clamp], float]:
    return lambda layer: _CALL_CYCLES + per_output * math.prod(layer.shape)


KERNELS: Sequence[Kernel] = (
    DspKernel("add_s8", Add, _bind_add, _binary_cycles(_ADD_CYCLES), _rejects_add),
    DspKernel("mul_s8", Mul, _bind_mul, _binary_cycles(_MUL_CYCLES), _rejects_mul),
    DspKernel(
        "lookup_s8", Requantize, _bind_lookup, _unary_cycles(_LOOKUP_CYCLES), _lookup_condition
    ),
    DspKernel("clamp_s8", Clamp, _bind_clamp, _unary_cycles(_CLAMP_CYCLES)),
)
