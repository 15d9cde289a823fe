# SPDX-License-Identifier: Apache-2.0
"""Operators whose lowering depends on the type of an operand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinygen.ir.graph import DType, Numerics
from tinygen.ir.layer import Layer
from tinygen.ops.view import OperatorView

Lowering = Callable[[OperatorView, Numerics], Layer]


def by_input_type(
    otherwise: Lowering, others: Mapping[DType, Lowering], position: int = 0
) -> Lowering:
    """A lowering that picks one of ``others`` by the type of an input, or ``otherwise``."""

    def lower(view: OperatorView, numerics: Numerics) -> Layer:
        chosen = others.get(view.input(position).dtype, otherwise)
        return chosen(view, numerics)

    return lower
