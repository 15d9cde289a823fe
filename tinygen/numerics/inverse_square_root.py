# SPDX-License-Identifier: Apache-2.0
"""Fixed-point inverse square root, bit for bit TFLM ``GetInvSqrtQuantizedMultiplierExp``."""

from __future__ import annotations

from tinygen.numerics.fixed_point import INT32_MAX, high_mul, saturating_shift_left

_HALF_SQRT_2 = 1518500250
_HALF_THREE = (1 << 28) + (1 << 27)


def inverse_square_root(value: int) -> tuple[int, int]:
    """1 / sqrt(value) as (multiplier, shift); a positive shift goes to the left.

    ``value`` is a positive int32. Five Newton-Raphson steps from 1, in Q3.28.
    """
    if value <= 1:
        return INT32_MAX, 0
    shift = 11
    while value >= 1 << 29:
        value //= 4
        shift += 1
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    shift -= pairs
    value <<= 2 * pairs
    operand = value >> 1
    half = (operand >> 1) + (1 if operand & 1 else 0)
    x = 1 << 28
    for _ in range(5):
        # Products of Q3s are Q6s and Q9s; each is rescaled to Q3.
        cube = saturating_shift_left(high_mul(high_mul(x, x), x), 6)
        x = saturating_shift_left(high_mul(_HALF_THREE, x) - high_mul(half, cube), 3)
    x = high_mul(x, _HALF_SQRT_2)
    if shift < 0:
        x <<= -shift
        shift = 0
    return x, -shift
