# SPDX-License-Identifier: Apache-2.0
"""Real functions that single precision cannot reach, operation for operation as in ``double_math.h``.

Sine and cosine of large arguments, and the exponential of a square, are evaluated in double precision
by additions, multiplications and divisions alone (which IEEE 754 defines to the bit) and rounded to
float32 once, so that the C has the same bits on every target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
_EXP_LIMITS = (-150.0, 100.0)
_TRIGONOMETRIC_LIMIT = 1.0e9

_EXP = tuple(1.0 / factorial for factorial in (362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1))
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


def float32(x: Float64Array) -> Float32Array:
    """Round to float32."""
    with np.errstate(over="ignore", under="ignore"):
        return x.astype(np.float32)


def in_double(
    compute: Callable[[Float64Array], Float64Array],
) -> Callable[[Float32Array], Float32Array]:
    """A real function of float32, computed in double precision and rounded once."""
    return lambda x: float32(compute(x.astype(np.float64)))
