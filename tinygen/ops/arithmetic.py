# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators of two operands, in all types but those of ``binary``.

ADD, SUB, MUL, DIV, SQUARED_DIFFERENCE, MAXIMUM, MINIMUM, PRELU, FLOOR_DIV, FLOOR_MOD, the
comparisons, LOGICAL_AND, LOGICAL_OR, and SELECT_V2. Semantics: the TFLM files of those names. An
integer division by 0, which aborts or is undefined in TFLM, gives 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygen.graph import AnyArray, DType, Tensor
from tinygen.numerics import Numerics
from tinygen.numerics.exponential import one_over_one_plus_x
from tinygen.numerics.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    Int32Array,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from tinygen.ops.elementwise import Function, Parameters, elementwise
from tinygen.ops.layer import Layer, OperatorView
from tinygen.ops.quantized import INTEGER_RANGES, activation_range, scale, zero_point

F32, I8, I16, I32, I64, BOOL = (
    DType.FLOAT32,
    DType.INT8,
    DType.INT16,
    DType.INT32,
    DType.INT64,
    DType.BOOL,
)
SUFFIXES = {F32: "f32", I8: "s8", I16: "s16", I32: "s32", I64: "s64", BOOL: "b8"}

_FLOAT_MAX = float(np.finfo(np.float32).max)
_FLOAT_CLAMPS = {
    "NONE": (-_FLOAT_MAX, _FLOAT_MAX),
    "RELU": (0.0, _FLOAT_MAX),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
_INT32_CLAMPS = {
    "NONE": (INT32_MIN, INT32_MAX),
    "RELU": (0, INT32_MAX),
    "RELU6": (0, 6),
    "RELU_N1_TO_1": (-1, 1),
}
_F32_HEADER = "portable/elementwise_f32.h"
_INTEGER_HEADER = "portable/elementwise_integer.h"
_QUANTIZED_HEADER = "portable/elementwise_quantized.h"


def float_clamp(view: OperatorView) -> dict[str, float]:
    """The clamp of a fused activation of float32; NONE still limits to finite values."""
    activation = view.option("fused_activation_function", str)
    if activation not in _FLOAT_CLAMPS:
        view.unsupported(f"the fused activation {activation} is not supported")
    low, high = _FLOAT_CLAMPS[activation]
    return {"clamp_min": low, "clamp_max": high}


def clamp_float(p: Parameters, values: AnyArray) -> AnyArray:
    """Limit float32 values as C++ ``min(max(x, low), high)``: NaN stays."""
    low, high = np.float32(p["clamp_min"]), np.float32(p["clamp_max"])
    raised = np.where(values < low, low, values)
    return np.where(high < raised, high, raised).astype(np.float32)


def _float_arithmetic(name: str, compute: Callable[[AnyArray, AnyArray], AnyArray]) -> Function:
    return Function(
        f"{name}_f32",
        _F32_HEADER,
        "tinygen_clamp_f32_params",
        lambda p, a, b: clamp_float(p, compute(a, b)),
    )


def _divide_integers(a: AnyArray, b: AnyArray) -> AnyArray:
    wide, divisor = a.astype(np.int64), b.astype(np.int64)
    usable = np.where(divisor == 0, 1, divisor)
    quotient = np.sign(wide) * np.sign(usable) * (np.abs(wide) // np.abs(usable))
    return wrap_int32(np.where(divisor == 0, 0, quotient))


def _int32_arithmetic(name: str, compute: Callable[[AnyArray, AnyArray], AnyArray]) -> Function:
    def limited(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
        return np.clip(compute(a, b), int(p["clamp_min"]), int(p["clamp_max"]))

    return Function(f"{name}_s32", _INTEGER_HEADER, "tinygen_clamp_s32_params", limited)


def _wide(a: AnyArray) -> AnyArray:
    return a.astype(np.int64)


FLOAT_ARITHMETIC = {
    "ADD": _float_arithmetic("add", lambda a, b: a + b),
    "SUB": _float_arithmetic("sub", lambda a, b: a - b),
    "MUL": _float_arithmetic("mul", lambda a, b: a * b),
    "DIV": _float_arithmetic("div", lambda a, b: a / b),
}
INT32_ARITHMETIC = {
    "ADD": _int32_arithmetic("add", lambda a, b: wrap_int32(_wide(a) + _wide(b))),
    "SUB": _int32_arithmetic("sub", lambda a, b: wrap_int32(_wide(a) - _wide(b))),
    "MUL": _int32_arithmetic("mul", lambda a, b: wrap_int32(_wide(a) * _wide(b))),
    "DIV": _int32_arithmetic("div", _divide_integers),
}


def _scaled(p: Parameters, side: str, values: AnyArray) -> Int32Array:
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
    return quantized_output(p, _scaled(p, "lhs", a) + _scaled(p, "rhs", b))


def _quantized_sub(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    return quantized_output(p, _scaled(p, "lhs", a) - _scaled(p, "rhs", b))


def _quantized_mul(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    lhs, rhs = _wide(a) + int(p["lhs_offset"]), _wide(b) + int(p["rhs_offset"])
    return quantized_output(p, wrap_int32(lhs * rhs))


def _quantized_squared_difference(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    difference = _wide(_scaled(p, "lhs", a) - _scaled(p, "rhs", b))
    return quantized_output(p, wrap_int32(difference * difference))


def _leading_zeros(values: AnyArray) -> AnyArray:
    zeros: AnyArray = 32 - np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return zeros


def _quantized_div(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    """TFLM ``DivElementwise``: a reciprocal by Newton-Raphson, normalized on both sides."""
    dividend, divisor = _wide(a) + int(p["lhs_offset"]), _wide(b) + int(p["rhs_offset"])
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
    value, alpha = _wide(a) + int(p["lhs_offset"]), _wide(b) + int(p["rhs_offset"])
    kept = multiply_by_quantized_multiplier(
        wrap_int32(value), int(p["lhs_multiplier"]), int(p["lhs_shift"])
    )
    sloped = multiply_by_quantized_multiplier(
        wrap_int32(value * alpha), int(p["output_multiplier"]), int(p["output_shift"])
    )
    scaled = np.where(value >= 0, kept, sloped)
    shifted = wrap_int32(_wide(scaled) + int(p["output_offset"]))
    return np.clip(shifted, int(p["clamp_min"]), int(p["clamp_max"]))


def quantized_function(
    name: str, dtype: DType, compute: Callable[..., AnyArray], cycles: float = 40.0
) -> Function:
    """A function with ``tinygen_arithmetic_params``."""
    return Function(
        f"quantized_{name}_{SUFFIXES[dtype]}",
        _QUANTIZED_HEADER,
        "tinygen_arithmetic_params",
        compute,
        cycles=cycles,
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


def _operands(view: OperatorView, *dtypes: DType) -> tuple[Tensor, Tensor, Tensor]:
    view.counts((2,))
    lhs, rhs, output = view.input(0), view.input(1), view.output()
    view.require_dtype(lhs, *dtypes)
    view.require_dtype(rhs, lhs.dtype)
    return lhs, rhs, output


def _small_multiplier(view: OperatorView, real: float) -> tuple[int, int]:
    """TFLM ``QuantizeMultiplierSmallerThanOneExp``, which aborts on a multiplier of 1 or more."""
    multiplier, shift = quantize_multiplier(real)
    if not 0 < real < 1 or shift > 0:
        view.unsupported("the output's scale is too fine, or an operand's too coarse, for TFLM")
    return multiplier, shift


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
    lhs_multiplier, lhs_shift = _small_multiplier(view, float(lhs_scale / twice))
    rhs_multiplier, rhs_shift = _small_multiplier(view, float(rhs_scale / twice))
    real = float(twice / (kind(1 << left_shift) * output_scale))
    multiplier, shift = _small_multiplier(view, real)
    low, high = _clamp(view, output)
    return arithmetic_parameters(
        left_shift=left_shift,
        lhs_offset=-zero_point(view, lhs),
        lhs_multiplier=lhs_multiplier,
        lhs_shift=lhs_shift,
        rhs_offset=-zero_point(view, rhs),
        rhs_multiplier=rhs_multiplier,
        rhs_shift=rhs_shift,
        output_offset=zero_point(view, output),
        output_multiplier=multiplier,
        output_shift=shift,
        clamp_min=low,
        clamp_max=high,
    )


def _plain(view: OperatorView, table: dict[str, Function], clamp: dict[str, float]) -> Layer:
    _, _, output = _operands(view, *SUFFIXES)
    view.require_dtype(output, view.input(0).dtype)
    return elementwise(view, table[view.operator.opcode], output, clamp)


def lower_float_arithmetic(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold an ADD, SUB, MUL or DIV of float32."""
    return _plain(view, FLOAT_ARITHMETIC, float_clamp(view))


def lower_int32_arithmetic(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold an ADD, SUB, MUL or DIV of int32 without quantization."""
    activation = view.option("fused_activation_function", str)
    if activation not in _INT32_CLAMPS:
        view.unsupported(f"the fused activation {activation} is not supported")
    if view.operator.opcode == "ADD" and activation != "NONE":
        view.unsupported(f"TFLM ignores the fused activation {activation} of an INT32 ADD")
    low, high = _INT32_CLAMPS[activation]
    return _plain(view, INT32_ARITHMETIC, {"clamp_min": low, "clamp_max": high})


def _require_zero_points_of_0(view: OperatorView) -> None:
    for tensor in (view.input(0), view.input(1), view.output()):
        if zero_point(view, tensor) != 0:
            view.invalid(f"tensor {tensor.name!r} is INT16 with a zero point other than 0")


def lower_quantized_sum(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a SUB of int8 or int16, or an ADD of int16."""
    lhs, _, output = _operands(view, I8, I16)
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


def lower_int16_mul(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a MUL of int16."""
    lhs, rhs, output = _operands(view, I16)
    view.require_dtype(output, I16)
    _require_zero_points_of_0(view)
    real = scale(view, lhs) * scale(view, rhs) / scale(view, output)
    return elementwise(
        view,
        quantized_function("mul", I16, _quantized_mul),
        output,
        _product_parameters(view, real, _clamp(view, output)),
    )


def lower_int8_div(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a DIV of int8; TFLM divides the scales in single precision."""
    lhs, rhs, output = _operands(view, I8)
    view.require_dtype(output, I8)
    scales = [np.float32(scale(view, tensor)) for tensor in (lhs, rhs, output)]
    real = float(scales[0] / (scales[1] * scales[2]))
    return elementwise(
        view,
        quantized_function("div", I8, _quantized_div, 120.0),
        output,
        _product_parameters(view, real, _clamp(view, output)),
    )


def lower_squared_difference(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a SQUARED_DIFFERENCE."""
    lhs, rhs, output = _operands(view, F32, I8, I16, I32)
    view.require_dtype(output, lhs.dtype)
    if lhs.dtype is F32:
        compute: Callable[..., AnyArray] = lambda p, a, b: (a - b) * (a - b)  # noqa: E731, ARG005
        function = Function("squared_difference_f32", _F32_HEADER, "tinygen_no_params", compute)
        return elementwise(view, function, output)
    if lhs.dtype is I32:
        compute = lambda p, a, b: wrap_int32(_wide(wrap_int32(_wide(a) - _wide(b))) ** 2)  # noqa: E731, ARG005
        function = Function("squared_difference_s32", _INTEGER_HEADER, "tinygen_no_params", compute)
        return elementwise(view, function, output)
    if lhs.dtype is I16:
        _require_zero_points_of_0(view)
    left_shift = 7 if lhs.dtype is I8 else 0
    lhs_scale, rhs_scale = scale(view, lhs), scale(view, rhs)
    twice = 2.0 * max(lhs_scale, rhs_scale)
    lhs_multiplier, lhs_shift = _small_multiplier(view, lhs_scale / twice)
    rhs_multiplier, rhs_shift = _small_multiplier(view, rhs_scale / twice)
    denominator = np.float32(1 << left_shift * 2) * np.float32(scale(view, output))
    multiplier, shift = quantize_multiplier(twice * twice / float(denominator))
    if shift > 30:
        view.unsupported(f"the scale of {output.name!r} is over 2**30 times finer")
    low, high = INTEGER_RANGES[output.dtype]
    parameters = arithmetic_parameters(
        left_shift=left_shift,
        lhs_offset=-zero_point(view, lhs),
        lhs_multiplier=lhs_multiplier,
        lhs_shift=lhs_shift,
        rhs_offset=-zero_point(view, rhs),
        rhs_multiplier=rhs_multiplier,
        rhs_shift=rhs_shift,
        output_offset=zero_point(view, output),
        output_multiplier=multiplier,
        output_shift=shift,
        clamp_min=low,
        clamp_max=high,
    )
    function = quantized_function("squared_difference", lhs.dtype, _quantized_squared_difference)
    return elementwise(view, function, output, parameters)


def lower_extremum(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a MAXIMUM or MINIMUM; quantized operands are compared as they are, as in TFLM."""
    lhs, _, output = _operands(view, F32, I8, I16, I32, I64)
    view.require_dtype(output, lhs.dtype)
    is_maximum = view.operator.opcode == "MAXIMUM"

    def compute(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:  # noqa: ARG001
        return np.where(a > b if is_maximum else a < b, a, b)

    header = _F32_HEADER if lhs.dtype is F32 else _INTEGER_HEADER
    name = f"{'maximum' if is_maximum else 'minimum'}_{SUFFIXES[lhs.dtype]}"
    return elementwise(view, Function(name, header, "tinygen_no_params", compute), output)


def lower_prelu(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a PRELU; of an int16 input the slopes are int8."""
    view.counts((2,))
    values, alpha, output = view.input(0), view.input(1), view.output()
    view.require_dtype(values, F32, I8, I16)
    view.require_dtype(output, values.dtype)
    view.require_dtype(alpha, I8 if values.dtype is I16 else values.dtype)
    if values.dtype is F32:
        compute: Callable[..., AnyArray] = lambda p, a, b: np.where(a >= 0, a, a * b)  # noqa: E731, ARG005
        function = Function("prelu_f32", _F32_HEADER, "tinygen_no_params", compute)
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


def _floor_div(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:  # noqa: ARG001
    return np.floor(a.astype(np.float64) / b.astype(np.float64))


def _floor_mod(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:  # noqa: ARG001
    remainder = np.fmod(a, b)
    turned = (remainder != 0) & ((b < 0) != (remainder < 0))
    return np.where(turned, remainder + b, remainder)


def lower_floor_division(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a FLOOR_DIV or FLOOR_MOD of float32."""
    _, _, output = _operands(view, F32)
    view.require_dtype(output, F32)
    is_div = view.operator.opcode == "FLOOR_DIV"
    name = "floor_div_f32" if is_div else "floor_mod_f32"
    compute = _floor_div if is_div else _floor_mod
    function = Function(name, _F32_HEADER, "tinygen_no_params", compute, cycles=200.0)
    return elementwise(view, function, output)


_RELATIONS: dict[str, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "EQUAL": np.equal,
    "NOT_EQUAL": np.not_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
}
_COMPARISON_SHIFT = 8
"""Bits of headroom that a comparison of int8 gives its operands."""


def lower_comparison(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a comparison. int8 operands are scaled by their scales; TFLM wants those below 1."""
    opcode = view.operator.opcode
    equality = opcode in ("EQUAL", "NOT_EQUAL")
    lhs, rhs, output = _operands(view, F32, I8, I32, I64, *((BOOL,) if equality else ()))
    view.require_dtype(output, BOOL)
    relation = _RELATIONS[opcode]
    name = opcode.lower()
    if lhs.dtype is not I8:
        header = _F32_HEADER if lhs.dtype is F32 else _INTEGER_HEADER
        function = Function(
            f"{name}_{SUFFIXES[lhs.dtype]}",
            header,
            "tinygen_no_params",
            lambda p, a, b: relation(a, b),  # noqa: ARG005
        )
        return elementwise(view, function, output)
    lhs_multiplier, lhs_shift = _small_multiplier(view, scale(view, lhs))
    rhs_multiplier, rhs_shift = _small_multiplier(view, scale(view, rhs))
    parameters = arithmetic_parameters(
        left_shift=_COMPARISON_SHIFT,
        lhs_offset=-zero_point(view, lhs),
        lhs_multiplier=lhs_multiplier,
        lhs_shift=lhs_shift,
        rhs_offset=-zero_point(view, rhs),
        rhs_multiplier=rhs_multiplier,
        rhs_shift=rhs_shift,
    )
    function = quantized_function(
        name, I8, lambda p, a, b: relation(_scaled(p, "lhs", a), _scaled(p, "rhs", b))
    )
    return elementwise(view, function, output, parameters)


def lower_logical(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a LOGICAL_AND or LOGICAL_OR."""
    _, _, output = _operands(view, BOOL)
    view.require_dtype(output, BOOL)
    is_and = view.operator.opcode == "LOGICAL_AND"
    function = Function(
        "logical_and_b8" if is_and else "logical_or_b8",
        _INTEGER_HEADER,
        "tinygen_no_params",
        lambda p, a, b: a & b if is_and else a | b,  # noqa: ARG005
    )
    return elementwise(view, function, output)


def _select(p: Parameters, c: AnyArray, a: AnyArray, b: AnyArray) -> AnyArray:  # noqa: ARG001
    return np.where(c, a, b)


def lower_select_v2(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a SELECT_V2: where the condition holds the second operand, else the third."""
    view.counts((3,))
    condition, lhs, output = view.input(0), view.input(1), view.output()
    view.require_dtype(condition, BOOL)
    view.require_dtype(lhs, F32, I8, I16)
    view.require_dtype(view.input(2), lhs.dtype)
    view.require_dtype(output, lhs.dtype)
    function = Function(
        f"select_{SUFFIXES[lhs.dtype]}",
        "portable/elementwise.h",
        "tinygen_no_params",
        _select,
    )
    return elementwise(view, function, output)
