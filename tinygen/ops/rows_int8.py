# SPDX-License-Identifier: Apache-2.0
"""LOG_SOFTMAX and L2_NORMALIZATION of int8, over the last axis.

Semantics: TFLM ``reference_ops::LogSoftmaxQuantized`` with ``log_softmax.cc``, and
``reference_integer_ops::L2Normalization`` with ``l2norm.cc``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import (
    Int32Array,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    wrap_int32,
)
from tinygen.numerics.inverse_square_root import inverse_square_root
from tinygen.numerics.logarithm import logarithm
from tinygen.ops.quantized import scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.rows import lower_float_rows
from tinygen.ops.softmax import (
    ACCUMULATION_INTEGER_BITS,
    SCALED_DIFF_INTEGER_BITS,
    exponentials,
    input_radius,
    scaling,
)
from tinygen.ops.view import OperatorView

_OUTPUT_INTEGER_BITS = 4
_OUTPUT_SHIFT = 31 - SCALED_DIFF_INTEGER_BITS - _OUTPUT_INTEGER_BITS
_LONGEST_SUM = (1 << ACCUMULATION_INTEGER_BITS) - 1
_LONGEST_SQUARES = (2**31 - 1) // 255**2
_L2_OUTPUT_BITS = 7


@dataclass(frozen=True, eq=False, kw_only=True)
class LogSoftmaxInt8(Layer):
    """out[r,c] = in[r,c] - max of row r - log Σ exp(in[r] - max), for ``rows`` of ``depth`` elements.

    ``terms[d]`` is exp(-d · scale) in Q12.19, 0 beyond its end; differences are scaled by
    ``multiplier`` to Q5.26. Outputs are 0 (the least) from a difference on that depends on the row.
    """

    shape: tuple[int, ...]
    rows: int
    depth: int
    terms: Int32Array
    multiplier: int
    shift: int
    reverse_multiplier: int
    reverse_shift: int
    least_difference: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        rows = inputs[0].reshape(self.rows, self.depth).astype(np.int64)
        table = np.zeros(256, dtype=np.int64)
        table[: self.terms.size] = self.terms
        differences = rows - rows.max(axis=1, keepdims=True)
        sums = table[-differences].sum(axis=1)
        logarithms = np.array([logarithm(x, ACCUMULATION_INTEGER_BITS) for x in sums.tolist()])
        reversed_minima = multiply_by_quantized_multiplier(
            wrap_int32(logarithms - (1 << 31)), self.reverse_multiplier, self.reverse_shift
        )
        least = np.maximum(self.least_difference - 1, reversed_minima)[:, np.newaxis]
        scaled = multiply_by_quantized_multiplier(
            wrap_int32(differences), self.multiplier, self.shift
        )
        shifted = wrap_int32(scaled - logarithms[:, np.newaxis])
        outputs = np.clip(rounding_divide_by_pot(shifted, _OUTPUT_SHIFT) + 127, -128, 127)
        outputs = np.where(differences > least, outputs, -128)
        return (outputs.reshape(self.shape).astype(np.int8),)


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


def _rows(view: OperatorView) -> tuple[int, int]:
    """Rows and their depth; the operator has one int8 input, and an output like it."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.INT8)
    view.require_dtype(output, DType.INT8)
    view.require_shape(output, values.shape)
    if not values.shape:
        view.unsupported(f"tensor {values.name!r} is a scalar")
    return math.prod(values.shape[:-1]), values.shape[-1]


@operator("LOG_SOFTMAX", types={DType.FLOAT32: lower_float_rows})
def lower_log_softmax_int8(view: OperatorView) -> Layer:
    """Fold a LOG_SOFTMAX of int8; the output's quantization is the one that TFLM prescribes."""
    rows, depth = _rows(view)
    values, output = view.input(0), view.output()
    if scale(view, output) != 1 / 16 or zero_point(view, output) != 127:
        view.unsupported(f"tensor {output.name!r} must have the scale 1/16 and the zero point 127")
    if depth > _LONGEST_SUM:
        view.unsupported(f"rows of {depth} elements are longer than {_LONGEST_SUM}")
    zero_point(view, values)
    multiplier, shift = scaling(view, scale(view, values), 1.0)
    reverse = (1 << (31 - shift)) / multiplier
    if reverse >= 1.0:
        view.unsupported(f"the scale of its input {values.name!r} is too small")
    reverse_multiplier, reverse_shift = quantize_multiplier(reverse)
    return LogSoftmaxInt8(
        operator=view.operator,
        inputs=(view.require_activation(values),),
        outputs=(output.index,),
        shape=values.shape,
        rows=rows,
        depth=depth,
        terms=rounding_divide_by_pot(exponentials(multiplier, shift), ACCUMULATION_INTEGER_BITS),
        multiplier=multiplier,
        shift=shift,
        reverse_multiplier=reverse_multiplier,
        reverse_shift=reverse_shift,
        least_difference=-input_radius(shift),
    )


@operator("L2_NORMALIZATION", types={DType.FLOAT32: lower_float_rows})
def lower_l2_normalization_int8(view: OperatorView) -> Layer:
    """Fold an L2_NORMALIZATION of int8; TFLM takes the output to have the scale 1/128."""
    rows, depth = _rows(view)
    values = view.input(0)
    view.require_rank(values, *range(1, 5))
    if view.option("fused_activation_function", str) != "NONE":
        view.unsupported("a fused activation is not supported")
    if depth > _LONGEST_SQUARES:
        view.unsupported(f"rows of {depth} elements are longer than {_LONGEST_SQUARES}")
    return L2NormalizationInt8(
        operator=view.operator,
        inputs=(view.require_activation(values),),
        outputs=(view.output().index,),
        shape=values.shape,
        rows=rows,
        depth=depth,
        input_zero_point=zero_point(view, values),
    )
