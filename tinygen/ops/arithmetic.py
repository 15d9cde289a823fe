# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators of two operands whose values are taken as they are.

ADD, SUB, MUL and DIV of float32 and int32, MAXIMUM, MINIMUM, FLOOR_DIV, FLOOR_MOD. Quantized arithmetic
is in ``quantized_arithmetic``, int8 ADD and MUL in ``binary``. Semantics: TFLM files of those names.
An integer division by 0, which aborts or is undefined in TFLM, gives 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import INT32_MAX, INT32_MIN, wrap_int32
from tinygen.ops.elementwise import Function, Parameters, elementwise
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

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

    return Function(f"{name}_s32", limited)


def wide(a: AnyArray) -> AnyArray:
    """The values as int64, in which no sum or product of two of them overflows."""
    return a.astype(np.int64)


FLOAT_ARITHMETIC = {
    "ADD": _float_arithmetic("add", lambda a, b: a + b),
    "SUB": _float_arithmetic("sub", lambda a, b: a - b),
    "MUL": _float_arithmetic("mul", lambda a, b: a * b),
    "DIV": _float_arithmetic("div", lambda a, b: a / b),
}
INT32_ARITHMETIC = {
    "ADD": _int32_arithmetic("add", lambda a, b: wrap_int32(wide(a) + wide(b))),
    "SUB": _int32_arithmetic("sub", lambda a, b: wrap_int32(wide(a) - wide(b))),
    "MUL": _int32_arithmetic("mul", lambda a, b: wrap_int32(wide(a) * wide(b))),
    "DIV": _int32_arithmetic("div", _divide_integers),
}


def two_operands(view: OperatorView, *dtypes: DType) -> tuple[Tensor, Tensor, Tensor]:
    """Both operands, of one type among those given, and the output."""
    view.counts((2,))
    lhs, rhs, output = view.input(0), view.input(1), view.output()
    view.require_dtype(lhs, *dtypes)
    view.require_dtype(rhs, lhs.dtype)
    return lhs, rhs, output


def _plain(view: OperatorView, table: dict[str, Function], clamp: dict[str, float]) -> Layer:
    _, _, output = two_operands(view, *SUFFIXES)
    view.require_dtype(output, view.input(0).dtype)
    return elementwise(view, table[view.operator.opcode], output, clamp)


def lower_float_arithmetic(view: OperatorView) -> Layer:
    """Fold an ADD, SUB, MUL or DIV of float32."""
    return _plain(view, FLOAT_ARITHMETIC, float_clamp(view))


def lower_int32_arithmetic(view: OperatorView) -> Layer:
    """Fold an ADD, SUB, MUL or DIV of int32 without quantization."""
    activation = view.option("fused_activation_function", str)
    if activation not in _INT32_CLAMPS:
        view.unsupported(f"the fused activation {activation} is not supported")
    if view.operator.opcode == "ADD" and activation != "NONE":
        view.unsupported(f"TFLM ignores the fused activation {activation} of an INT32 ADD")
    low, high = _INT32_CLAMPS[activation]
    return _plain(view, INT32_ARITHMETIC, {"clamp_min": low, "clamp_max": high})


NUMBER_ARITHMETIC = {F32: lower_float_arithmetic, I32: lower_int32_arithmetic}
"""ADD, SUB, MUL and DIV of the types that are no quantized ones."""


@operator("MAXIMUM", "MINIMUM", shares_scale=True)
def lower_extremum(view: OperatorView) -> Layer:
    """Fold a MAXIMUM or MINIMUM; quantized operands are compared as they are, as in TFLM."""
    lhs, _, output = two_operands(view, F32, I8, I16, I32, I64)
    view.require_dtype(output, lhs.dtype)
    is_maximum = view.operator.opcode == "MAXIMUM"

    def compute(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:  # noqa: ARG001
        return np.where(a > b if is_maximum else a < b, a, b)

    name = f"{'maximum' if is_maximum else 'minimum'}_{SUFFIXES[lhs.dtype]}"
    return elementwise(view, Function(name, compute), output)


def _floor_div(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:  # noqa: ARG001
    return np.floor(a.astype(np.float64) / b.astype(np.float64))


def _floor_mod(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:  # noqa: ARG001
    remainder = np.fmod(a, b)
    turned = (remainder != 0) & ((b < 0) != (remainder < 0))
    return np.where(turned, remainder + b, remainder)


@operator("FLOOR_DIV", "FLOOR_MOD")
def lower_floor_division(view: OperatorView) -> Layer:
    """Fold a FLOOR_DIV or FLOOR_MOD of float32."""
    _, _, output = two_operands(view, F32)
    view.require_dtype(output, F32)
    is_div = view.operator.opcode == "FLOOR_DIV"
    name = "floor_div_f32" if is_div else "floor_mod_f32"
    compute = _floor_div if is_div else _floor_mod
    function = Function(name, compute)
    return elementwise(view, function, output)
