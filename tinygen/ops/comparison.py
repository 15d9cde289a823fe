# SPDX-License-Identifier: Apache-2.0
"""Comparisons, LOGICAL_AND, LOGICAL_OR, LOGICAL_NOT and SELECT_V2.

Semantics: the TFLM files of those names.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.ops import elementwise as ew
from tinygen.ops import quantized_elementwise as qe
from tinygen.ops.dtypes import BOOL, F32, I8, I16, I32, I64, SUFFIXES
from tinygen.ops.quantized import scale
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

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


@operator("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
def lower_comparison(view: OperatorView) -> Layer:
    """Fold a comparison. int8 operands are scaled by their scales; TFLM wants those below 1."""
    opcode = view.operator.opcode
    equality = opcode in ("EQUAL", "NOT_EQUAL")
    lhs, rhs, output = ew.two_operands(
        view, F32, I8, I32, I64, *((BOOL,) if equality else ()), to=BOOL
    )
    relation = _RELATIONS[opcode]
    name = opcode.lower()
    if lhs.dtype is not I8:
        return ew.elementwise(view, ew.plain(f"{name}_{SUFFIXES[lhs.dtype]}", relation), output)
    parameters = qe.arithmetic_parameters(
        **qe.operand_parameters(view, _COMPARISON_SHIFT, scale(view, lhs), scale(view, rhs))
    )
    function = qe.quantized_function(
        name,
        I8,
        lambda p, a, b: relation(qe.scaled_operand(p, "lhs", a), qe.scaled_operand(p, "rhs", b)),
    )
    return ew.elementwise(view, function, output, parameters)


@operator("LOGICAL_AND", "LOGICAL_OR")
def lower_logical(view: OperatorView) -> Layer:
    """Fold a LOGICAL_AND or LOGICAL_OR."""
    _, _, output = ew.two_operands(view, BOOL, to=BOOL)
    is_and = view.operator.opcode == "LOGICAL_AND"
    logical = np.logical_and if is_and else np.logical_or
    return ew.elementwise(
        view, ew.plain("logical_and_b8" if is_and else "logical_or_b8", logical), output
    )


@operator("SELECT_V2", typed_by=-1)
def lower_select_v2(view: OperatorView) -> Layer:
    """Fold a SELECT_V2: where the condition holds the second operand, else the third."""
    view.counts((3,))
    condition, lhs, output = view.input(0), view.input(1), view.output()
    view.require_dtype(condition, BOOL)
    view.require_dtype(lhs, F32, I8, I16)
    view.require_dtype(view.input(2), lhs.dtype)
    view.require_dtype(output, lhs.dtype)
    return ew.elementwise(view, ew.plain(f"select_{SUFFIXES[lhs.dtype]}", np.where), output)


@operator("LOGICAL_NOT")
def lower_logical_not(view: OperatorView) -> Layer:
    """Fold a LOGICAL_NOT."""
    _, output = ew.one_operand(view, BOOL)
    return ew.elementwise(view, ew.plain("logical_not_b8", np.logical_not), output)
