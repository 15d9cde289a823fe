# SPDX-License-Identifier: Apache-2.0
"""SQUARED_DIFFERENCE. Semantics: TFLM ``squared_difference.cc``."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops import quantized_elementwise as qe
from tinygen.ops.dtypes import F32, I8, I16, I32
from tinygen.ops.elementwise import Parameters, elementwise, plain, two_operands, wide
from tinygen.ops.quantized import require_symmetric, scale
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


def _quantized_squared_difference(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    difference = wide(qe.scaled_operand(p, "lhs", a) - qe.scaled_operand(p, "rhs", b))
    return qe.quantized_output(p, wrap_int32(difference * difference))


@operator("SQUARED_DIFFERENCE")
def lower_squared_difference(view: OperatorView) -> Layer:
    """Fold a SQUARED_DIFFERENCE."""
    lhs, rhs, output = two_operands(view, F32, I8, I16, I32)
    if lhs.dtype is F32:
        function = plain("squared_difference_f32", lambda a, b: (a - b) * (a - b))
        return elementwise(view, function, output)
    if lhs.dtype is I32:
        function = plain(
            "squared_difference_s32",
            lambda a, b: wrap_int32(wide(wrap_int32(wide(a) - wide(b))) ** 2),
        )
        return elementwise(view, function, output)
    if lhs.dtype is I16:
        require_symmetric(view, lhs, rhs, output)
    left_shift = 7 if lhs.dtype is I8 else 0
    lhs_scale, rhs_scale = scale(view, lhs), scale(view, rhs)
    twice = 2.0 * max(lhs_scale, rhs_scale)
    operands = qe.operand_parameters(view, left_shift, lhs_scale / twice, rhs_scale / twice)
    denominator = np.float32(1 << left_shift * 2) * np.float32(scale(view, output))
    factor = qe.check_multiplier(view, twice * twice / float(denominator))
    parameters = qe.arithmetic_parameters(**operands, **qe.output_parameters(view, factor))
    function = qe.quantized_function("squared_difference", lhs.dtype, _quantized_squared_difference)
    return elementwise(view, function, output, parameters)
