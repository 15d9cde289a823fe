# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION of float32, over the last axis.

Semantics: TFLM ``reference_ops`` in ``softmax.h``, ``log_softmax.h``, ``l2normalization.h``, with this
project's exponential and logarithm; sums in the same order. A softmax multiplies by the sum's
reciprocal where TFLM divides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics import real_functions
from tinygen.ops.view import OperatorView

_EPSILON = np.float32(1e-6)


def _in_order(terms: AnyArray) -> AnyArray:
    """Row sums, element after element, each rounded."""
    total = np.zeros((len(terms), 1), dtype=np.float32)
    for c in range(terms.shape[1]):
        total = total + terms[:, c : c + 1]
    return total


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatRows(Layer):
    """A function of rows of ``depth`` elements: softmax, log_softmax or l2_normalization."""

    shape: tuple[int, ...]
    rows: int
    depth: int
    kind: str
    beta: float

    @property
    def tolerance_ulp(self) -> int:
        """The exponentials' and the logarithm's distance, of a sum that may cancel."""
        return {"softmax": 8, "log_softmax": 64, "l2_normalization": 0}[self.kind]

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        rows = inputs[0].reshape(self.rows, self.depth)
        with np.errstate(all="ignore"):
            if self.kind == "l2_normalization":
                norms = np.maximum(np.sqrt(_in_order(rows * rows)), _EPSILON)
                return ((rows / norms).reshape(self.shape),)
            centred = rows - rows.max(axis=1, keepdims=True)
            if self.kind == "softmax":
                powers = real_functions.exp(centred * np.float32(self.beta))
                factors = np.float32(1) / _in_order(powers)
                return ((powers * factors).reshape(self.shape),)
            logarithms = real_functions.log(_in_order(real_functions.exp(centred)))
            return ((centred - logarithms).reshape(self.shape),)


def rows_of(view: OperatorView) -> tuple[int, int]:
    """Rows and their depth of an operator's first input, whose shape its output has too."""
    values = view.input(0)
    view.require_shape(view.output(), values.shape)
    if not values.shape:
        view.unsupported(f"tensor {values.name!r} is a scalar")
    return math.prod(values.shape[:-1]), values.shape[-1]


def lower_float_rows(view: OperatorView) -> Layer:
    """Fold a SOFTMAX, LOG_SOFTMAX or L2_NORMALIZATION of float32."""
    values, _ = view.in_and_out(DType.FLOAT32)
    rows, depth = rows_of(view)
    opcode = view.operator.opcode
    if opcode == "L2_NORMALIZATION":
        if view.activation != "NONE":
            view.unsupported("a fused activation is not supported")
        view.require_rank(values, *range(5))
    return FloatRows(
        **view.ports(values),
        shape=values.shape,
        rows=rows,
        depth=depth,
        kind=opcode.lower(),
        beta=view.option("beta", float) if opcode == "SOFTMAX" else 1.0,
    )
