# SPDX-License-Identifier: Apache-2.0
"""What kernels say of the channels of a layer before they fit requantization to each."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.numerics.fixed_point import Int32Array, Int64Array, Requantization

ROUNDS_TWICE = "rounds twice, and the layer once"
"""Why a kernel refuses a requantization that is not TFLM's."""
VARIES = -1000
"""Stands for no constant output."""


def folded_bias(
    weights: AnyArray, bias: Int32Array | Int64Array, input_zero_point: int
) -> Int64Array:
    """The bias for inputs that keep their zero point; weights are (channels, …).

    Sums of x · w + folded bias equal those of (x - zero point) · w + bias, modulo 2**32.
    """
    sums = weights.reshape(len(weights), -1).astype(np.int64).sum(axis=1)
    folded: Int64Array = bias.astype(np.int64) - input_zero_point * sums
    return folded


def per_channel(q: Requantization, channels: int | AnyArray) -> Requantization:
    """The requantization with one multiplier and shift for each of the given channels."""
    chosen = np.arange(channels) if isinstance(channels, int) else channels
    several = len(q.multipliers) > 1

    def select(values: Int32Array) -> Int32Array:
        return values[chosen] if several else np.broadcast_to(values, len(chosen))

    return Requantization(
        multipliers=select(q.multipliers),
        shifts=select(q.shifts),
        zero_point=q.zero_point,
        clamp_min=q.clamp_min,
        clamp_max=q.clamp_max,
        rounding=q.rounding,
        fractions=None if q.fractions is None else select(q.fractions),
    )


def constant_outputs(q: Requantization, low: Int64Array, high: Int64Array) -> AnyArray:
    """The output of each channel that has only one, VARIES for the others."""
    left = np.maximum(q.shifts.astype(np.int64), 0)
    safe = (np.maximum(np.abs(low), np.abs(high)) << np.minimum(left, 20)) < (1 << 31) - (1 << 9)
    safe &= left <= 20
    ends = q.apply(np.clip(np.stack([low, high]), -(1 << 31), (1 << 31) - 1).astype(np.int32))
    result: AnyArray = np.where(safe & (ends[0] == ends[1]), ends[0], VARIES).astype(np.int64)
    return result
