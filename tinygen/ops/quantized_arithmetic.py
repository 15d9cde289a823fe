# SPDX-License-Identifier: Apache-2.0
"""Quantized elementwise operators of two operands, but for int8 ADD and MUL (``binary``).

SUB, DIV, MUL, ADD, SQUARED_DIFFERENCE and PRELU of int8 and int16, and the last two of the other types
as well. Semantics: the TFLM files of those names. A division by 0, which aborts in TFLM, gives 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics.exponential import one_over_one_plus_x
from tinygen.numerics.fixed_point import (
    Int32Array,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from tinygen.ops.arithmetic import (
    F32,
    I8,
    I16,
    I32,
    NUMBER_ARITHMETIC,
    SUFFIXES,
    two_operands,
    wide,
)
from tinygen.ops.elementwise import Function, Parameters, elementwise
from tinygen.ops.quantized import (
    INTEGER_RANGES,
    activation_range,
    require_symmetric,
    scale,
    zero_point,
)
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


def scaled_operand(p: Parameters, side: str, values: AnyArray) -> Int32Array:
    """An operand in the common scale."""
    centred = values.astype(np.int64) + int(p[f"{side}_offset"])
    return multiply_by_quantized_multiplier(
        wrap_int32(centred << int(p["left_shift"])),
        int(p[f"{side}_multiplier"]),
        int(p[f"{side}_shift"]),
    )


def quantized_output(p: Parameters, values: Int32Array) -> AnyArray:
    """A result in the output's quantization."""
    scaled = multiply_by_quantized_multiplier(
        values, int(p["output_multiplier"]), int(p["output_shift"])
    )
    shifted = wrap_int32(scaled.astype(np.int64) + int(p["output_offset"]))
    return np.clip(shifted, int(p["clamp_min"]), int(p["clamp_max"]))


def _quantized_add(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    return quantized_output(p, scaled_operand(p, "lhs", a) + scaled_operand(p, "rhs", b))


def _quantized_sub(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    return quantized_output(p, scaled_operand(p, "lhs", a) - scaled_operand(p, "rhs", b))


def _quantized_mul(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    lhs, rhs = wide(a) + int(p["lhs_offset"]), wide(b) + int(p["rhs_offset"])
    return quantized_output(p, wrap_int32(lhs * rhs))


def _quantized_squared_difference(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    difference = wide(scaled_operand(p, "lhs", a) - scaled_operand(p, "rhs", b))
    return quantized_output(p, wrap_int32(difference * difference))


def _leading_zeros(values: AnyArray) -> AnyArray:
    zeros: AnyArray = 32 - np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return zeros


def _quantized_div(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    """TFLM ``DivElementwise``: a reciprocal by Newton-Raphson, normalized on both sides."""
    dividend, divisor = wide(a) + int(p["lhs_offset"]), wide(b) + int(p["rhs_offset"])
    dividend = np.where(divisor < 0, -dividend, dividend)
    usable = np.where(divisor == 0, 1, np.abs(divisor))
    zeros = _leading_zeros(usable)
    reciprocal = one_over_one_plus_x(((usable << zeros) - (1 << 31)).astype(np.int32))
    headroom = _leading_zeros(np.where(dividend < 0, -(dividend + 1), dividend)) - 1
    quotient = saturating_rounding_doubling_high_mul(wrap_int32(dividend << headroom), reciprocal)
    shift = int(p["output_shift"]) - (31 - zeros) - headroom
    scaled = rounding_divide_by_pot(
        saturating_rounding_doubling_high_mul(quotient, int(p["output_multiplier"])),
        np.minimum(-shift, 31),
    )
    result = np.where(divisor == 0, 0, scaled) + int(p["output_offset"])
    limited: AnyArray = np.clip(result, int(p["clamp_min"]), int(p["clamp_max"]))
    return limited


def _quantized_prelu(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    value, alpha = wide(a) + int(p["lhs_offset"]), wide(b) + int(p["rhs_offset"])
    kept = multiply_by_quantized_multiplier(
        wrap_int32(value), int(p["lhs_multiplier"]), int(p["lhs_shift"])
    )
    sloped = multiply_by_quantized_multiplier(
        wrap_int32(value * alpha), int(p["output_multiplier"]), int(p["output_shift"])
    )
    scaled = np.where(value >= 0, kept, sloped)
    shifted = wrap_int32(wide(scaled) + int(p["output_offset"]))
    return np.clip(shifted, int(p["clamp_min"]), int(p["clamp_max"]))


def quantized_function(name: str, dtype: DType, compute: Callable[..., AnyArray]) -> Function:
    """A function with ``tinygen_arithmetic_params``."""
    return Function(
        f"quantized_{name}_{SUFFIXES[dtype]}",
        compute,
    )


def arithmetic_parameters(**known: int) -> dict[str, int]:
    """``tinygen_arithmetic_params`` in order; what is not given is 0."""
    names = (
        "left_shift",
        *(
            f"{side}_{what}"
            for side in ("lhs", "rhs")
            for what in ("offset", "multiplier", "shift")
        ),
        *("output_offset", "output_multiplier", "output_shift", "clamp_min", "clamp_max"),
    )
    return {name: known.get(name, 0) for name in names}


def operand_parameters(
    view: OperatorView, left_shift: int, lhs_real: float, rhs_real: float
) -> dict[str, int]:
    """How the two operands come to a common scale: less their zero points, times these."""
    known = {"left_shift": left_shift}
    for position, (side, real) in enumerate((("lhs", lhs_real), ("rhs", rhs_real))):
        known[f"{side}_offset"] = -zero_point(view, view.input(position))
        known[f"{side}_multiplier"], known[f"{side}_shift"] = small_multiplier(view, real)
    return known


def small_multiplier(view: OperatorView, real: float) -> tuple[int, int]:
    """TFLM ``QuantizeMultiplierSmallerThanOneExp``, which aborts on a multiplier of 1 or more."""
    multiplier, shift = quantize_multiplier(real)
    if not 0 < real < 1 or shift > 0:
        view.unsupported("the output's scale is too fine, or an operand's too coarse, for TFLM")
    return multiplier, shift


def check_multiplier(view: OperatorView, real: float) -> tuple[int, int]:
    """Fold a multiplier; UnsupportedError if it is 2**30 or more."""
    multiplier, shift = quantize_multiplier(real)
    if shift > 30:
        view.unsupported(f"the scale of {view.output().name!r} is over 2**30 times finer")
    return multiplier, shift


def rescale_parameters(view: OperatorView, values: Tensor, output: Tensor) -> dict[str, int]:
    """From one operand's scale to the output's; equal ones need none (2**30 shifted by 1)."""
    multiplier, shift = check_multiplier(view, scale(view, values) / scale(view, output))
    low, high = INTEGER_RANGES[output.dtype]
    return arithmetic_parameters(
        lhs_offset=-zero_point(view, values),
        output_offset=zero_point(view, output),
        output_multiplier=multiplier,
        output_shift=shift,
        clamp_min=low,
        clamp_max=high,
    )


def _clamp(view: OperatorView, output: Tensor) -> tuple[int, int]:
    activation = view.operator.options.get("fused_activation_function", "NONE")
    return activation_range(view, str(activation), output)


def _sum_parameters(view: OperatorView, left_shift: int, single: bool) -> dict[str, int]:
    """ADD and SUB: both operands are brought to twice the larger of their scales.

    TFLM's SUB divides in single precision, its ADD in double.
    """
    lhs, rhs, output = view.input(0), view.input(1), view.output()
    scales = [scale(view, tensor) for tensor in (lhs, rhs, output)]
    kind = np.float32 if single else np.float64
    lhs_scale, rhs_scale, output_scale = (kind(value) for value in scales)
    twice = kind(2) * max(lhs_scale, rhs_scale)
    operands = operand_parameters(
        view, left_shift, float(lhs_scale / twice), float(rhs_scale / twice)
    )
    real = float(twice / (kind(1 << left_shift) * output_scale))
    multiplier, shift = small_multiplier(view, real)
    low, high = _clamp(view, output)
    return arithmetic_parameters(
        **operands,
        output_offset=zero_point(view, output),
        output_multiplier=multiplier,
        output_shift=shift,
        clamp_min=low,
        clamp_max=high,
    )


@operator("SUB", types=NUMBER_ARITHMETIC, ends_in_clamp=True)
def lower_quantized_sum(view: OperatorView) -> Layer:
    """Fold a SUB of int8 or int16, or an ADD of int16."""
    lhs, _, output = two_operands(view, I8, I16)
    view.require_dtype(output, lhs.dtype)
    is_sub = view.operator.opcode == "SUB"
    compute = _quantized_sub if is_sub else _quantized_add
    return elementwise(
        view,
        quantized_function("sub" if is_sub else "add", lhs.dtype, compute),
        output,
        _sum_parameters(view, 15 if lhs.dtype is I16 else 20, single=is_sub),
    )


def _product_parameters(view: OperatorView, real: float, clamp: tuple[int, int]) -> dict[str, int]:
    multiplier, shift = quantize_multiplier(real)
    if shift > 30:
        view.unsupported(f"the scale of {view.output().name!r} is over 2**30 times finer")
    return arithmetic_parameters(
        lhs_offset=-zero_point(view, view.input(0)),
        rhs_offset=-zero_point(view, view.input(1)),
        output_offset=zero_point(view, view.output()),
        output_multiplier=multiplier,
        output_shift=shift,
        clamp_min=clamp[0],
        clamp_max=clamp[1],
    )


def lower_int16_mul(view: OperatorView) -> Layer:
    """Fold a MUL of int16."""
    lhs, rhs, output = two_operands(view, I16)
    view.require_dtype(output, I16)
    require_symmetric(view, lhs, rhs, output)
    real = scale(view, lhs) * scale(view, rhs) / scale(view, output)
    return elementwise(
        view,
        quantized_function("mul", I16, _quantized_mul),
        output,
        _product_parameters(view, real, _clamp(view, output)),
    )


@operator("DIV", types=NUMBER_ARITHMETIC)
def lower_int8_div(view: OperatorView) -> Layer:
    """Fold a DIV of int8; TFLM divides the scales in single precision."""
    lhs, rhs, output = two_operands(view, I8)
    view.require_dtype(output, I8)
    scales = [np.float32(scale(view, tensor)) for tensor in (lhs, rhs, output)]
    real = float(scales[0] / (scales[1] * scales[2]))
    return elementwise(
        view,
        quantized_function("div", I8, _quantized_div),
        output,
        _product_parameters(view, real, _clamp(view, output)),
    )


@operator("SQUARED_DIFFERENCE")
def lower_squared_difference(view: OperatorView) -> Layer:
    """Fold a SQUARED_DIFFERENCE."""
    lhs, rhs, output = two_operands(view, F32, I8, I16, I32)
    view.require_dtype(output, lhs.dtype)
    if lhs.dtype is F32:
        compute: Callable[..., AnyArray] = lambda p, a, b: (a - b) * (a - b)  # noqa: E731, ARG005
        function = Function("squared_difference_f32", compute)
        return elementwise(view, function, output)
    if lhs.dtype is I32:
        compute = lambda p, a, b: wrap_int32(wide(wrap_int32(wide(a) - wide(b))) ** 2)  # noqa: E731, ARG005
        function = Function("squared_difference_s32", compute)
        return elementwise(view, function, output)
    if lhs.dtype is I16:
        require_symmetric(view, lhs, rhs, output)
    left_shift = 7 if lhs.dtype is I8 else 0
    lhs_scale, rhs_scale = scale(view, lhs), scale(view, rhs)
    twice = 2.0 * max(lhs_scale, rhs_scale)
    operands = operand_parameters(view, left_shift, lhs_scale / twice, rhs_scale / twice)
    denominator = np.float32(1 << left_shift * 2) * np.float32(scale(view, output))
    multiplier, shift = quantize_multiplier(twice * twice / float(denominator))
    if shift > 30:
        view.unsupported(f"the scale of {output.name!r} is over 2**30 times finer")
    low, high = INTEGER_RANGES[output.dtype]
    parameters = arithmetic_parameters(
        **operands,
        output_offset=zero_point(view, output),
        output_multiplier=multiplier,
        output_shift=shift,
        clamp_min=low,
        clamp_max=high,
    )
    function = quantized_function("squared_difference", lhs.dtype, _quantized_squared_difference)
    return elementwise(view, function, output, parameters)


@operator("PRELU")
def lower_prelu(view: OperatorView) -> Layer:
    """Fold a PRELU; of an int16 input the slopes are int8."""
    view.counts((2,))
    values, alpha, output = view.input(0), view.input(1), view.output()
    view.require_dtype(values, F32, I8, I16)
    view.require_dtype(output, values.dtype)
    view.require_dtype(alpha, I8 if values.dtype is I16 else values.dtype)
    if values.dtype is F32:
        compute: Callable[..., AnyArray] = lambda p, a, b: np.where(a >= 0, a, a * b)  # noqa: E731, ARG005
        function = Function("prelu_f32", compute)
        return elementwise(view, function, output)
    kept = quantize_multiplier(scale(view, values) / scale(view, output))
    sloped = quantize_multiplier(scale(view, values) * scale(view, alpha) / scale(view, output))
    if max(kept[1], sloped[1]) > 30:
        view.unsupported(f"the scale of {output.name!r} is over 2**30 times finer")
    low, high = INTEGER_RANGES[output.dtype]
    parameters = arithmetic_parameters(
        lhs_offset=-zero_point(view, values),
        lhs_multiplier=kept[0],
        lhs_shift=kept[1],
        rhs_offset=-zero_point(view, alpha),
        output_offset=zero_point(view, output),
        output_multiplier=sloped[0],
        output_shift=sloped[1],
        clamp_min=low,
        clamp_max=high,
    )
    function = quantized_function("prelu", values.dtype, _quantized_prelu)
    return elementwise(view, function, output, parameters)
