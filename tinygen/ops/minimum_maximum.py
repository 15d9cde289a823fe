# SPDX-License-Identifier: Apache-2.0
"""MAXIMUM and MINIMUM. Semantics: TFLM ``maximum_minimum.cc``."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.ops.dtypes import F32, I8, I16, I32, I64, SUFFIXES
from tinygen.ops.elementwise import elementwise, plain, two_operands
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


def _maximum(a: AnyArray, b: AnyArray) -> AnyArray:
    return np.where(a > b, a, b)


def _minimum(a: AnyArray, b: AnyArray) -> AnyArray:
    return np.where(a < b, a, b)


@operator("MAXIMUM", "MINIMUM", shares_scale=True)
def lower_extremum(view: OperatorView) -> Layer:
    """Fold a MAXIMUM or MINIMUM; quantized operands are compared as they are, as in TFLM."""
    lhs, _, output = two_operands(view, F32, I8, I16, I32, I64)
    function = _maximum if view.operator.opcode == "MAXIMUM" else _minimum
    name = f"{view.operator.opcode.lower()}_{SUFFIXES[lhs.dtype]}"
    return elementwise(view, plain(name, function), output)
