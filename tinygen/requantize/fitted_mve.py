# SPDX-License-Identifier: Apache-2.0
"""Requantization for Helium in one multiplication and one shift, with proof.

The vector form of an accumulator a is

    clamp((C + (2 · (a + n) · M >> 32)) >> E)

(VADD, VQDMLASH, VQRSHRN; n joins the bias). As in ``tinygen.requantize.fitted``, the constants
D = C · 2**32 + 2 · n · M that put every step of the staircase in its place are an interval. Unlike
there, E is an immediate operand: one shift for all channels of a layer, and all of them need a fit.
So n may be as large as it takes, and is computed instead of searched: the least n for which
2 · n · M mod 2**32 falls into a range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinygen.numerics.fixed_point import INT32_MAX, Int32Array, Int64Array, Requantization, Rounding
from tinygen.requantize.fitted import thresholds

_MOST_SHIFT = 22
"""Largest E: C and the saturating narrowing have room up to it."""
_USUAL_SHIFTS = (1, 3, 5, 9, 12, 15, 18, 22)
"""E that is tried first: the largest one here that a layer allows."""
_SAFE = 1 << 29
"""Accumulators below this leave room for n and for 64-bit arithmetic here."""
_MOST_NUDGE = 1 << 28
_MULTIPLIER_STEPS = (0, -1, 1, -2, 2, -3, 3)
"""Distances from the rounded multiplier that are tried, the nearest first."""
_FAR = 1 << 61
"""Beyond every D that a step asks for."""


@dataclass(frozen=True, eq=False)
class FittedVector:
    """E, and one n, M and C a channel."""

    shift: int
    nudges: Int32Array
    multipliers: Int32Array
    constants: Int32Array

    def apply(self, accumulators: Int64Array) -> Int64Array:
        """The form before the clamp; the last axis of ``accumulators`` is the channel."""
        nudged = accumulators + self.nudges.astype(np.int64)
        product = (2 * nudged * self.multipliers.astype(np.int64)) >> 32
        result: Int64Array = (product + self.constants.astype(np.int64)) >> self.shift
        return result


def fit_vector(q: Requantization, low: Int64Array, high: Int64Array) -> FittedVector | None:
    """Constants equal to ``q`` for every accumulator in [low, high], or None if a channel has none.

    ``q`` has an entry a channel. The clamp is still to be applied where it is narrower than int8.
    """
    if q.rounding is not Rounding.DOUBLE or q.shifts.max() > 0 or q.clamp_min > q.clamp_max:
        return None
    # The output of some channels never changes (weights of 0). It is C >> E with M = 0, and their
    # scales, which may be anything, have no say in E.
    at_low = q.apply(low.astype(np.int32)).astype(np.int64)
    varying = np.flatnonzero(at_low != q.apply(high.astype(np.int32)))
    low, high = low[varying], high[varying]
    largest = int(np.min(-q.shifts[varying], initial=_MOST_SHIFT))
    if largest < 1 or np.maximum(np.abs(low), np.abs(high)).max(initial=0) >= _SAFE:
        return None
    part = replace(q, multipliers=q.multipliers[varying], shifts=q.shifts[varying], fractions=None)
    # Layers with the same E can share assembly, so a usual one is tried first.
    usual = max(shift for shift in _USUAL_SHIFTS if shift <= largest)
    found = _search(part, low, high, usual)
    if found is None and usual < largest:
        found = _search(part, low, high, largest)
    if found is None:
        return None
    shift = found.shift
    nudges, multipliers = np.zeros((2, len(at_low)), dtype=np.int32)
    constants = at_low << shift
    nudges[varying], multipliers[varying] = found.nudges, found.multipliers
    constants[varying] = found.constants
    return FittedVector(shift, nudges, multipliers, constants.astype(np.int32))


def _search(
    q: Requantization, low: Int64Array, high: Int64Array, shift: int
) -> FittedVector | None:
    steps, _ = thresholds(q, low, high)
    outputs = np.arange(q.clamp_min + 1, q.clamp_max + 1, dtype=np.int64)
    goal = (outputs << (shift + 32))[None, :]
    reached = steps <= high[:, None]
    left = steps > low[:, None]
    channels = len(low)
    nudges, constants, multipliers = np.zeros((3, channels), dtype=np.int64)
    open_channels = np.arange(channels)
    excess = -q.shifts.astype(np.int64) - shift
    rounded = (q.multipliers.astype(np.int64) + ((np.int64(1) << excess) >> 1)) >> excess
    for step in _MULTIPLIER_STEPS:
        # With nothing to round, the true multiplier is the only one worth trying.
        candidate = np.clip(rounded + np.where(excess > 0, step, 0), 0, INT32_MAX)
        slope = 2 * candidate[:, None]
        least = np.where(reached, goal - steps * slope, -_FAR).max(axis=1, initial=-_FAR)
        above = np.where(left, goal - (steps - 1) * slope, _FAR).min(axis=1, initial=_FAR)
        still_open = []
        for channel in open_channels:
            split = _split(2 * int(candidate[channel]), int(least[channel]), int(above[channel]))
            if split is None:
                still_open.append(channel)
                continue
            nudges[channel], constants[channel] = split
            multipliers[channel] = candidate[channel]
        open_channels = np.array(still_open, dtype=np.int64)
        if not still_open:
            break
    else:
        return None
    found = FittedVector(
        shift,
        nudges.astype(np.int32),
        multipliers.astype(np.int32),
        constants.astype(np.int32),
    )
    _prove(found, q, steps, low, high)
    return found


def _split(slope: int, least: int, above: int) -> tuple[int, int] | None:
    """The (n, C) with least <= C · 2**32 + n · slope < above, n as small as can be."""
    modulus = 1 << 32
    if least >= above:
        return None
    first, last = least % modulus, (above - 1) % modulus
    n: int | None = 0
    if above - least < modulus and first <= last:
        n = _first_inside(slope % modulus, modulus, first, last)
    if n is None or n > _MOST_NUDGE:
        return None
    constant = -((n * slope - least) // modulus)
    return (n, constant) if abs(constant) <= INT32_MAX // 2 else None


def _first_inside(factor: int, modulus: int, first: int, last: int) -> int | None:
    """The least x >= 0 with first <= factor · x mod modulus <= last (0 <= first <= last < modulus)."""
    if first == 0:
        return 0
    if factor == 0:
        return None
    x = -(-first // factor)
    if factor * x <= last:
        return x
    # The multiples of factor must first pass multiples of modulus: how many, is the same question
    # with smaller numbers.
    turns = _first_inside(modulus % factor, factor, -last % factor, -first % factor)
    return None if turns is None else -(-(first + modulus * turns) // factor)


def _prove(
    found: FittedVector, q: Requantization, steps: Int64Array, low: Int64Array, high: Int64Array
) -> None:
    """Check both forms on both sides of every step in reach, and at the ends.

    Both are monotone, and where the definition does not change, neither may the form: equality at
    these points is equality in between.

    Raises:
        AssertionError: they differ, which no input should be able to bring about.
    """
    before = np.clip(steps - 1, low[:, None], high[:, None])
    at = np.clip(steps, low[:, None], high[:, None])
    points = np.concatenate([before, at, low[:, None], high[:, None]], axis=1).T
    expected = q.apply(points.astype(np.int32))
    outputs = np.arange(q.clamp_min + 1, q.clamp_max + 1)[:, None]
    count = len(outputs)
    # The steps are where the definition changes, or these points prove nothing.
    below = (expected[:count] < outputs) | np.less_equal(steps.T, low)
    reached = (expected[count : 2 * count] >= outputs) | np.greater(steps.T, high)
    true_steps = np.all(below) and np.all(reached)
    got = np.clip(found.apply(points), q.clamp_min, q.clamp_max)
    if not (true_steps and np.array_equal(got, expected)):
        raise AssertionError("a fitted requantization does not equal its definition")
