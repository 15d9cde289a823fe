# SPDX-License-Identifier: Apache-2.0
"""Multipliers and rounding against their definitions in exact rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinygen.numerics.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    Requantization,
    multiply_by_quantized_multiplier,
    multiply_rounding_once,
    quantize_multiplier,
    round_half_away,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    split_real,
    wrap_int32,
)

_INT32 = st.integers(INT32_MIN, INT32_MAX)
_MULTIPLIER = st.integers(1 << 30, INT32_MAX)


def _array(value: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array([value], dtype=np.int32)


def _half_away(value: Fraction) -> int:
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


@pytest.mark.parametrize(
    ("value", "expected"), [(0.5, 1), (-0.5, -1), (2.5, 3), (-2.5, -3), (0.49999999999999994, 0)]
)
def test_round_half_away(value: float, expected: int) -> None:
    assert round_half_away(value) == expected


@given(st.floats(2.0**-31, 2.0**30, allow_nan=False))
@example(1.0)
@example(1.0 - 2.0**-40)
def test_multiplier_is_the_nearest(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert 1 << 30 <= multiplier <= INT32_MAX
    error = abs(Fraction(multiplier) * Fraction(2) ** (shift - 31) - Fraction(real))
    assert error <= Fraction(2) ** (shift - 31)


@pytest.mark.parametrize("real", [0.0, 2.0**-33, 2.0**-60])
def test_tiny_multipliers_flush_to_zero(real: float) -> None:
    assert quantize_multiplier(real) == (0, 0)


@given(_INT32, _INT32)
@example(INT32_MIN, INT32_MIN)
def test_high_mul(a: int, b: int) -> None:
    # Round to nearest; of two equally near, the greater: gemmlowp's nudge.
    exact = math.floor(Fraction(a * b, 2**31) + Fraction(1, 2))
    (high,) = saturating_rounding_doubling_high_mul(_array(a), _array(b))
    assert high == min(exact, INT32_MAX)


@given(_INT32, st.integers(0, 31))
def test_divide_by_power_of_two(x: int, exponent: int) -> None:
    (quotient,) = rounding_divide_by_pot(_array(x), exponent)
    assert quotient == _half_away(Fraction(x, 2**exponent))


@given(_INT32, _MULTIPLIER, st.integers(-31, 0))
def test_double_rounding(x: int, multiplier: int, shift: int) -> None:
    high = math.floor(Fraction(x * multiplier, 2**31) + Fraction(1, 2))
    (scaled,) = multiply_by_quantized_multiplier(_array(x), multiplier, shift)
    assert scaled == _half_away(Fraction(high) * Fraction(2) ** shift)


@given(_INT32, st.floats(2.0**-45, 2.0**29, allow_subnormal=False))
@example(-5, 0.5)
@example(INT32_MIN, 2.0**29)
@example(INT32_MIN, 2.0**-32)
def test_rounding_once(x: int, real: float) -> None:
    parts = (np.array([part], dtype=np.int32) for part in split_real(real))
    (scaled,) = multiply_rounding_once(_array(x), *parts)
    assert scaled == _half_away(Fraction(x) * Fraction(real))


@given(st.integers(-(2**62), 2**62))
def test_wrap(x: int) -> None:
    wrapped = int(wrap_int32(np.array(x)))
    assert INT32_MIN <= wrapped <= INT32_MAX
    assert (wrapped - x) % 2**32 == 0


def test_requantization_takes_its_multiplier_by_channel() -> None:
    requantization = Requantization(
        multipliers=np.array([1 << 30, 1 << 30], dtype=np.int32),
        shifts=np.array([1, 0], dtype=np.int32),
        zero_point=3,
        clamp_min=-10,
        clamp_max=60,
    )
    outputs = requantization.apply(np.array([[10, 11], [-40, -11], [90, 114]], dtype=np.int32))
    # Half of an odd number: -11 / 2 becomes -5 in the first rounding, which halves upwards.
    assert outputs.tolist() == [[13, 9], [-10, -2], [60, 60]]
