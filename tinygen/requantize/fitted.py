# SPDX-License-Identifier: Apache-2.0
"""Requantization fitted to the accumulators that a channel can reach, with proof.

The two roundings, the zero point and the lower clamp of TFLite's requantization are a monotone
staircase of the accumulator with at most 255 steps. So is

    f(a) = (C + ((F·(a - origin) + n)·M >> 32)) >> E

which a Cortex-M4 computes with SMMLA and the shift within SSAT (``n`` and the origin join the bias),
and Helium with VQDMLASH (``product_bits`` 31). Two such staircases are equal if they agree at every
step of one of them and at the accumulator before it. All constants that pass lie, for a given M, in
one interval of C·2**32 + n·M, which is computed, not searched; the constants found are then checked
against ``Requantization`` itself. Channels for which nothing passes are not fitted: they need
another form, ``exact_form`` or the definition.

A linear output (its zero point inside the clamp) has two different roundings below and above zero,
one accumulator step apart, which f cannot follow unless few steps are in reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.numerics import fixed_point as fp

BoolArray = NDArray[np.bool_]

_MOST_NUDGES = 1 << 16
"""Values of n that are tried."""

_ATTEMPTS = 4
"""Values of M that are tried for a channel."""

_DIGITS = 15
"""M is varied by up to 2**_DIGITS."""

_SAFE = (1 << 31) - (1 << 9)
"""Shifted accumulators below this neither saturate nor wrap in the definition."""

_MOST_RIGHT = 21
"""Right shifts up to which thresholds with one rounding are computed in 64 bits."""

_FAR = np.int64(1 << 62)


@dataclass(frozen=True, eq=False)
class FittedRequantization:
    """Constants of f (see the module), one entry a channel.

    ``fitted`` says which channels have them (the entries of others are 0); ``shift`` is E, ``scale``
    is F, ``low`` and ``high`` bound the accumulators for which equality is proven. ``offset`` was
    added to every output (0: f gives the output itself).
    """

    multipliers: fp.Int32Array
    nudges: fp.Int32Array
    constants: fp.Int32Array
    origins: fp.Int64Array
    scales: fp.Int64Array
    shift: int
    offset: int
    low: fp.Int64Array
    high: fp.Int64Array
    fitted: BoolArray
    product_bits: int = 32

    @property
    def note(self) -> str:
        """What was proven, for the plan."""
        count = int(self.fitted.sum())
        text = f"requantization: {count} of {len(self.fitted)} channels fitted"
        if count:
            low, high = self.low[self.fitted].min(), self.high[self.fitted].max()
            text += f", proven for every accumulator in [{low}, {high}]"
        return text

    def apply(self, accumulators: fp.Int64Array) -> fp.Int64Array:
        """What f gives for accumulators whose last axis is the channel, not yet clamped."""
        scaled = self.scales * (accumulators - self.origins) + self.nudges
        high = (scaled * self.multipliers) >> self.product_bits
        result: fp.Int64Array = (self.constants + high) >> self.shift
        return result


@dataclass(frozen=True, eq=False)
class ExactForm:
    """The definition in four instructions, for any output whose shifts do not go to the left.

        v = a + (a·M + 2**31 >> 32);  v += v >> 31;  out = (v·P + C) >> E

    SMMLAR, ADD, MLA and the shift within SSAT: SaturatingRoundingDoublingHighMul with M = 2·multiplier
    - 2**32, the nudge of RoundingDivideByPOT, and the shifts of all channels brought to the largest,
    E, by P. ``valid`` says for which channels nothing overflows.
    """

    multipliers: fp.Int32Array
    factors: fp.Int32Array
    constant: int
    shift: int
    valid: BoolArray

    def apply(self, accumulators: fp.Int64Array) -> fp.Int64Array:
        """The outputs for accumulators whose last axis is the channel, not yet clamped."""
        high = accumulators + ((accumulators * self.multipliers + (1 << 31)) >> 32)
        result: fp.Int64Array = ((high + (high >> 63)) * self.factors + self.constant) >> self.shift
        return result


def accumulator_bounds(
    weights: NDArray[np.int8], bias: fp.Int32Array, input_zero_point: int
) -> tuple[fp.Int64Array, fp.Int64Array]:
    """(least, greatest) accumulator of each channel over all int8 inputs.

    ``weights`` are (channels, …) with every tap of a channel's accumulator. A tap in the padding adds
    0, as an input at the zero point does, so every subset of taps stays in bounds.
    """
    # float64 is exact here and much faster than int64: sums stay far below 2**53.
    taps = weights.reshape(weights.shape[0], -1).astype(np.float64)
    total = taps.sum(axis=1)
    magnitude = np.abs(taps).sum(axis=1)
    positive, negative = (magnitude + total) / 2, (magnitude - total) / 2
    most, least = 127 - input_zero_point, -128 - input_zero_point
    start = bias.astype(np.int64)
    high = start + (positive * most - negative * least).astype(np.int64)
    low = start + (positive * least - negative * most).astype(np.int64)
    return low, high


def thresholds(
    q: fp.Requantization, low: fp.Int64Array, high: fp.Int64Array
) -> tuple[fp.Int64Array, BoolArray]:
    """The least accumulator that gives each output from clamp_min + 1 to clamp_max.

    Returns (channels, outputs), limited to [low, high + 1], and which channels can be treated so:
    those whose scaled accumulators neither saturate nor wrap.
    """
    outputs = np.arange(q.clamp_min + 1, q.clamp_max + 1, dtype=np.int64)[None, :] - q.zero_point
    channels = len(low)
    multiplier = np.broadcast_to(q.multipliers.astype(np.int64), channels)[:, None]
    shift = np.broadcast_to(q.shifts.astype(np.int64), channels)[:, None]
    bound = np.maximum(np.abs(low), np.abs(high))[:, None]
    if q.rounding is fp.Rounding.DOUBLE:
        left, right = np.clip(shift, 0, 30), np.clip(-shift, 0, 31)
        half = (np.int64(1) << right) >> 1
        # Halves are rounded away from zero, so results below zero start one later.
        scaled = (outputs << right) - half + ((outputs <= 0) & (right > 0))
        wanted = np.clip(scaled, fp.INT32_MIN, fp.INT32_MAX) * (1 << 31) - (1 << 30)
        steps = -((-wanted) // np.maximum(multiplier, 1))
        steps = -((-steps) >> left)
        usable = (bound << left) < _SAFE
    else:
        usable = (shift >= -_MOST_RIGHT) & ((bound << np.clip(shift, 0, 30)) < _SAFE)
        fraction = np.int64(0) if q.fractions is None else q.fractions.astype(np.int64)
        steps = _steps_rounding_once(
            outputs, multiplier, np.broadcast_to(fraction, channels)[:, None], shift
        )
    steps = np.where(multiplier > 0, steps, np.where(outputs <= 0, -_FAR, _FAR))
    return np.clip(steps, low[:, None], high[:, None] + 1), usable[:, 0]


def _steps_rounding_once(
    outputs: fp.Int64Array, multiplier: fp.Int64Array, fraction: fp.Int64Array, shift: fp.Int64Array
) -> fp.Int64Array:
    """The least integer of which ``multiply_rounding_once`` gives each output, or more."""
    right = 31 - np.clip(shift, -_MOST_RIGHT, 30)
    # The function is odd: results up to 0 mirror those from 1 on.
    mirrored = np.where(outputs > 0, outputs, 1 - outputs)
    wanted = (mirrored << right) - (np.int64(1) << (right - 1))
    real = multiplier + fraction * 2.0**-fp.FRACTION_BITS
    estimate = np.ceil(wanted / np.maximum(real, 1)).astype(np.int64)

    def reaches(magnitude: fp.Int64Array) -> BoolArray:
        limited = np.clip(magnitude, 0, fp.INT32_MAX)
        product = limited * multiplier + ((limited * fraction) >> fp.FRACTION_BITS)
        result: BoolArray = product >= wanted
        return result

    steps = estimate + 1 - reaches(estimate) - reaches(estimate - 1)
    result: fp.Int64Array = np.where(outputs > 0, steps, 1 - steps)
    return result


def largest_shift(q: fp.Requantization, scales: fp.Int64Array, usable: BoolArray) -> int:
    """The greatest E for which M stays below 2**31 in the usable channels, with 32 product bits."""
    digits = np.floor(np.log2(scales)).astype(np.int64)
    shifts = np.broadcast_to(q.shifts.astype(np.int64), len(scales))
    return int(np.min((digits - 1 - shifts)[usable], initial=24))


def fit(
    q: fp.Requantization,
    low: fp.Int64Array,
    high: fp.Int64Array,
    *,
    shift: int,
    scales: fp.Int64Array | int = 1,
    origins: fp.Int64Array | int = 0,
    offset: int = 0,
    product_bits: int = 32,
) -> FittedRequantization:
    """Find and prove the constants of f for accumulators in [low, high], channel by channel.

    Args:
        q: the definition; multipliers and shifts one a channel or one for all.
        low: least accumulator of each channel.
        high: greatest accumulator of each channel.
        shift: E.
        scales: F, what the kernel's accumulators are a multiple of.
        origins: what the kernel's accumulators lack.
        offset: added to every output, for kernels that clamp in another range than int8's.
        product_bits: what the product is shifted right by: 32 (SMMLA) or 31 (VQDMLASH).
    """
    channels = len(low)
    scale = np.broadcast_to(np.asarray(scales, np.int64), channels)
    origin = np.broadcast_to(np.asarray(origins, np.int64), channels)
    steps, usable = thresholds(q, low, high)
    usable &= scale * np.maximum(np.abs(low - origin), np.abs(high - origin)) < 1 << 31
    search = _Search(q, low, high, steps, scale, origin, shift, offset, product_bits)
    multiplier = np.zeros(channels, np.int64)
    nudge = np.zeros(channels, np.int64)
    constant = np.zeros(channels, np.int64)
    fitted = np.zeros(channels, np.bool_)
    candidate = search.ideal_multipliers()
    for attempt in range(_ATTEMPTS):
        wanted = np.flatnonzero(usable & ~fitted)
        if attempt:
            wanted = search.promising(wanted, candidate)
            candidate[wanted] = search.better_multipliers(wanted, candidate[wanted], attempt)
        if not wanted.size:
            break
        found, n, c = search.constants(wanted, candidate[wanted])
        chosen = wanted[found]
        multiplier[chosen], nudge[chosen], constant[chosen] = candidate[chosen], n[found], c[found]
        fitted[chosen] = True
    result = FittedRequantization(
        multipliers=multiplier.astype(np.int32),
        nudges=nudge.astype(np.int32),
        constants=constant.astype(np.int32),
        origins=origin,
        scales=scale,
        shift=shift,
        offset=offset,
        low=low,
        high=high,
        fitted=fitted,
        product_bits=product_bits,
    )
    _prove(result, q, steps)
    return result


@dataclass(frozen=True, eq=False)
class _Search:
    """The inequalities of one layer; K = C·2**product_bits + n·M is what they bound."""

    q: fp.Requantization
    low: fp.Int64Array
    high: fp.Int64Array
    steps: fp.Int64Array
    scale: fp.Int64Array
    origin: fp.Int64Array
    shift: int
    offset: int
    product_bits: int

    def ideal_multipliers(self) -> fp.Int64Array:
        """M of the real slope, rounded; more than int32 where E is too large."""
        slope = self.q.multipliers.astype(np.float64) * 2.0 ** (
            self.q.shifts.astype(np.float64) - 31 + self.product_bits + self.shift
        )
        limited = np.clip(np.rint(slope / self.scale), 0, 2.0**31 + 8)
        # A multiplier of 2**31 exactly may still do as 2**31 - 1.
        ideal: fp.Int64Array = np.where(limited == 2.0**31, fp.INT32_MAX, limited).astype(np.int64)
        return ideal

    def promising(self, channels: NDArray[np.intp], multiplier: fp.Int64Array) -> NDArray[np.intp]:
        """Those of the channels whose interval is there or nearly so, for this or another M."""
        least, most = self.intervals(channels, multiplier[channels])
        slope = multiplier[channels] * self.scale[channels]
        near = (most - least >= -(slope >> 2)) & (multiplier[channels] <= fp.INT32_MAX)
        chosen: NDArray[np.intp] = channels[near]
        return chosen

    def better_multipliers(
        self, channels: NDArray[np.intp], multiplier: fp.Int64Array, rank: int
    ) -> fp.Int64Array:
        """Another M for each channel: of those near, the one with the widest interval.

        Each rank looks at other ones.
        """
        best: fp.Int64Array = multiplier.copy()
        widest = np.full(len(channels), -_FAR, np.int64)
        for digit in range(_DIGITS):
            for change in (1 << digit, -(1 << digit)):
                candidate = np.clip(multiplier + change * (2 * rank - 1), 0, fp.INT32_MAX)
                least, most = self.intervals(channels, candidate)
                wider = most - least > widest
                best[wider], widest[wider] = candidate[wider], (most - least)[wider]
        return best

    def intervals(
        self, channels: NDArray[np.intp], multiplier: fp.Int64Array
    ) -> tuple[fp.Int64Array, fp.Int64Array]:
        """(least, greatest) K that passes every step; least > greatest if none does."""
        bits = self.product_bits + self.shift
        q = self.q
        outputs = np.arange(q.clamp_min + 1, q.clamp_max + 1, dtype=np.int64) + self.offset
        goal = (outputs << bits)[None, :]
        steps = self.steps[channels]
        low, high = self.low[channels, None], self.high[channels, None]
        slope = (multiplier * self.scale[channels])[:, None]
        reached = goal - slope * (steps - self.origin[channels, None])
        # The accumulator before a step is one slope lower.
        least = np.where(steps <= high, reached, -_FAR).max(axis=1, initial=-_FAR)
        most = np.where(steps > low, reached + (slope - 1), _FAR).min(axis=1, initial=_FAR)
        # A channel with no step in reach has only one bound, or none: stay near it.
        return np.maximum(least, most - _FAR // 2), np.minimum(
            most, np.maximum(least, 0) + _FAR // 2
        )

    def constants(
        self, channels: NDArray[np.intp], multiplier: fp.Int64Array
    ) -> tuple[BoolArray, fp.Int64Array, fp.Int64Array]:
        """(found, n, C) of the channels for these multipliers."""
        least, most = self.intervals(channels, multiplier)
        unit = np.int64(1) << self.product_bits
        room = most - least
        scaled_high = self.scale[channels] * (self.high[channels] - self.origin[channels])
        most_nudges = np.minimum(fp.INT32_MAX - scaled_high, _MOST_NUDGES)
        found = np.zeros(len(channels), np.bool_)
        nudge = np.zeros(len(channels), np.int64)
        open_channels = np.flatnonzero(
            (room >= 0) & (multiplier >= 0) & (multiplier <= fp.INT32_MAX)
        )
        start, count = 0, 64
        while open_channels.size and start < _MOST_NUDGES:
            n = np.arange(start, start + count, dtype=np.int64)[None, :]
            rest = (most[open_channels, None] - n * multiplier[open_channels, None]) & (unit - 1)
            good = (rest <= room[open_channels, None]) & (n <= most_nudges[open_channels, None])
            first = good.argmax(axis=1)
            hit = good[np.arange(len(open_channels)), first]
            nudge[open_channels[hit]] = start + first[hit]
            found[open_channels[hit]] = True
            open_channels = open_channels[~hit]
            start += count
            count = min(2 * count, 4096)
        constant = (most - nudge * multiplier) >> self.product_bits
        found &= self._no_overflow(channels, multiplier, constant)
        return found, nudge, constant

    def _no_overflow(
        self, channels: NDArray[np.intp], multiplier: fp.Int64Array, constant: fp.Int64Array
    ) -> BoolArray:
        """Whether C and C + (product >> bits) are int32 over the whole range."""
        fits = (constant >= fp.INT32_MIN) & (constant <= fp.INT32_MAX)
        for end in (self.low, self.high):
            scaled = self.scale[channels] * (end[channels] - self.origin[channels])
            product = (scaled * np.clip(multiplier, 0, fp.INT32_MAX)) >> self.product_bits
            # n adds less than 2**16 to the product's high part.
            fits &= np.abs(constant + product) < (1 << 31) - 2 * _MOST_NUDGES
        return fits


def _prove(result: FittedRequantization, q: fp.Requantization, steps: fp.Int64Array) -> None:
    """Check both staircases at every step in reach and before it.

    Raises:
        AssertionError: they differ, which no input should be able to bring about.
    """
    chosen = np.flatnonzero(result.fitted)
    if not chosen.size:
        return
    low, high = result.low[chosen], result.high[chosen]
    at = np.clip(steps[chosen], low[:, None], high[:, None])
    before = np.clip(steps[chosen] - 1, low[:, None], high[:, None])
    points = np.concatenate([at, before, low[:, None], high[:, None]], axis=1).T
    several = len(q.multipliers) > 1
    definition = fp.Requantization(
        multipliers=q.multipliers[chosen] if several else q.multipliers,
        shifts=q.shifts[chosen] if several else q.shifts,
        zero_point=q.zero_point,
        clamp_min=q.clamp_min,
        clamp_max=q.clamp_max,
        rounding=q.rounding,
        fractions=q.fractions[chosen] if several and q.fractions is not None else q.fractions,
    )
    expected = definition.apply(points.astype(np.int32))
    scaled = result.scales[chosen] * (points - result.origins[chosen]) + result.nudges[chosen]
    products = (scaled * result.multipliers[chosen]) >> result.product_bits
    got = ((result.constants[chosen] + products) >> result.shift) - result.offset
    equal = np.array_equal(np.clip(got, q.clamp_min, q.clamp_max), expected)
    # The definition must change exactly where the steps say, or these points prove nothing.
    outputs = np.arange(q.clamp_min + 1, q.clamp_max + 1)[:, None]
    at_step, before_step = expected[: len(outputs)], expected[len(outputs) : 2 * len(outputs)]
    in_reach = at.T == steps[chosen].T
    has_before = before.T == steps[chosen].T - 1
    exact = bool(
        np.all((at_step >= outputs) | ~in_reach) and np.all((before_step < outputs) | ~has_before)
    )
    if not (equal and exact):
        raise AssertionError("a fitted requantization does not equal its definition")


def exact_form(
    q: fp.Requantization,
    low: fp.Int64Array,
    high: fp.Int64Array,
    offset: int = 0,
    preferred: int = 0,
) -> ExactForm:
    """The four-instruction form of the definition for accumulators in [low, high].

    E is the largest right shift for which the channels with it and all others stay in range, so that
    a channel with an extreme shift does not spoil the rest; or the preferred one, if it is larger and
    as good.
    """
    channels = len(low)
    multiplier = np.broadcast_to(q.multipliers.astype(np.int64), channels)
    right = -np.broadcast_to(q.shifts.astype(np.int64), channels)
    bound = np.maximum(np.abs(low), np.abs(high))
    usable = (right >= 1) & (bound < _SAFE) & (multiplier >= 1 << 30)
    usable &= np.asarray(q.rounding is fp.Rounding.DOUBLE)
    scaled = (bound * multiplier >> 31) + 2
    best = ExactForm(
        np.zeros(channels, np.int32),
        np.zeros(channels, np.int32),
        0,
        1,
        np.zeros(channels, np.bool_),
    )
    for shift in sorted({*right[usable].tolist(), *([preferred] if preferred else [])}):
        constant = ((q.zero_point + offset) << shift) + (1 << (shift - 1))
        factor = np.int64(1) << np.clip(shift - right, 0, 30)
        valid = usable & (right <= shift) & (scaled * factor + abs(constant) < 1 << 31)
        if abs(constant) < 1 << 31 and valid.sum() >= best.valid.sum():
            best = ExactForm(
                np.where(valid, 2 * multiplier - (1 << 32), 0).astype(np.int32),
                np.where(valid, factor, 0).astype(np.int32),
                constant,
                int(shift),
                valid,
            )
    return best
