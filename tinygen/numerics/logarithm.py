# SPDX-License-Identifier: Apache-2.0
"""Fixed-point logarithm, bit for bit TFLM ``log_x_for_x_greater_than_or_equal_to_1``.

Qm.n names an int32 with m integer and n = 31 - m fractional bits.
"""

from __future__ import annotations

import numpy as np

from tinygen.numerics.exponential import one_over_one_plus_x
from tinygen.numerics.fixed_point import high_mul, saturating_shift_left

_LOG_2 = 1488522236
_SQRT_SQRT_HALF = 1805811301
_SQRT_HALF = 1518500250
_ALPHA_N = 117049297
_ALPHA_D = 127690142
_ALPHA_I = 1057819769
_ALPHA_F = 638450708
_POWER_BITS = 25
"""Fractional bits of the power of two, Q6.25."""
_QUARTER = 1 << (_POWER_BITS - 2)


def _rounded_right(x: int, bits: int) -> int:
    """Divide by 2**bits, halves away from zero."""
    half = 1 << (bits - 1)
    return (x + half) >> bits if x >= 0 else -((-x + half) >> bits)


def _half_sum(a: int, b: int) -> int:
    total = a + b
    return (total + 1) // 2 if total >= 0 else -((1 - total) // 2)


def logarithm(x: int, integer_bits: int) -> int:
    """log(x) in Q5.26 for x >= 1 in Q(integer_bits)."""
    zeros = 32 - x.bit_length()
    first = saturating_shift_left(high_mul(saturating_shift_left(x, zeros - 1), _SQRT_HALF), 1)
    first_power = ((integer_bits - zeros) << _POWER_BITS) + _QUARTER
    headroom = 31 - high_mul(x, _SQRT_HALF).bit_length()
    second = saturating_shift_left(x, headroom)
    second_power = ((integer_bits - headroom) << _POWER_BITS) - _QUARTER
    r, power = min(first, second), max(first_power, second_power)
    p = _half_sum(r, _SQRT_SQRT_HALF)
    q = 2 * (r - _SQRT_SQRT_HALF)
    square = high_mul(q, q)
    numerator = high_mul(q, r) + high_mul(high_mul(q, square), _ALPHA_N)
    inner = _ALPHA_I + q + high_mul(_ALPHA_D, square)
    denominator = high_mul(p, inner) + high_mul(_ALPHA_F, q)
    (reciprocal,) = one_over_one_plus_x(np.array([denominator], dtype=np.int32)).tolist()
    scaled = high_mul(_rounded_right(numerator, 6), reciprocal)
    return saturating_shift_left(high_mul(power, _LOG_2) + scaled, 1)
