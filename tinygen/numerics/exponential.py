# SPDX-License-Identifier: Apache-2.0
"""Fixed-point exponential and reciprocal, bit for bit gemmlowp's ``fixedpoint.h``.

Qm.n names an int32 with m integer and n = 31 - m fractional bits.
"""

from __future__ import annotations

import numpy as np

from tinygen.numerics import fixed_point as fp

_EXP_MINUS_ONE_EIGHTH = 1895147668
_ONE_THIRD = 715827883
_EXP_OF_MINUS_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""(k, exp(-2**k) in Q0.31)."""
_48_OVER_17 = 1515870810
_MINUS_32_OVER_17 = -1010580540


def _saturate(x: fp.Int64Array) -> fp.Int32Array:
    saturated: fp.Int32Array = np.clip(x, fp.INT32_MIN, fp.INT32_MAX).astype(np.int32)
    return saturated


def _shift_left(x: fp.Int32Array, bits: int) -> fp.Int32Array:
    """Multiply by 2**bits, saturated."""
    return _saturate(x.astype(np.int64) << bits)


def _exp_between_minus_one_quarter_and_0(a: fp.Int32Array) -> fp.Int32Array:
    """exp(a) for a in [-1/4, 0), Q0.31 to Q0.31: a Taylor series around -1/8."""
    mul = fp.saturating_rounding_doubling_high_mul
    x = a + np.int32(1 << 28)
    x2 = mul(x, x)
    x3 = mul(x2, x)
    x4 = mul(x2, x2)
    x4_over_4 = fp.rounding_divide_by_pot(x4, 2)
    higher = fp.rounding_divide_by_pot(mul(x4_over_4 + x3, _ONE_THIRD) + x2, 1)
    result: fp.Int32Array = mul(x + higher, _EXP_MINUS_ONE_EIGHTH) + np.int32(_EXP_MINUS_ONE_EIGHTH)
    return result


def exp_on_negative_values(a: fp.Int32Array, integer_bits: int) -> fp.Int32Array:
    """exp(a) for a <= 0, from Q(integer_bits) with at most 5 integer bits to Q0.31."""
    fractional_bits = 31 - integer_bits
    quarter = np.int32(1 << (fractional_bits - 2))
    reduced = (a & (quarter - np.int32(1))) - quarter
    result = _exp_between_minus_one_quarter_and_0(_shift_left(reduced, integer_bits))
    remainder = reduced - a
    for power, factor in _EXP_OF_MINUS_POWERS:
        if integer_bits > power:
            bit = np.int32(1 << (fractional_bits + power))
            scaled = fp.saturating_rounding_doubling_high_mul(result, factor)
            result = np.where(remainder & bit, scaled, result)
    return np.where(a == 0, np.int32(fp.INT32_MAX), result)


def _two_over_one_plus_x(a: fp.Int32Array) -> fp.Int32Array:
    """2 / (1 + a) for a in [0, 1], Q0.31 to Q2.29: three Newton-Raphson steps."""
    mul = fp.saturating_rounding_doubling_high_mul
    half_denominator = ((a.astype(np.int64) + fp.INT32_MAX + 1) >> 1).astype(np.int32)
    x: fp.Int32Array = mul(half_denominator, _MINUS_32_OVER_17) + np.int32(_48_OVER_17)
    for _ in range(3):
        one_minus = np.int32(1 << 29) - mul(half_denominator, x)
        x = x + _shift_left(mul(x, one_minus), 2)
    return x


def one_over_one_plus_x(a: fp.Int32Array) -> fp.Int32Array:
    """1 / (1 + a) for a in [0, 1), Q0.31: gemmlowp ``one_over_one_plus_x_for_x_in_0_1``."""
    return _shift_left(_two_over_one_plus_x(a), 1)


def one_minus_x_over_one_plus_x(a: fp.Int32Array) -> fp.Int32Array:
    """(1 - a) / (1 + a) for a in [0, 1], Q0.31: gemmlowp's function of that name."""
    return _shift_left(_two_over_one_plus_x(a) - np.int32(1 << 29), 2)
