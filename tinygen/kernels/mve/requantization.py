# SPDX-License-Identifier: Apache-2.0
"""Constants with which the Helium kernels requantize, and the range of a layer's accumulators."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.numerics import fixed_point as fp
from tinygen.requantize.channels import ROUNDS_TWICE, folded_bias
from tinygen.requantize.fitted import accumulator_bounds
from tinygen.requantize.fitted_mve import fit_vector


class Form(IntEnum):
    """How a sum becomes an output; the values are the assembly's.

    FITTED is C + floor(2·a·M / 2**32), then a rounding shift E. EXACT is the definition with a shift a
    channel. ALIGNED is the definition with all shifts brought to one: the high product by M, halves
    away from 0, times a power of two, plus an addend, then a rounding shift E.
    """

    FITTED = 0
    EXACT = 1
    ALIGNED = 2


@dataclass(frozen=True, eq=False)
class ChannelConstants:
    """What the epilogue of an MVE kernel needs, one entry a channel.

    ``scales`` and ``lasts`` are M and C if fitted, M and minus the shift to the right if exact, and
    the power of two and M if aligned. ``shift`` is E, 0 with the exact form; ``addend`` is the aligned
    form's.
    """

    form: Form
    shift: int
    addend: int
    biases: fp.Int32Array
    scales: fp.Int32Array
    lasts: fp.Int32Array
    zero_point: int
    clamp_min: int
    clamp_max: int

    @property
    def parameters(self) -> tuple[tuple[str, int], ...]:
        """What the listings must know, in the order of the C shapes' last fields.

        Other forms than the exact have the zero point in an addend.
        """
        return (
            ("form", int(self.form)),
            ("shift", self.shift),
            ("addend", self.addend),
            ("zero_point", self.zero_point if self.form is Form.EXACT else 0),
            ("clamp_min", self.clamp_min),
            ("clamp_max", self.clamp_max),
        )

    @property
    def note(self) -> str:
        """What was proven, for the plan."""
        if self.form is Form.FITTED:
            return f"requantization: fitted, shift {self.shift}, proven for every reachable accumulator"
        return f"requantization: {self.form.name.lower()} two-step form"


def refusal(q: fp.Requantization) -> str | None:
    """Why the vector epilogues cannot do a requantization, or None if they can."""
    if q.rounding is not fp.Rounding.DOUBLE:
        return ROUNDS_TWICE
    if q.shifts.max() > 0:
        return "no multipliers of 1 or more"
    if q.clamp_min > q.clamp_max:
        return "no empty activation range"
    return None


_MOST_ALIGNED_SHIFT = 22


def _rounding(shift: int) -> int:
    """What the narrowing shift (by E, or by E - 8 where the upper byte is taken) adds by itself."""
    return 1 << (shift - 9 if shift > 8 else shift - 1)


def _aligned_shift(q: fp.Requantization, low: fp.Int64Array, high: fp.Int64Array) -> int | None:
    """E of the aligned form, or None if a channel's sums would leave 32 bits with it."""
    right = -q.shifts.astype(np.int64)
    shift = int(right.max())
    if int(right.min()) < 1 or shift > _MOST_ALIGNED_SHIFT:
        return None
    bound = np.maximum(np.abs(low), np.abs(high))
    if int(bound.max()) > fp.INT32_MAX:
        return None
    products = ((bound * q.multipliers.astype(np.int64)) >> 31) + 2
    largest = (products << (shift - right)) + (abs(q.zero_point) + 1 << shift)
    return shift if int(largest.max()) <= fp.INT32_MAX else None


def channel_constants(
    weights: AnyArray,
    bias: fp.Int32Array,
    zero_point: int,
    q: fp.Requantization,
    *,
    aligns: bool = False,
) -> ChannelConstants:
    """Constants for sums of x · weight without the zero point; weights are (channels, taps).

    Fitted where every channel has a fit; else aligned, if the kernel ``aligns`` and no channel
    overflows; else exact.
    """
    folded = folded_bias(weights, bias, zero_point)
    low, high = accumulator_bounds(weights, bias, zero_point)
    fitted = fit_vector(q, low, high)
    if fitted is not None:
        form, shift, addend = Form.FITTED, fitted.shift, 0
        folded += fitted.nudges
        scales = fitted.multipliers
        lasts = (fitted.constants - _rounding(shift)).astype(np.int32)
    elif aligns and (aligned := _aligned_shift(q, low, high)) is not None:
        form, shift = Form.ALIGNED, aligned
        addend = (q.zero_point << shift) + (1 << (shift - 1)) - _rounding(shift)
        scales = (np.int32(1) << (shift + q.shifts)).astype(np.int32)
        lasts = q.multipliers
    else:
        form, shift, addend = Form.EXACT, 0, 0
        scales, lasts = q.multipliers, q.shifts
    return ChannelConstants(
        form,
        shift,
        addend,
        fp.wrap_int32(folded),
        scales,
        lasts,
        q.zero_point,
        q.clamp_min,
        q.clamp_max,
    )
