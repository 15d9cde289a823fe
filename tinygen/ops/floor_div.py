# SPDX-License-Identifier: Apache-2.0
"""FLOOR_DIV and FLOOR_MOD. Semantics: the TFLM files of those names."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.ops.dtypes import F32
from tinygen.ops.elementwise import elementwise, plain, two_operands
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


def _floor_div(a: AnyArray, b: AnyArray) -> AnyArray:
    return np.floor(a.astype(np.float64) / b.astype(np.float64))


def _floor_mod(a: AnyArray, b: AnyArray) -> AnyArray:
    remainder = np.fmod(a, b)
    turned = (remainder != 0) & ((b < 0) != (remainder < 0))
    return np.where(turned, remainder + b, remainder)


@operator("FLOOR_DIV", "FLOOR_MOD")
def lower_floor_division(view: OperatorView) -> Layer:
    """Fold a FLOOR_DIV or FLOOR_MOD of float32."""
    _, _, output = two_operands(view, F32)
    is_div = view.operator.opcode == "FLOOR_DIV"
    function = ("floor_div_f32", _floor_div) if is_div else ("floor_mod_f32", _floor_mod)
    return elementwise(view, plain(*function), output)
