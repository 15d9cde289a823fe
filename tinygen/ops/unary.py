# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators of one operand: float32 functions, int16 ones, and LOGICAL_NOT.

Semantics: the TFLM files of those names (``elementwise.cc``, ``activations_common.cc``, …). The real
functions of float32 are this project's own (``numerics.real_functions``), a few units in the last
place from the C library's that TFLM calls.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics import real_functions
from tinygen.numerics.fixed_point import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    wrap_int32,
)
from tinygen.ops.arithmetic import clamp_float
from tinygen.ops.elementwise import Function, Parameters, elementwise
from tinygen.ops.quantized import INTEGER_RANGES, activation_range, scale, zero_point
from tinygen.ops.quantized_arithmetic import (
    arithmetic_parameters,
    quantized_function,
    quantized_output,
)
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


def _exact(name: str, compute: Callable[[AnyArray], AnyArray]) -> Function:
    return Function(
        f"{name}_f32",
        lambda p, x: compute(x),  # noqa: ARG005
    )


def _real(name: str, compute: Callable[[AnyArray], AnyArray], tolerance_ulp: int) -> Function:
    def rounded(p: Parameters, x: AnyArray) -> AnyArray:  # noqa: ARG001
        return real_functions.float32(compute(x.astype(np.float64)))

    return Function(f"{name}_f32", rounded, tolerance_ulp=tolerance_ulp)


def _hard_swish(x: AnyArray) -> AnyArray:
    limited = np.minimum(np.maximum(x + np.float32(3), np.float32(0)), np.float32(6))
    product: AnyArray = x * limited / np.float32(6)
    return product


def _elu(p: Parameters, x: AnyArray) -> AnyArray:  # noqa: ARG001
    below = real_functions.float32(real_functions.expm1(x.astype(np.float64)))
    return np.where(x < 0, below, x)


FLOAT_UNARY = {
    "ABS": _exact("abs", np.abs),
    "NEG": _exact("neg", np.negative),
    "SQUARE": _exact("square", lambda x: x * x),
    "SQRT": _exact("sqrt", np.sqrt),
    "RSQRT": _exact("rsqrt", lambda x: np.float32(1) / np.sqrt(x)),
    "FLOOR": _exact("floor", np.floor),
    "CEIL": _exact("ceil", np.ceil),
    "ROUND": _exact("round", real_functions.rounded_to_even),
    "HARD_SWISH": _exact("hard_swish", _hard_swish),
    "EXP": _real("exp", real_functions.exp, 1),
    "LOG": _real("log", real_functions.log, 1),
    "SIN": _real("sin", real_functions.sin, 1),
    "COS": _real("cos", real_functions.cos, 1),
    "TANH": _real("tanh", real_functions.tanh, 2),
    "ELU": Function("elu_f32", _elu, 1),
    "LOGISTIC": Function(
        "logistic_f32",
        lambda p, x: real_functions.logistic(x),  # noqa: ARG005
        2,
    ),
}
"""The float32 operators without options, by opcode."""


def _one_operand(view: OperatorView, *dtypes: DType) -> tuple[Tensor, Tensor]:
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, *dtypes)
    view.require_dtype(output, values.dtype)
    return values, output


@operator("CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "SIN", "SQRT", "SQUARE")
def lower_float_unary(view: OperatorView) -> Layer:
    """Fold one of ``FLOAT_UNARY``."""
    _, output = _one_operand(view, DType.FLOAT32)
    return elementwise(view, FLOAT_UNARY[view.operator.opcode], output)


_CLAMP_VALUES = Function(
    "clamp_values_f32",
    clamp_float,
)


def lower_float_relu(view: OperatorView) -> Layer:
    """Fold a RELU or RELU6 of float32."""
    _, output = _one_operand(view, DType.FLOAT32)
    high = 6.0 if view.operator.opcode == "RELU6" else float("inf")
    return elementwise(view, _CLAMP_VALUES, output, {"clamp_min": 0.0, "clamp_max": high})


def _leaky_relu(p: Parameters, x: AnyArray) -> AnyArray:
    return np.where(x > 0, x, x * np.float32(p["alpha"]))


def lower_float_leaky_relu(view: OperatorView) -> Layer:
    """Fold a LEAKY_RELU of float32."""
    _, output = _one_operand(view, DType.FLOAT32)
    function = Function("leaky_relu_f32", _leaky_relu)
    return elementwise(view, function, output, {"alpha": view.option("alpha", float)})


@operator("LOGICAL_NOT")
def lower_logical_not(view: OperatorView) -> Layer:
    """Fold a LOGICAL_NOT."""
    _, output = _one_operand(view, DType.BOOL)
    function = Function(
        "logical_not_b8",
        lambda p, x: ~x,  # noqa: ARG005
    )
    return elementwise(view, function, output)


def quantized_leaky_relu(p: Parameters, x: AnyArray) -> AnyArray:
    """LEAKY_RELU of a quantized type; ``output_multiplier`` is -1 for a negative slope, else 1."""
    values = wrap_int32(x.astype(np.int64) + int(p["lhs_offset"]))
    kept = multiply_by_quantized_multiplier(values, int(p["lhs_multiplier"]), int(p["lhs_shift"]))
    sloped = multiply_by_quantized_multiplier(values, int(p["rhs_multiplier"]), int(p["rhs_shift"]))
    turned = sloped if int(p["output_multiplier"]) > 0 else -sloped
    scaled = np.where(values >= 0, kept, turned).astype(np.int64)
    shifted = wrap_int32(scaled + int(p["output_offset"]))
    return np.clip(shifted, int(p["clamp_min"]), int(p["clamp_max"]))


def quantized_abs(p: Parameters, x: AnyArray) -> AnyArray:
    """ABS of a quantized type, in the output's scale."""
    return quantized_output(p, wrap_int32(np.abs(x.astype(np.int64) + int(p["lhs_offset"]))))


def _rescale(p: Parameters, x: AnyArray) -> AnyArray:
    return quantized_output(p, wrap_int32(x.astype(np.int64) + int(p["lhs_offset"])))


def check_multiplier(view: OperatorView, real: float) -> tuple[int, int]:
    """Fold a multiplier; UnsupportedError if it is 2**30 or more."""
    multiplier, shift = quantize_multiplier(real)
    if shift > 30:
        view.unsupported(f"the scale of {view.output().name!r} is over 2**30 times finer")
    return multiplier, shift


def leaky_relu_parameters(view: OperatorView, values: Tensor, output: Tensor) -> dict[str, int]:
    """TFLM ``CalculateOpDataLeakyRelu``; the multipliers are folded in double precision."""
    source, target = scale(view, values), scale(view, output)
    slope = source * view.option("alpha", float) / target
    multiplier, shift = check_multiplier(view, abs(slope))
    kept_multiplier, kept_shift = check_multiplier(view, source / target)
    low, high = INTEGER_RANGES[output.dtype]
    return arithmetic_parameters(
        lhs_offset=-zero_point(view, values),
        lhs_multiplier=kept_multiplier,
        lhs_shift=kept_shift,
        rhs_multiplier=multiplier,
        rhs_shift=shift,
        output_offset=zero_point(view, output),
        output_multiplier=-1 if slope < 0 else 1,
        clamp_min=low,
        clamp_max=high,
    )


def abs_parameters(view: OperatorView, values: Tensor, output: Tensor) -> dict[str, int]:
    """TFLM ``PrepareAbsRsqrt`` for ABS; equal scales need no multiplier (2**30 shifted by 1)."""
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


def _require_zero_points_of_0(view: OperatorView, *tensors: Tensor) -> None:
    for tensor in tensors:
        if zero_point(view, tensor) != 0:
            view.invalid(f"tensor {tensor.name!r} is INT16 with a zero point other than 0")


def lower_int16_unary(view: OperatorView) -> Layer:
    """Fold an ABS, RELU, RELU6 or LEAKY_RELU of int16."""
    values, output = _one_operand(view, DType.INT16)
    opcode = view.operator.opcode
    if opcode == "ABS":
        if values.quantization is None:
            function = Function(
                "abs_s16",
                lambda p, x: np.abs(x.astype(np.int32)),  # noqa: ARG005
            )
            return elementwise(view, function, output)
        _require_zero_points_of_0(view, values, output)
        function = quantized_function("abs", DType.INT16, quantized_abs)
        return elementwise(view, function, output, abs_parameters(view, values, output))
    if opcode == "LEAKY_RELU":
        function = quantized_function("leaky_relu", DType.INT16, quantized_leaky_relu)
        return elementwise(view, function, output, leaky_relu_parameters(view, values, output))
    if opcode == "RELU6":
        low, high = activation_range(view, "RELU6", values)
        function = quantized_function(
            "clamp",
            DType.INT16,
            lambda p, x: np.clip(x, int(p["clamp_min"]), int(p["clamp_max"])),
        )
        return elementwise(
            view, function, output, arithmetic_parameters(clamp_min=low, clamp_max=high)
        )
    _require_zero_points_of_0(view, values, output)
    low, high = activation_range(view, "RELU", output)
    parameters = abs_parameters(view, values, output) | {"clamp_min": low, "clamp_max": high}
    function = quantized_function("rescale", DType.INT16, _rescale)
    return elementwise(view, function, output, parameters)


WIDE_RELUS = {DType.FLOAT32: lower_float_relu, DType.INT16: lower_int16_unary}
"""The types of RELU and RELU6 that are lowered here."""
