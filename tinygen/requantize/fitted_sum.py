# SPDX-License-Identifier: Apache-2.0
"""A quantized sum of two int8 operands as one multiply-add and one shift, with proof.

TFLite's ADD scales each operand with its own rounding, adds, and scales the sum with another. For
int8 the result is a function of 65,536 pairs. Where

    clamp((lhs · L + rhs · R + C) >> E)

gives it for all of them, it is used instead. For given L, R and E the constants C that do are an
interval; L and R are looked for around the real factors, first on the pairs whose real result is
close to where the output changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.numerics.fixed_point import INT32_MAX, Int64Array

_DEVIATIONS = np.arange(-4, 5, dtype=np.int64)
_LEAST_SHIFT = 14
_NEAR = 2.0**-5
"""Steps of the output within which a pair is close to a change."""
_FAR = np.int64(1 << 40)


@dataclass(frozen=True)
class FittedSum:
    """L, R, C and E."""

    lhs: int
    rhs: int
    addend: int
    shift: int


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Some pairs of operands and their outputs; all arrays are flat."""

    lhs: Int64Array
    rhs: Int64Array
    outputs: Int64Array
    clamp: tuple[int, int]

    def addends(
        self, left: Int64Array, right: Int64Array, shift: int
    ) -> tuple[Int64Array, Int64Array]:
        """(least, most) C for factors that broadcast, over a new last axis of pairs."""
        unit = 1 << shift
        products = left[..., None] * self.lhs + right[..., None] * self.rhs
        bottom = np.where(self.outputs > self.clamp[0], self.outputs * unit, -_FAR) - products
        top = (
            np.where(self.outputs < self.clamp[1], self.outputs * unit + unit - 1, _FAR) - products
        )
        return bottom.max(axis=-1, initial=-_FAR), top.min(axis=-1, initial=_FAR)


def fit_sum(
    outputs: Int64Array,
    factors: tuple[float, float],
    addend: float,
    clamp: tuple[int, int],
    most_shift: int,
) -> FittedSum | None:
    """Constants that give ``outputs`` for all pairs, or None if none were found.

    Args:
        outputs: the exact result, clamped, for lhs (first axis) and rhs from -128 to 127.
        factors: the real factors from lhs and rhs to the output, in steps of the output.
        addend: the real result for operands of 0, with a half to round.
        clamp: the range of ``outputs``.
        most_shift: largest E.
    """
    values = np.arange(-128, 128, dtype=np.int64)
    lhs, rhs = (axis.reshape(-1) for axis in np.meshgrid(values, values, indexing="ij"))
    every = _Pairs(lhs, rhs, outputs.reshape(-1), clamp)
    real = lhs * factors[0] + rhs * factors[1] + addend
    close = np.abs(real - np.rint(real)) < _NEAR
    close &= (real > clamp[0] + 1 - _NEAR) & (real < clamp[1] + _NEAR)
    near = _Pairs(lhs[close], rhs[close], every.outputs[close], clamp)
    # The sum stays in 32 bits: both products, the addend, and what the factors are off by.
    reach = float(np.abs(real).max()) + 8
    largest = min(most_shift, int(np.floor(np.log2(INT32_MAX / reach))))
    for shift in range(largest, _LEAST_SHIFT - 1, -1):
        nominal = [round(factor * (1 << shift)) for factor in factors]
        left = (nominal[0] + _DEVIATIONS)[:, None] + np.zeros_like(_DEVIATIONS)
        right = (nominal[1] + _DEVIATIONS)[None, :] + np.zeros_like(_DEVIATIONS)[:, None]
        least, most = near.addends(left, right, shift)
        for i, j in np.argwhere(least <= most):
            found = _complete(every, left[i, j : j + 1], right[i, j : j + 1], shift)
            if found is not None:
                return found
    return None


def _complete(every: _Pairs, left: Int64Array, right: Int64Array, shift: int) -> FittedSum | None:
    """The constants with these factors, if they are right for all pairs, in 32 bits."""
    least, most = every.addends(left, right, shift)
    if least[0] > most[0]:
        return None
    addend = int((least[0] + most[0]) // 2)
    if least[0] == -_FAR or most[0] == _FAR:
        addend = int(most[0] if least[0] == -_FAR else least[0])
    addend = max(min(addend, INT32_MAX), -INT32_MAX)
    sums = every.lhs * left[0] + every.rhs * right[0] + addend
    if np.abs(sums).max() > INT32_MAX:
        return None
    if not np.array_equal(np.clip(sums >> shift, *every.clamp), every.outputs):
        return None
    return FittedSum(int(left[0]), int(right[0]), addend, shift)
