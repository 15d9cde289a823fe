# SPDX-License-Identifier: Apache-2.0
"""LOG_SOFTMAX of int8, over the last axis; float32 is in ``rows``.

Semantics: TFLM ``reference_ops::LogSoftmaxQuantized`` with ``log_softmax.cc``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.numerics.logarithm import logarithm
from tinygen.ops import softmax
from tinygen.ops.quantized import scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.rows import lower_float_rows, rows_of
from tinygen.ops.view import OperatorView

_OUTPUT_INTEGER_BITS = 4
_OUTPUT_SHIFT = 31 - softmax.SCALED_DIFF_INTEGER_BITS - _OUTPUT_INTEGER_BITS
_LONGEST_SUM = (1 << softmax.ACCUMULATION_INTEGER_BITS) - 1


@dataclass(frozen=True, eq=False, kw_only=True)
class LogSoftmaxInt8(Layer):
    """out[r,c] = in[r,c] - max of row r - log Σ exp(in[r] - max), for ``rows`` of ``depth`` elements.

    ``terms[d]`` is exp(-d · scale) in Q12.19, 0 beyond its end; differences are scaled by
    ``multiplier`` to Q5.26. Outputs are 0 (the least) from a difference on that depends on the row.
    """

    shape: tuple[int, ...]
    rows: int
    depth: int
    terms: fp.Int32Array
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
        logarithms = np.array(
            [logarithm(x, softmax.ACCUMULATION_INTEGER_BITS) for x in sums.tolist()]
        )
        reversed_minima = fp.multiply_by_quantized_multiplier(
            fp.wrap_int32(logarithms - (1 << 31)), self.reverse_multiplier, self.reverse_shift
        )
        least = np.maximum(self.least_difference - 1, reversed_minima)[:, np.newaxis]
        scaled = fp.multiply_by_quantized_multiplier(
            fp.wrap_int32(differences), self.multiplier, self.shift
        )
        shifted = fp.wrap_int32(scaled - logarithms[:, np.newaxis])
        outputs = np.clip(fp.rounding_divide_by_pot(shifted, _OUTPUT_SHIFT) + 127, -128, 127)
        outputs = np.where(differences > least, outputs, -128)
        return (outputs.reshape(self.shape).astype(np.int8),)


@operator("LOG_SOFTMAX", types={DType.FLOAT32: lower_float_rows})
def lower_log_softmax_int8(view: OperatorView) -> Layer:
    """Fold a LOG_SOFTMAX of int8; the output's quantization is the one that TFLM prescribes."""
    values, output = view.in_and_out(DType.INT8)
    rows, depth = rows_of(view)
    if scale(view, output) != 1 / 16 or zero_point(view, output) != 127:
        view.unsupported(f"tensor {output.name!r} must have the scale 1/16 and the zero point 127")
    if depth > _LONGEST_SUM:
        view.unsupported(f"rows of {depth} elements are longer than {_LONGEST_SUM}")
    zero_point(view, values)
    multiplier, shift = softmax.scaling(view, scale(view, values), 1.0)
    reverse = (1 << (31 - shift)) / multiplier
    if reverse >= 1.0:
        view.unsupported(f"the scale of its input {values.name!r} is too small")
    reverse_multiplier, reverse_shift = fp.quantize_multiplier(reverse)
    return LogSoftmaxInt8(
        **view.ports(values),
        shape=values.shape,
        rows=rows,
        depth=depth,
        terms=fp.rounding_divide_by_pot(
            softmax.exponentials(multiplier, shift), softmax.ACCUMULATION_INTEGER_BITS
        ),
        multiplier=multiplier,
        shift=shift,
        reverse_multiplier=reverse_multiplier,
        reverse_shift=reverse_shift,
        least_difference=-softmax.input_radius(shift),
    )
