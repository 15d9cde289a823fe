# SPDX-License-Identifier: Apache-2.0
"""Real functions of float32 operators, operation for operation as ``float_math.h`` computes them.

Each is evaluated in double precision by additions, multiplications and divisions alone (which IEEE
754 defines to the bit) and rounded to float32 once, so that the C has the same bits on every target.
The results are at most one unit in the last place from correctly rounded ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.693147180369123816490
_LN2_LOW = 1.90821492927058770002e-10
_TWO_OVER_PI = 0.6366197723675814
_PI_2_HIGH = 1.57079632673412561417
_PI_2_LOW = 6.07710050650619224932e-11
_SQRT_2 = 1.4142135623730951
_EXP_LIMITS = (-150.0, 100.0)
_SMALL = 0.02
_TRIGONOMETRIC_LIMIT = 1.0e9

_EXP = tuple(1.0 / factorial for factorial in (362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1))
_LOG = tuple(1.0 / odd for odd in (15, 13, 11, 9, 7, 5, 3, 1))
_SIN = (1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0)
_COS = (
    -1.0 / 87178291200,
    1.0 / 479001600,
    -1.0 / 3628800,
    1.0 / 40320,
    -1.0 / 720,
    1.0 / 24,
    -0.5,
    1.0,
)


def polynomial(coefficients: Sequence[float], x: Float64Array) -> Float64Array:
    """Horner's scheme, highest coefficient first."""
    result: Float64Array = np.full(x.shape, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def _rounded(x: Float64Array) -> Float64Array:
    """To the nearest integer, halves away from zero; never minus zero."""
    return np.trunc(x + np.copysign(0.5, x)) + 0.0


def exp(x: Float64Array) -> Float64Array:
    """e**x in double precision."""
    limited = np.clip(x, *_EXP_LIMITS)
    finite = np.where(np.isnan(limited), 0.0, limited)
    powers = _rounded(finite * _LOG2_E)
    rest = (finite - powers * _LN2_HIGH) - powers * _LN2_LOW
    result: Float64Array = polynomial(_EXP, rest) * np.ldexp(1.0, powers.astype(np.int32))
    return np.where(np.isnan(x), x, result)


def expm1(x: Float64Array) -> Float64Array:
    """e**x - 1, exact near 0 too."""
    near = x * (1.0 + x * (0.5 + x * (1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120)))))
    return np.where(np.abs(x) < _SMALL, near, exp(x) - 1.0)


def log(x: Float64Array) -> Float64Array:
    """Natural logarithm; of 0 minus infinity, of less NaN."""
    usable = np.where((x > 0) & np.isfinite(x), x, 1.0)
    fraction, exponent = np.frexp(usable)
    low = fraction * _SQRT_2 < 1.0
    mantissa = np.where(low, fraction * 2.0, fraction)
    powers = (exponent - low).astype(np.float64)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    series = polynomial(_LOG, ratio * ratio)
    result = (2.0 * ratio) * series + powers * (_LN2_HIGH + _LN2_LOW)
    result = np.where(x == 0, -np.inf, np.where(x < 0, np.nan, result))
    return np.where(np.isnan(x) | np.isposinf(x), x, result)


def _sine_of_quadrant(x: Float64Array, quarter_turns: int) -> Float64Array:
    usable = np.where(np.abs(x) <= _TRIGONOMETRIC_LIMIT, x, 0.0)
    quadrants = _rounded(usable * _TWO_OVER_PI)
    rest = (usable - quadrants * _PI_2_HIGH) - quadrants * _PI_2_LOW
    square = rest * rest
    sine = rest * polynomial(_SIN, square)
    cosine = polynomial(_COS, square)
    turns = (quadrants.astype(np.int64) + quarter_turns) & 3
    value = np.where(turns & 1, cosine, sine)
    result = np.where(turns & 2, -value, value)
    return np.where(np.abs(x) <= _TRIGONOMETRIC_LIMIT, result, np.nan)


def sin(x: Float64Array) -> Float64Array:
    """Sine; NaN beyond ±1e9."""
    return _sine_of_quadrant(x, 0)


def cos(x: Float64Array) -> Float64Array:
    """Cosine; NaN beyond ±1e9."""
    return _sine_of_quadrant(x, 1)


def tanh(x: Float64Array) -> Float64Array:
    """Hyperbolic tangent."""
    square = x * x
    near = x * (1.0 - square * (1.0 / 3 - square * (2.0 / 15)))
    power = exp(2.0 * np.clip(x, -20.0, 20.0))
    return np.where(np.abs(x) < _SMALL, near, (power - 1.0) / (power + 1.0))


def float32(x: Float64Array) -> Float32Array:
    """Round to float32."""
    with np.errstate(over="ignore", under="ignore"):
        return x.astype(np.float32)


def logistic(x: Float32Array) -> Float32Array:
    """TFLM's: 1 / (1 + exp(-x)) in float32, exp(x) below -9, 1 above 16.619."""
    with np.errstate(over="ignore", under="ignore"):
        inner = np.float32(1.0) / (np.float32(1.0) + float32(exp(-x.astype(np.float64))))
        low = float32(exp(x.astype(np.float64)))
    middle = np.where(x < np.float32(-9.0), low, inner)
    return np.where(x > np.float32(16.619047164916992188), np.float32(1.0), middle).astype(
        np.float32
    )


def rounded_to_even(x: Float32Array) -> Float32Array:
    """TFLM ``RoundToNearest``: halves to the even neighbour, by way of floor."""
    with np.errstate(invalid="ignore"):
        low = np.floor(x)
        difference = x - low
        even = np.floor(low * np.float32(0.5)) == low * np.float32(0.5)
        keeps = (difference < np.float32(0.5)) | ((difference == np.float32(0.5)) & even)
        return np.where(keeps, low, low + np.float32(1.0)).astype(np.float32)
