# SPDX-License-Identifier: Apache-2.0
"""Real functions of float32 operators, operation for operation as ``real_functions.h`` computes them.

They are evaluated in single precision by additions, multiplications and divisions in a fixed order,
each rounded once as IEEE 754 defines it, so that the C has the same bits on every target.
``python -m benchmarks.real_functions`` prints how far they are from the real functions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Int32Array = NDArray[np.int32]

_F = np.float32
_LOG2_E = _F(1.44269504)
_MAGIC = _F(12582912.0)
_LN2_FIRST, _LN2_REST = _F(0.693359375), _F(-2.12194440e-4)
_ROOT_HALF_BITS = 0x3F3504F3
_EXP = tuple(map(_F, (0.5, 0.1666652, 0.041666392, 0.008368832, 0.0013941536)))
"""(e^x - 1 - x) / x² as a polynomial of x, |x| <= ln(2) / 2: lowest coefficient first, as below."""
_LOG = tuple(
    map(
        _F,
        (
            0.3333333,
            -0.25000823,
            0.20001249,
            -0.16623314,
            0.14201306,
            -0.13160236,
            0.12764585,
            -0.07637878,
        ),
    )
)
"""(ln(1 + x) - x + x² / 2) / x³ as a polynomial of x, for 1 + x from √½ to √2."""
_TANH = tuple(map(_F, (-0.33333284, 0.13331486, -0.053743172, 0.020649709, -0.005716203)))
"""(tanh(x) / x - 1) / x² as a polynomial of x², for |x| < 0.625."""


def _quiet(compute: Callable[[Float32Array], Float32Array]) -> Callable[..., Float32Array]:
    """With the infinities and NaN of IEEE 754 in place of warnings."""

    def computed(x: Float32Array) -> Float32Array:
        with np.errstate(all="ignore"):
            return compute(x)

    computed.__doc__ = compute.__doc__
    return computed


def _powers_of_two(x: Float32Array) -> tuple[Float32Array, Int32Array]:
    """What is left of x, and how often ln 2 was taken off; |x| < 2000."""
    whole = (x * _LOG2_E + _MAGIC) - _MAGIC
    return (x - whole * _LN2_FIRST) - whole * _LN2_REST, whole.astype(np.int32)


def _expm1_series(x: Float32Array) -> Float32Array:
    """e**x - 1 for |x| <= ln(2) / 2."""
    square = x * x
    low = _EXP[0] + x * _EXP[1]
    high = _EXP[2] + x * _EXP[3] + square * _EXP[4]
    result: Float32Array = x + square * (low + square * high)
    return result


@_quiet
def exp(x: Float32Array) -> Float32Array:
    """e**x."""
    usable = np.where((x > _F(-104)) & (x <= _F(89)), x, _F(0))
    rest, whole = _powers_of_two(usable)
    result = np.ldexp(_F(1) + _expm1_series(rest), whole)
    result = np.where(x > _F(89), _F(np.inf), np.where(x > _F(-104), result, _F(0)))
    return np.where(np.isnan(x), x, result)


@_quiet
def expm1_of_negative(x: Float32Array) -> Float32Array:
    """e**x - 1 for x <= 0."""
    rest, whole = _powers_of_two(np.where((x > _F(-20)) & (x <= 0), x, _F(0)))
    scale = np.ldexp(_F(1), whole)
    result = np.where(x > _F(-20), (scale - _F(1)) + scale * _expm1_series(rest), _F(-1))
    return np.where(np.isnan(x), x, result)


@_quiet
def log(x: Float32Array) -> Float32Array:
    """Natural logarithm; of 0 minus infinity, of less NaN."""
    usable = np.where((x > 0) & np.isfinite(x), x, _F(1))
    tiny = usable < np.finfo(np.float32).tiny
    bits = np.where(tiny, usable * _F(2**23), usable).view(np.int32)
    power = (bits - _ROOT_HALF_BITS) >> 23
    exponent = (power - np.where(tiny, 23, 0)).astype(np.float32)
    f = (bits - (power << 23)).astype(np.int32).view(np.float32) - _F(1)
    square = f * f
    first, second, third, fourth = (
        low + f * high for low, high in zip(_LOG[::2], _LOG[1::2], strict=True)
    )
    series = first + square * (second + square * (third + square * fourth))
    small = f * square * series + exponent * _LN2_REST
    result = (f + (small - _F(0.5) * square)) + exponent * _LN2_FIRST
    result = np.where(x == 0, _F(-np.inf), np.where(x < 0, _F(np.nan), result))
    return np.where(np.isnan(x) | np.isposinf(x), x, result)


@_quiet
def tanh(x: Float32Array) -> Float32Array:
    """Hyperbolic tangent."""
    magnitude = np.abs(x)
    z = np.where(magnitude < _F(0.625), x * x, _F(0))
    square = z * z
    low = _TANH[0] + z * _TANH[1]
    high = _TANH[2] + z * _TANH[3] + square * _TANH[4]
    near = x + x * (z * (low + square * high))
    far: Float32Array = np.copysign(_F(1) - _F(2) / (exp(magnitude + magnitude) + _F(1)), x)
    return np.where(magnitude < _F(0.625), near, far)


@_quiet
def logistic(x: Float32Array) -> Float32Array:
    """TFLM's: 1 / (1 + exp(-x)), exp(x) below -9, 1 above 16.619."""
    power = exp(np.where(x < _F(-9), x, -x))
    result = np.where(x < _F(-9), power, _F(1) / (_F(1) + power))
    return np.where(x > _F(16.619047164916992188), _F(1), result)


def rounded_to_even(x: Float32Array) -> Float32Array:
    """TFLM ``RoundToNearest``: halves to the even neighbour, by way of floor."""
    with np.errstate(invalid="ignore"):
        low = np.floor(x)
        difference = x - low
        even = np.floor(low * np.float32(0.5)) == low * np.float32(0.5)
        keeps = (difference < np.float32(0.5)) | ((difference == np.float32(0.5)) & even)
        return np.where(keeps, low, low + np.float32(1.0)).astype(np.float32)
