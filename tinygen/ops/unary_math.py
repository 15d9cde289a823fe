# SPDX-License-Identifier: Apache-2.0
"""ABS, CEIL, COS, EXP, FLOOR, LOG, NEG, ROUND, RSQRT, SIN, SQRT and SQUARE.

Semantics: TFLM ``elementwise.cc`` and the files of those names. The real functions of float32 are this
project's own (``numerics.real_functions``, ``double_functions``), a few units in the last place from
those of the C library that TFLM calls.
"""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics import double_functions, real_functions
from tinygen.numerics import fixed_point as fp
from tinygen.numerics.double_functions import in_double
from tinygen.numerics.inverse_square_root import inverse_square_root
from tinygen.ops import quantized_elementwise as qe
from tinygen.ops.elementwise import Parameters, elementwise, one_operand, plain
from tinygen.ops.lookup import ALL, lookup
from tinygen.ops.quantized import require_symmetric, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

_FLOAT_FUNCTIONS = {
    "ABS": plain("abs_f32", np.abs),
    "NEG": plain("neg_f32", np.negative),
    "SQUARE": plain("square_f32", lambda x: x * x),
    "SQRT": plain("sqrt_f32", np.sqrt),
    "RSQRT": plain("rsqrt_f32", lambda x: np.float32(1) / np.sqrt(x)),
    "FLOOR": plain("floor_f32", np.floor),
    "CEIL": plain("ceil_f32", np.ceil),
    "ROUND": plain("round_f32", real_functions.rounded_to_even),
    "EXP": plain("exp_f32", real_functions.exp, 1),
    "LOG": plain("log_f32", real_functions.log, 1),
    "SIN": plain("sin_f32", in_double(double_functions.sin), 1),
    "COS": plain("cos_f32", in_double(double_functions.cos), 1),
}


@operator("CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "SIN", "SQRT", "SQUARE")
def lower_float_function(view: OperatorView) -> Layer:
    """Fold a function of float32."""
    _, output = one_operand(view, DType.FLOAT32)
    return elementwise(view, _FLOAT_FUNCTIONS[view.operator.opcode], output)


def _quantized_abs(p: Parameters, x: AnyArray) -> AnyArray:
    return qe.quantized_output(p, fp.wrap_int32(np.abs(x.astype(np.int64) + int(p["lhs_offset"]))))


def _lower_int16_abs(view: OperatorView) -> Layer:
    values, output = one_operand(view, DType.INT16)
    if values.quantization is None:
        return elementwise(view, plain("abs_s16", lambda x: np.abs(x.astype(np.int32))), output)
    require_symmetric(view, values, output)
    function = qe.quantized_function("abs", DType.INT16, _quantized_abs)
    return elementwise(view, function, output, qe.rescale_parameters(view, values, output))


def _abs(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    return _quantized_abs(qe.rescale_parameters(view, values, output), ALL)


@operator("ABS", types={DType.FLOAT32: lower_float_function, DType.INT16: _lower_int16_abs})
def lower_abs(view: OperatorView) -> Layer:
    """Fold an ABS. TFLM ``PrepareAbsRsqrt``."""
    return lookup(view, _abs)


def _rsqrt(view: OperatorView, values: Tensor, output: Tensor) -> AnyArray:
    """TFLM ``RsqrtEvalQuantized``; it fails at run time below the zero point, where this saturates."""
    factor = np.sqrt(np.float32(scale(view, values))) * np.float32(scale(view, output))
    multiplier, shift = fp.quantize_multiplier(1.0 / float(factor))
    headroom = 20
    if shift - headroom > 30:
        view.unsupported(f"the scale of {output.name!r} is too fine")
    table = []
    for value in (ALL - zero_point(view, values)).tolist():
        if value <= 0:
            table.append(127)
            continue
        inverse, inverse_shift = inverse_square_root(value)
        one = np.array([1], dtype=np.int32)
        data = fp.multiply_by_quantized_multiplier(one, inverse, inverse_shift + headroom)
        scaled = fp.multiply_by_quantized_multiplier(data, multiplier, shift - headroom)
        table.append(int(scaled[0]) + zero_point(view, output))
    limited: AnyArray = np.clip(np.array(table), -128, 127)
    return limited


@operator("RSQRT", types={DType.FLOAT32: lower_float_function})
def lower_rsqrt(view: OperatorView) -> Layer:
    """Fold an RSQRT."""
    return lookup(view, _rsqrt)
