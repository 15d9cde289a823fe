# SPDX-License-Identifier: Apache-2.0
"""Multiplier/shift pairs and the integer rounding of TFLite, as scalars and as NumPy arrays.

Semantics: TFLM ``tensorflow/lite/kernels/internal/quantization_util.cc`` (folding) and
``tensorflow/lite/kernels/internal/common.{h,cc}`` (requantization), themselves gemmlowp's
``fixedpoint.h``. Where the C++ would overflow a signed 32-bit product (a left shift of a large
accumulator), the value wraps modulo 2**32, which is what its compiled code does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1


FRACTION_BITS = 22
"""Bits of a double's significand beyond a 31-bit multiplier."""


class Rounding(Enum):
    """How an accumulator is scaled: by gemmlowp's two roundings, or by one of the exact product."""

    DOUBLE = "double"
    SINGLE = "single"


def round_half_away(value: float) -> int:
    """Round to the nearest integer, halves away from zero (C's ``round``)."""
    magnitude = math.floor(abs(value))
    if abs(value) - magnitude >= 0.5:
        magnitude += 1
    return magnitude if value >= 0 else -magnitude


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Fold a real multiplier into ``(multiplier, shift)`` with real ≈ multiplier × 2**(shift - 31).

    ``multiplier`` is in [2**30, 2**31 - 1], or 0 for a multiplier below 2**-32. A positive shift
    goes to the left. TFLM ``QuantizeMultiplier``.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    fixed = round_half_away(fraction * 2.0**31)
    if fixed == 2**31:
        fixed //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return fixed, shift


def saturating_rounding_doubling_high_mul(a: Int32Array, b: Int32Array | int) -> Int32Array:
    """(2·a·b + 2**31·sign-aware nudge) / 2**32, truncated; the one overflow saturates."""
    product = a.astype(np.int64) * np.asarray(b, dtype=np.int64)
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    # C++ divides, which truncates towards zero; NumPy's // floors.
    high = np.where(nudged >= 0, nudged >> 31, -((-nudged) >> 31))
    saturated: Int32Array = np.minimum(high, INT32_MAX).astype(np.int32)
    return saturated


def high_mul(a: int, b: int) -> int:
    """``saturating_rounding_doubling_high_mul`` of two numbers."""
    product = a * b
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    return min(nudged >> 31 if nudged >= 0 else -(-nudged >> 31), INT32_MAX)


def saturating_shift_left(x: int, bits: int) -> int:
    """X × 2**bits within int32."""
    return max(INT32_MIN, min(INT32_MAX, x << bits))


def rounding_divide_by_pot(x: Int32Array, exponent: Int32Array | int) -> Int32Array:
    """Divide by 2**exponent, halves away from zero; exponent in [0, 31]."""
    wide = x.astype(np.int64)
    exponents = np.asarray(exponent, dtype=np.int64)
    mask = (np.int64(1) << exponents) - 1
    remainder = wide & mask
    threshold = (mask >> 1) + (wide < 0)
    rounded: Int32Array = ((wide >> exponents) + (remainder > threshold)).astype(np.int32)
    return rounded


def wrap_int32(x: Int64Array) -> Int32Array:
    """Reduce modulo 2**32 into the int32 range, as a 32-bit accumulator does."""
    wrapped: Int32Array = x.astype(np.int64).astype(np.uint32).astype(np.int32)
    return wrapped


def multiply_by_quantized_multiplier(
    x: Int32Array, multiplier: Int32Array | int, shift: Int32Array | int
) -> Int32Array:
    """Scale ``x`` by multiplier × 2**(shift - 31); arrays broadcast. TFLM's function of that name."""
    shifts = np.asarray(shift, dtype=np.int64)
    left = np.maximum(shifts, 0)
    right = np.maximum(-shifts, 0)
    shifted = wrap_int32(x.astype(np.int64) << left)
    high = saturating_rounding_doubling_high_mul(shifted, np.asarray(multiplier, dtype=np.int32))
    return rounding_divide_by_pot(high, right.astype(np.int32))


def split_real(real: float) -> tuple[int, int, int]:
    """A positive double as ``(multiplier, fraction, shift)``, exactly.

    real = (multiplier + fraction × 2**-22) × 2**(shift - 31), multiplier in [2**30, 2**31).
    """
    significand, shift = math.frexp(real)
    whole = int(significand * 2.0**53)
    return whole >> FRACTION_BITS, whole & ((1 << FRACTION_BITS) - 1), shift


def multiply_rounding_once(
    x: Int32Array, multiplier: Int32Array, fraction: Int32Array, shift: Int32Array
) -> Int64Array:
    """The nearest integer to x × the real that ``split_real`` split; halves away from zero.

    Arrays broadcast; shifts are at most 30.
    """
    magnitude = np.abs(x.astype(np.int64))
    product = magnitude * multiplier + ((magnitude * fraction) >> FRACTION_BITS)
    right = 31 - shift.astype(np.int64)
    kept = np.minimum(right, 63)
    rounded = np.where(right > 63, 0, (product + (np.int64(1) << (kept - 1))) >> kept)
    signed: Int64Array = np.where(x < 0, -rounded, rounded)
    return signed


@dataclass(frozen=True, eq=False)
class Requantization:
    """From an int32 accumulator to the quantized output: scale, add the zero point, clamp.

    ``multipliers`` and ``shifts`` have one entry a channel (the accumulator's last axis), or one for
    all. Shifts go to the left where positive. ``fractions`` are there for ``Rounding.SINGLE`` only:
    the bits of each factor that do not fit its multiplier (``split_real``).
    """

    multipliers: Int32Array
    shifts: Int32Array
    zero_point: int
    clamp_min: int
    clamp_max: int
    rounding: Rounding = Rounding.DOUBLE
    fractions: Int32Array | None = None

    def apply(self, accumulators: Int32Array) -> Int32Array:
        """Requantize; the last axis of ``accumulators`` is the channel."""
        if self.fractions is not None:
            exact = multiply_rounding_once(
                accumulators, self.multipliers, self.fractions, self.shifts
            )
            return np.clip(exact + self.zero_point, self.clamp_min, self.clamp_max).astype(np.int32)
        scaled = multiply_by_quantized_multiplier(accumulators, self.multipliers, self.shifts)
        shifted = wrap_int32(scaled.astype(np.int64) + self.zero_point)
        return np.clip(shifted, self.clamp_min, self.clamp_max)


def fold_multipliers(reals: Sequence[float]) -> tuple[Int32Array, Int32Array]:
    """``quantize_multiplier`` of each real multiplier: (multipliers, shifts)."""
    pairs = [quantize_multiplier(real) for real in reals]
    return (
        np.array([multiplier for multiplier, _ in pairs], dtype=np.int32),
        np.array([shift for _, shift in pairs], dtype=np.int32),
    )
