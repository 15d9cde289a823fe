# SPDX-License-Identifier: Apache-2.0
"""MAXIMUM and MINIMUM. Semantics: TFLM ``maximum_minimum.cc``."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.ops.dtypes import F32, I8, I16, I32, I64, SUFFIXES
from tinygen.ops.elementwise import Function, Parameters, elementwise, two_operands
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


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
