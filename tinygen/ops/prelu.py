# SPDX-License-Identifier: Apache-2.0
"""PRELU. Semantics: TFLM ``prelu_common.cc`` and the reference kernels it calls."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.ops import quantized_elementwise as qe
from tinygen.ops.dtypes import F32, I8, I16
from tinygen.ops.elementwise import Parameters, elementwise, plain, wide
from tinygen.ops.quantized import product_over, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


def _quantized_prelu(p: Parameters, a: AnyArray, b: AnyArray) -> AnyArray:
    value, alpha = wide(a) + int(p["lhs_offset"]), wide(b) + int(p["rhs_offset"])
    kept = fp.multiply_by_quantized_multiplier(
        fp.wrap_int32(value), int(p["lhs_multiplier"]), int(p["lhs_shift"])
    )
    sloped = fp.multiply_by_quantized_multiplier(
        fp.wrap_int32(value * alpha), int(p["output_multiplier"]), int(p["output_shift"])
    )
    scaled = np.where(value >= 0, kept, sloped)
    shifted = fp.wrap_int32(wide(scaled) + int(p["output_offset"]))
    return np.clip(shifted, int(p["clamp_min"]), int(p["clamp_max"]))


@operator("PRELU")
def lower_prelu(view: OperatorView) -> Layer:
    """Fold a PRELU; of an int16 input the slopes are int8."""
    view.counts((2,))
    values, alpha, output = view.input(0), view.input(1), view.output()
    view.require_dtype(values, F32, I8, I16)
    view.require_dtype(output, values.dtype)
    view.require_dtype(alpha, I8 if values.dtype is I16 else values.dtype)
    if values.dtype is F32:
        function = plain("prelu_f32", lambda a, b: np.where(a >= 0, a, a * b))
        return elementwise(view, function, output)
    source, target = scale(view, values), scale(view, output)
    kept = qe.check_multiplier(view, product_over(view, source, divisor=target))
    slope = product_over(view, source, scale(view, alpha), divisor=target)
    parameters = qe.arithmetic_parameters(
        lhs_offset=-zero_point(view, values),
        lhs_multiplier=kept[0],
        lhs_shift=kept[1],
        rhs_offset=-zero_point(view, alpha),
        **qe.output_parameters(view, qe.check_multiplier(view, slope)),
    )
    function = qe.quantized_function("prelu", values.dtype, _quantized_prelu)
    return elementwise(view, function, output, parameters)
