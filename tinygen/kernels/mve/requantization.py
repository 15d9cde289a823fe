# SPDX-License-Identifier: Apache-2.0
"""Constants with which the Helium kernels requantize, and the range of a layer's accumulators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.graph import AnyArray
from tinygen.numerics.fitted import accumulator_bounds
from tinygen.numerics.fitted_mve import fit_vector
from tinygen.numerics.fixed_point import (
    Int32Array,
    Requantization,
    Rounding,
    wrap_int32,
)


@dataclass(frozen=True, eq=False)
class ChannelConstants:
    """What the epilogue of an MVE kernel needs, one entry a channel.

    ``last`` is the addend of the fit, or minus the exact form's shift to the right. ``shift`` is the
    fit's, 0 with the exact form.
    """

    exact: bool
    shift: int
    biases: Int32Array
    multipliers: Int32Array
    last: Int32Array
    zero_point: int
    clamp_min: int
    clamp_max: int

    @property
    def note(self) -> str:
        """What was proven, for the plan."""
        if self.exact:
            return "requantization: exact two-step form"
        return f"requantization: fitted, shift {self.shift}, proven for every reachable accumulator"


def refusal(q: Requantization) -> str | None:
    """Why the vector epilogues cannot do a requantization, or None if they can."""
    if q.rounding is not Rounding.DOUBLE:
        return "rounds twice, LiteRT's fully connected layers once"
    if q.shifts.max() > 0:
        return "no multipliers of 1 or more"
    if q.clamp_min > q.clamp_max:
        return "no empty activation range"
    return None


def channel_constants(
    weights: AnyArray, bias: Int32Array, zero_point: int, q: Requantization
) -> ChannelConstants:
    """Constants for sums of x · weight without the zero point; weights are (channels, taps).

    Fitted where every channel has a fit, exact otherwise.
    """
    folded = bias.astype(np.int64) - zero_point * weights.astype(np.int64).sum(axis=1)
    fitted = fit_vector(q, *accumulator_bounds(weights, bias, zero_point))
    if fitted is None:
        return ChannelConstants(
            True,
            0,
            wrap_int32(folded),
            q.multipliers,
            q.shifts,
            q.zero_point,
            q.clamp_min,
            q.clamp_max,
        )
    # The narrowing shift rounds; what it adds is taken off here.
    half = 1 << (fitted.shift - 9 if fitted.shift > 8 else fitted.shift - 1)
    return ChannelConstants(
        False,
        fitted.shift,
        wrap_int32(folded + fitted.nudges),
        fitted.multipliers,
        (fitted.constants - half).astype(np.int32),
        q.zero_point,
        q.clamp_min,
        q.clamp_max,
    )
