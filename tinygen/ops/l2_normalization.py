# SPDX-License-Identifier: Apache-2.0
"""L2_NORMALIZATION of int8, over the last axis; float32 is in ``rows``.

Semantics: TFLM ``reference_integer_ops::L2Normalization`` with ``l2norm.cc``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import multiply_by_quantized_multiplier
from tinygen.numerics.inverse_square_root import inverse_square_root
from tinygen.ops.quantized import zero_point
from tinygen.ops.registry import operator
from tinygen.ops.rows import lower_float_rows, rows_of
from tinygen.ops.view import OperatorView

_LONGEST_SQUARES = (2**31 - 1) // 255**2
_L2_OUTPUT_BITS = 7


@dataclass(frozen=True, eq=False, kw_only=True)
class L2NormalizationInt8(Layer):
    """out[r,c] = in[r,c] / sqrt(Σ in[r]²) in steps of 1/128, for ``rows`` of ``depth`` elements."""

    shape: tuple[int, ...]
    rows: int
    depth: int
    input_zero_point: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        rows = inputs[0].reshape(self.rows, self.depth).astype(np.int32) - self.input_zero_point
        pairs = [inverse_square_root(total) for total in (rows * rows).sum(axis=1).tolist()]
        multipliers = np.array([[multiplier] for multiplier, _ in pairs], dtype=np.int32)
        shifts = np.array([[shift] for _, shift in pairs], dtype=np.int32) + _L2_OUTPUT_BITS
        scaled = multiply_by_quantized_multiplier(rows, multipliers, shifts)
        return (np.clip(scaled, -128, 127).reshape(self.shape).astype(np.int8),)


@operator("L2_NORMALIZATION", types={DType.FLOAT32: lower_float_rows})
def lower_l2_normalization_int8(view: OperatorView) -> Layer:
    """Fold an L2_NORMALIZATION of int8; TFLM takes the output to have the scale 1/128."""
    values, _ = view.in_and_out(DType.INT8)
    rows, depth = rows_of(view)
    view.require_rank(values, *range(1, 5))
    if view.activation != "NONE":
        view.unsupported("a fused activation is not supported")
    if depth > _LONGEST_SQUARES:
        view.unsupported(f"rows of {depth} elements are longer than {_LONGEST_SQUARES}")
    return L2NormalizationInt8(
        **view.ports(values),
        shape=values.shape,
        rows=rows,
        depth=depth,
        input_zero_point=zero_point(view, values),
    )
