# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX of int8 and int16, over the last axis; float32 is in ``rows``.

Semantics: TFLM ``softmax_common.cc`` and ``reference_ops::Softmax`` (int8: the exponential of every
difference is a table), ``reference_ops::SoftmaxInt16`` (exponential and reciprocal by tables of 513
entries, linear between them).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Numerics
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.numerics.exponential import exp_on_negative_values, one_over_one_plus_x
from tinygen.ops.lookup import interpolated, interpolation_table
from tinygen.ops.quantized import INTEGER_RANGES, require_symmetric, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.rows import lower_float_rows, rows_of
from tinygen.ops.view import OperatorView

SCALED_DIFF_INTEGER_BITS = 5
ACCUMULATION_INTEGER_BITS = 12
_FRACTION_BITS = 31 - SCALED_DIFF_INTEGER_BITS
_F = np.float32


def _exp(x: AnyArray) -> AnyArray:
    return np.exp(x.astype(np.float64)).astype(np.float32)


EXPONENTIALS = interpolation_table(
    float(_F(10.0) / _F(65535)), 32767, float(_F(2.0) / _F(65535)), _exp
)
"""exp(x) for x in [-10, 0], Q0.15."""

RECIPROCALS = interpolation_table(
    float(_F(1.0) / _F(65535)), -32768, float(_F(2.0) / _F(65535)), lambda x: _F(1) / (_F(1) + x)
)
"""1 / (1 + x) for x in [0, 1], Q0.15."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Layer):
    """out[r,c] = exp(in[r,c] - max of row r) / Σ of row r, for ``rows`` rows of ``depth`` elements.

    ``exponentials[d]`` is exp(-d · scale · beta) in Q0.31, 0 where TFLM skips the element; beyond
    its end it is 0. TFLM and CMSIS-NN compute it at run time, from the difference shifted left by
    ``shift`` bits and scaled by ``multiplier``. The row's sum is kept in Q12.19, and saturates (TFLM
    aborts on a sum of 512 or more).
    """

    shape: tuple[int, ...]
    rows: int
    depth: int
    exponentials: fp.Int32Array
    multiplier: int
    shift: int
    output_dtype: DType

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 tensor."""
        (values,) = inputs
        rows = values.reshape(self.rows, self.depth).astype(np.int64)
        table = np.zeros(256, dtype=np.int32)
        table[: self.exponentials.size] = self.exponentials
        exponentials = table[rows.max(axis=1, keepdims=True) - rows]
        terms = fp.rounding_divide_by_pot(exponentials, ACCUMULATION_INTEGER_BITS)
        sums = np.minimum(terms.astype(np.int64).sum(axis=1, keepdims=True), fp.INT32_MAX)
        # GetReciprocal: normalize the sum to [1, 2), and invert that.
        headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
        fractions = ((sums << headroom) - (1 << 31)).astype(np.int32)
        reciprocals = one_over_one_plus_x(fractions)
        low, high = INTEGER_RANGES[self.output_dtype]
        bits = (high - low).bit_length()
        exponents = (ACCUMULATION_INTEGER_BITS - headroom + 31 - bits).astype(np.int32)
        scaled = fp.saturating_rounding_doubling_high_mul(exponentials, reciprocals)
        outputs = fp.rounding_divide_by_pot(scaled, exponents) + low
        dtype = self.output_dtype.numpy
        return (np.minimum(outputs, high).reshape(self.shape).astype(dtype),)


@dataclass(frozen=True, eq=False, kw_only=True)
class SoftmaxInt16(Layer):
    """Softmax of ``rows`` rows of ``depth`` elements, scaled to [-65535, 0] by the multiplier."""

    shape: tuple[int, ...]
    rows: int
    depth: int
    multiplier: int
    shift: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        rows = inputs[0].reshape(self.rows, self.depth).astype(np.int32)
        centred = rows - rows.max(axis=1, keepdims=True)
        scaled = fp.multiply_by_quantized_multiplier(centred, self.multiplier, self.shift)
        positions = np.clip(scaled.astype(np.int64) + 32767, -32768, 32767)
        powers = interpolated(EXPONENTIALS, positions)
        sums = powers.sum(axis=1, keepdims=True)
        zeros = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
        shifted = ((sums << (zeros - 1)) + (1 << 13)) >> 14
        at = np.clip(shifted - (1 << 15) - (1 << 16), -32768, 32767)
        reciprocals = interpolated(RECIPROCALS, at)
        right = 31 - zeros
        results = (powers * reciprocals + (np.int64(1) << (right - 1))) >> right
        return (np.clip(results, 0, 32767).reshape(self.shape).astype(np.int16),)


def scaling(view: OperatorView, input_scale: float, beta: float) -> tuple[int, int]:
    """(multiplier, shift) of a difference. TFLM ``PreprocessSoftmaxScaling``."""
    real = min(beta * input_scale * (1 << _FRACTION_BITS), 2.0**31 - 1.0)
    if not real > 1.0:
        view.unsupported(
            f"the input scale {input_scale} times beta {beta} is too small for a softmax"
        )
    return fp.quantize_multiplier(real)


def input_radius(shift: int) -> int:
    """The largest difference that counts. TFLM ``CalculateInputRadius``."""
    largest = ((1 << SCALED_DIFF_INTEGER_BITS) - 1) * (1 << _FRACTION_BITS)
    return math.floor(largest / (1 << shift))


def exponentials(multiplier: int, shift: int) -> fp.Int32Array:
    """exp(-d) in Q0.31 for every difference d that counts."""
    differences = -np.arange(min(input_radius(shift), 255) + 1, dtype=np.int32)
    rescaled = fp.saturating_rounding_doubling_high_mul(differences << shift, multiplier)
    return exp_on_negative_values(rescaled, SCALED_DIFF_INTEGER_BITS)


def lower_softmax_int16(view: OperatorView) -> Layer:
    """Fold a SOFTMAX of int16 to int16, whose output is Q0.15."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(output, DType.INT16)
    rows, depth = rows_of(view)
    require_symmetric(view, values, output)
    if abs(scale(view, output) - 1 / 32768) > 0.001 / 32768:
        view.unsupported(f"tensor {output.name!r} must have the scale 1/32768")
    if view.numerics is Numerics.LITERT:
        view.unsupported(
            "LiteRT's reference differs in last places for one of several thousand elements of INT16, "
            "and why is not known",
            "Compile it with --numerics tflm.",
        )
    real = scale(view, values) * view.option("beta", float) / (10.0 / 65535.0)
    multiplier, shift = fp.quantize_multiplier(real)
    if shift > 13:
        view.unsupported(f"the scale of {values.name!r} is too coarse for a softmax")
    return SoftmaxInt16(
        **view.ports(values),
        shape=values.shape,
        rows=rows,
        depth=depth,
        multiplier=multiplier,
        shift=shift,
    )


@operator("SOFTMAX", types={DType.FLOAT32: lower_float_rows, DType.INT16: lower_softmax_int16})
def lower_softmax(view: OperatorView) -> Layer:
    """Fold a SOFTMAX; the output's quantization is the one that TFLM prescribes."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.INT8)
    view.require_dtype(output, DType.INT8, DType.INT16)
    rows, depth = rows_of(view)
    low, high = INTEGER_RANGES[output.dtype]
    expected = 1.0 / (high - low + 1)
    tolerance = 0.0 if output.dtype is DType.INT8 else 0.001 * expected
    if zero_point(view, output) != low or abs(scale(view, output) - expected) > tolerance:
        view.unsupported(
            f"tensor {output.name!r} must have the scale 1/{high - low + 1} and the zero point {low}"
        )
    zero_point(view, values)
    multiplier, shift = scaling(view, scale(view, values), view.option("beta", float))
    return Softmax(
        **view.ports(values),
        shape=values.shape,
        rows=rows,
        depth=depth,
        exponentials=exponentials(multiplier, shift),
        multiplier=multiplier,
        shift=shift,
        output_dtype=output.dtype,
    )
