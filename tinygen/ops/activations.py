# SPDX-License-Identifier: Apache-2.0
"""RELU, RELU6, LEAKY_RELU, ELU and HARD_SWISH.

Semantics: TFLM ``activations_common.cc`` and the files of those names. int8 is by table but for the
RELUs. LOGISTIC and TANH are in ``sigmoids``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Numerics, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.numerics import real_functions
from tinygen.ops import elementwise as ew
from tinygen.ops import quantized as q
from tinygen.ops import quantized_elementwise as qe
from tinygen.ops.lookup import ALL, lookup, table_of
from tinygen.ops.registry import operator
from tinygen.ops.requantize import Clamp, Requantize
from tinygen.ops.view import OperatorView


def _rescaled(view: OperatorView, activation: str) -> Layer:
    values, output = ew.one_operand(view, DType.INT8)
    real = q.product_over(view, q.scale(view, values), divisor=q.scale(view, output))
    return Requantize(
        **view.ports(values),
        shape=values.shape,
        input_dtype=values.dtype,
        output_dtype=output.dtype,
        input_zero_point=q.zero_point(view, values),
        requantization=q.requantization(
            view, [real], output, q.activation_range(view, activation, output)
        ),
    )


_CLAMP_VALUES = ew.Function("clamp_values_f32", ew.clamp_float)


def _lower_float_relu(view: OperatorView) -> Layer:
    _, output = ew.one_operand(view, DType.FLOAT32)
    high = 6.0 if view.operator.opcode == "RELU6" else float("inf")
    return ew.elementwise(view, _CLAMP_VALUES, output, {"clamp_min": 0.0, "clamp_max": high})


def _limit(p: ew.Parameters, x: AnyArray) -> AnyArray:
    return np.clip(x, int(p["clamp_min"]), int(p["clamp_max"]))


def _rescale(p: ew.Parameters, x: AnyArray) -> AnyArray:
    return qe.quantized_output(p, fp.wrap_int32(x.astype(np.int64) + int(p["lhs_offset"])))


def _lower_int16_relu(view: OperatorView) -> Layer:
    values, output = ew.one_operand(view, DType.INT16)
    opcode = view.operator.opcode
    if opcode == "RELU6" and view.numerics is Numerics.TFLM:
        low, high = q.activation_range(view, "RELU6", values)
        return ew.elementwise(
            view,
            qe.quantized_function("clamp", DType.INT16, _limit),
            output,
            qe.arithmetic_parameters(clamp_min=low, clamp_max=high),
        )
    q.require_symmetric(view, values, output)
    low, high = q.activation_range(view, opcode, output)
    parameters = qe.rescale_parameters(view, values, output) | {"clamp_min": low, "clamp_max": high}
    return ew.elementwise(
        view, qe.quantized_function("rescale", DType.INT16, _rescale), output, parameters
    )


_OTHER_RELUS = {DType.FLOAT32: _lower_float_relu, DType.INT16: _lower_int16_relu}


@operator("RELU", types=_OTHER_RELUS, may_clamp=True)
def lower_relu(view: OperatorView) -> Layer:
    """Fold a RELU, which may also rescale. TFLM ``CalculateReluOpData``."""
    return _rescaled(view, "RELU")


@operator("RELU6", types=_OTHER_RELUS, may_clamp=True)
def lower_relu6(view: OperatorView) -> Layer:
    """Fold a RELU6: in TFLM a clamp in the input's quantization; LiteRT's also rescales."""
    if view.numerics is Numerics.LITERT:
        return _rescaled(view, "RELU6")
    values, _ = ew.one_operand(view, DType.INT8)
    clamp_min, clamp_max = q.activation_range(view, "RELU6", values)
    return Clamp(
        **view.ports(values),
        shape=values.shape,
        clamp_min=clamp_min,
        clamp_max=clamp_max,
    )


def _leaky_relu_parameters(view: OperatorView, values: Tensor, output: Tensor) -> dict[str, int]:
    """TFLM ``CalculateOpDataLeakyRelu``."""
    source, target = q.scale(view, values), q.scale(view, output)
    slope = q.product_over(view, source, view.option("alpha", float), divisor=target)
    multiplier, shift = qe.check_multiplier(view, abs(slope))
    kept_multiplier, kept_shift = qe.check_multiplier(
        view, q.product_over(view, source, divisor=target)
    )
    low, high = q.INTEGER_RANGES[output.dtype]
    return qe.arithmetic_parameters(
        lhs_offset=-q.zero_point(view, values),
        lhs_multiplier=kept_multiplier,
        lhs_shift=kept_shift,
        rhs_multiplier=multiplier,
        rhs_shift=shift,
        output_offset=q.zero_point(view, output),
        output_multiplier=-1 if slope < 0 else 1,
        clamp_min=low,
        clamp_max=high,
    )


def _quantized_leaky_relu(p: ew.Parameters, x: AnyArray) -> AnyArray:
    """LEAKY_RELU of a quantized type; ``output_multiplier`` is -1 for a negative slope, else 1."""
    values = fp.wrap_int32(x.astype(np.int64) + int(p["lhs_offset"]))
    kept = fp.multiply_by_quantized_multiplier(
        values, int(p["lhs_multiplier"]), int(p["lhs_shift"])
    )
    sloped = fp.multiply_by_quantized_multiplier(
        values, int(p["rhs_multiplier"]), int(p["rhs_shift"])
    )
    turned = sloped if int(p["output_multiplier"]) > 0 else -sloped
    scaled = np.where(values >= 0, kept, turned).astype(np.int64)
    shifted = fp.wrap_int32(scaled + int(p["output_offset"]))
    return np.clip(shifted, int(p["clamp_min"]), int(p["clamp_max"]))


def _leaky_relu_table(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    return _quantized_leaky_relu(_leaky_relu_parameters(view, values, output), ALL)


def _lower_int16_leaky_relu(view: OperatorView) -> Layer:
    values, output = ew.one_operand(view, DType.INT16)
    function = qe.quantized_function("leaky_relu", DType.INT16, _quantized_leaky_relu)
    return ew.elementwise(view, function, output, _leaky_relu_parameters(view, values, output))


def _float_leaky_relu(p: ew.Parameters, x: AnyArray) -> AnyArray:
    return np.where(x > 0, x, x * np.float32(p["alpha"]))


def _lower_float_leaky_relu(view: OperatorView) -> Layer:
    _, output = ew.one_operand(view, DType.FLOAT32)
    function = ew.Function("leaky_relu_f32", _float_leaky_relu)
    return ew.elementwise(view, function, output, {"alpha": view.option("alpha", float)})


@operator(
    "LEAKY_RELU",
    types={DType.FLOAT32: _lower_float_leaky_relu, DType.INT16: _lower_int16_leaky_relu},
    may_clamp=True,
)
def lower_leaky_relu(view: OperatorView) -> Layer:
    """Fold a LEAKY_RELU."""
    return lookup(view, _leaky_relu_table)


def _float_elu(x: AnyArray) -> AnyArray:
    return np.where(x < 0, real_functions.expm1_of_negative(x), x)


def _float_hard_swish(x: AnyArray) -> AnyArray:
    limited = np.minimum(np.maximum(x + np.float32(3), np.float32(0)), np.float32(6))
    product: AnyArray = x * limited / np.float32(6)
    return product


_FLOAT_FUNCTIONS = {
    "ELU": ew.plain("elu_f32", _float_elu, 1),
    "HARD_SWISH": ew.plain("hard_swish_f32", _float_hard_swish),
}


def _lower_float(view: OperatorView) -> Layer:
    _, output = ew.one_operand(view, DType.FLOAT32)
    return ew.elementwise(view, _FLOAT_FUNCTIONS[view.operator.opcode], output)


def _single_elu(x: AnyArray) -> AnyArray:
    """As TFLM has it for int8: the exponential in single precision, less 1."""
    with np.errstate(over="ignore"):
        exponentials = np.exp(x.astype(np.float64)).astype(np.float32)
    return np.where(x < 0, exponentials - np.float32(1), x).astype(np.float32)


@operator("ELU", types={DType.FLOAT32: _lower_float})
def lower_elu(view: OperatorView) -> Layer:
    """Fold an ELU; int8 as TFLM ``elu.cc`` has it."""
    return lookup(view, partial(table_of, function=_single_elu))


def _down_scaled(multiplier: int) -> int:
    """TFLM ``DownScaleInt32ToInt16Multiplier``."""
    return 32767 if multiplier >= fp.INT32_MAX - (1 << 15) else (multiplier + (1 << 15)) >> 16


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
    fine = np.float32(1.0 / 128.0) * np.float32(q.scale(view, values))
    reluish_scale = np.float32(3.0) / np.float32(32768.0)
    multiplier, exponent = fp.quantize_multiplier(float(fine / np.float32(q.scale(view, output))))
    reluish_multiplier, reluish_exponent = fp.quantize_multiplier(float(fine / reluish_scale))
    if exponent > 0:
        view.unsupported(f"the scale of {output.name!r} is too fine for TFLM")
    if reluish_exponent > 16:
        view.unsupported(f"the scale of {values.name!r} is too coarse")
    centred = (ALL.astype(np.int64) - q.zero_point(view, values)) << 7
    widened = centred.astype(np.int16).astype(np.int64)
    preshift = _high_mul_int16(widened, _down_scaled(multiplier))
    reluish = widened
    if reluish_exponent > 0:
        reluish = np.clip(reluish << (reluish_exponent - 1), -32768, 32767)
    reluish = _high_mul_int16(reluish, _down_scaled(reluish_multiplier))
    if reluish_exponent > 0:
        reluish = np.clip(reluish << 1, -32768, 32767)
    if reluish_exponent < 0:
        reluish = fp.rounding_divide_by_pot(reluish.astype(np.int32), -reluish_exponent).astype(
            np.int64
        )
    reluish = (reluish + (1 << 15)) >> 1
    product = np.clip(_truncated(reluish * preshift, 15), -32768, 32767)
    result = fp.rounding_divide_by_pot(product.astype(np.int32), -exponent)
    shifted = (result + q.zero_point(view, output)).astype(np.int16)
    return np.clip(shifted, -128, 127)


@operator("HARD_SWISH", types={DType.FLOAT32: _lower_float})
def lower_hard_swish(view: OperatorView) -> Layer:
    """Fold a HARD_SWISH."""
    return lookup(view, _hard_swish)
