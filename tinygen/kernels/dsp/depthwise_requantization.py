# SPDX-License-Identifier: Apache-2.0
"""Constants of the requantization in the 3x3 depthwise kernel, proven for every accumulator.

The kernel scales a channel's weights up by 2**F while it loads them, so that one right shift suits
all channels, and then computes ``clamp((C + ((accumulator · M) >> 32)) >> SHIFT)``. Both that and the
definition (TFLM's two roundings, zero point, clamp) never fall as the accumulator rises. They are
equal everywhere if each output's least accumulator is the same in both, which is a condition on the
offset ``C · 2**32 + n · M`` alone, n being what is added to the bias: it must lie in an interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.numerics.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    Int64Array,
    Requantization,
    Rounding,
)

SHIFT = 8
"""The right shift of fitted requantization: channels scaled by 2**-1 to 2**-9 fit without loss."""
_MAX_SCALING = 8
"""Weights scaled up by more would not fit int16."""
_SLOPES = (0, -1, 1, -2, 2)
"""Multipliers to try, beside the rounded one."""
_OFFSETS = 1 << 15
"""How many n to try."""
_MAX_EXACT_SHIFT = 21
"""Beyond it the zero point, shifted by it, leaves int32."""


@dataclass(frozen=True)
class Constants:
    """What the kernel reads for one channel: the bias, a multiplier, a third word."""

    bias: int
    multiplier: int
    third: int

    def words(self) -> tuple[int, int, int]:
        """The three words in the kernel's order."""
        return self.bias, self.multiplier, self.third


@dataclass(frozen=True, eq=False)
class Channel:
    """A channel to fit: its scale, and the least and greatest accumulator, bias included."""

    multiplier: int
    shift: int
    bias: int
    least: int
    greatest: int


def thresholds(
    requantization: Requantization, channels: list[Channel]
) -> list[tuple[Int64Array, Int64Array]]:
    """For each channel, the outputs that some accumulator first reaches, and that accumulator.

    Only accumulators above the channel's least count: what holds there needs no threshold.
    """
    low, high = requantization.clamp_min, requantization.clamp_max
    levels = np.arange(low + 1, high + 1, dtype=np.int64)
    least = np.array([c.least for c in channels], dtype=np.int64)[None, :]
    greatest = np.array([c.greatest for c in channels], dtype=np.int64)[None, :]
    scale = Requantization(
        multipliers=np.array([c.multiplier for c in channels], dtype=np.int32),
        shifts=np.array([c.shift for c in channels], dtype=np.int32),
        zero_point=requantization.zero_point,
        clamp_min=low,
        clamp_max=high,
        rounding=Rounding.DOUBLE,
    )
    below = np.broadcast_to(least, (levels.size, len(channels))).copy()
    above = np.broadcast_to(greatest + 1, below.shape).copy()
    while (below < above).any():
        middle = (below + above) >> 1
        probe = np.minimum(middle, greatest).astype(np.int32)
        reached = scale.apply(probe) >= levels[:, None]
        is_open = below < above
        above = np.where(is_open & reached, middle, above)
        below = np.where(is_open & ~reached, middle + 1, below)
    found = []
    for c in range(len(channels)):
        inside = (below[:, c] > least[0, c]) & (below[:, c] <= greatest[0, c])
        found.append((levels[inside], below[inside, c]))
    return found


def constant_output(requantization: Requantization, channel: Channel) -> int | None:
    """The output of a channel that has only one, or None."""
    scale = Requantization(
        multipliers=np.array([channel.multiplier], dtype=np.int32),
        shifts=np.array([channel.shift], dtype=np.int32),
        zero_point=requantization.zero_point,
        clamp_min=requantization.clamp_min,
        clamp_max=requantization.clamp_max,
    )
    ends = np.array([[channel.least], [channel.greatest]], dtype=np.int64)
    if channel.least < INT32_MIN or channel.greatest > INT32_MAX:
        return None
    first, last = scale.apply(ends.astype(np.int32)).reshape(-1).tolist()
    return int(first) if first == last else None


def fitted(requantization: Requantization, channels: list[Channel]) -> list[Constants | None]:
    """Fitted constants of each channel, or None where there are none."""
    top = 255 - requantization.clamp_max if is_cut(requantization) else 0
    found: list[Constants | None] = []
    for channel, (levels, firsts) in zip(
        channels, thresholds(requantization, channels), strict=True
    ):
        constant = constant_output(requantization, channel)
        if constant is not None:
            found.append(Constants(0, 0, (constant + top) << (SHIFT + 4)))
        elif channel.shift >= 0:
            found.append(None)
        else:
            found.append(_fit(channel, levels + top, firsts))
    return found


def _fit(channel: Channel, levels: Int64Array, firsts: Int64Array) -> Constants | None:
    scaling = min(_MAX_SCALING, max(0, SHIFT + 1 + channel.shift))
    drop = -channel.shift - SHIFT - 1 + scaling
    if drop < 0 or drop > 30:
        return None
    least, greatest = channel.least << scaling, channel.greatest << scaling
    if least < INT32_MIN or greatest > INT32_MAX - _OFFSETS:
        return None
    rounded = (channel.multiplier + (1 << drop >> 1)) >> drop
    targets = [int(level) << (32 + SHIFT) for level in levels]
    first = [int(a) << scaling for a in firsts]
    step = 1 << scaling
    for slope in _SLOPES:
        m = rounded + slope
        if not 0 < m <= INT32_MAX:
            continue
        # An accumulator reaches a level, and the one before it does not.
        low = max(t - a * m for t, a in zip(targets, first, strict=True))
        high = min(t - (a - step) * m for t, a in zip(targets, first, strict=True)) - 1
        if low > high:
            continue
        n = np.arange(_OFFSETS, dtype=np.int64)
        missing = ((n * m & 0xFFFFFFFF) - (low & 0xFFFFFFFF)) & 0xFFFFFFFF
        fits = np.flatnonzero(missing <= high - low)
        if not fits.size:
            continue
        addend = int(fits[0])
        base = (low - addend * m + 0xFFFFFFFF) >> 32
        if not -(1 << 27) <= base < 1 << 27:
            continue
        bias = (channel.bias << scaling) + addend
        if INT32_MIN <= bias <= INT32_MAX:
            return Constants(bias, m, base * 16 + scaling)
    return None


def exact(requantization: Requantization, channels: list[Channel]) -> list[Constants | None]:
    """Constants of the two roundings themselves, or None for a channel they cannot hold."""
    top = 255 - requantization.clamp_max if is_cut(requantization) else 0
    found: list[Constants | None] = []
    for channel in channels:
        exponent = -channel.shift
        third = (2 * (requantization.zero_point + top) + 1) << max(exponent - 1, 0)
        reach = max(abs(channel.least), abs(channel.greatest)) + abs(third)
        if (
            1 <= exponent <= _MAX_EXACT_SHIFT
            and channel.multiplier > 0
            and reach <= INT32_MAX
            and INT32_MIN <= channel.bias <= INT32_MAX
        ):
            found.append(
                Constants(channel.bias, _as_int32(channel.multiplier << 1), _as_int32(third))
            )
        else:
            found.append(None)
    return found


def is_cut(requantization: Requantization) -> bool:
    """Whether the outputs are cut to less than int8's range."""
    return (requantization.clamp_min, requantization.clamp_max) != (-128, 127)


def _as_int32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
