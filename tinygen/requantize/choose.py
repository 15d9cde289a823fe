# SPDX-License-Identifier: Apache-2.0
"""How a kernel turns the sums of channels into outputs: fitted, with two roundings, or one by one.

A kernel asks for its layer ``fitted``, with what its instructions allow (shifts, scaled sums), and for
the ``two_roundings`` of the definition, if it has them; takes the ``cheaper`` of both; and computes by
the definition, one by one, the channels that are ``missing``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.numerics.fixed_point import Int64Array, Requantization
from tinygen.requantize.channels import VARIES, per_channel
from tinygen.requantize.fitted import BoolArray, exact_form, fit


@dataclass(frozen=True, eq=False)
class Scaling:
    """What all channels share, then one entry a channel.

    Fitted: (``lasts`` + (sum · ``multipliers`` >> 32)) >> ``shift``, of a sum with ``nudges`` added.
    Two roundings: ``ExactForm``, with ``base`` for its constant and ``lasts`` for its factors.

    Unless the range of outputs is that of int8, 255 less the largest was added to each: a kernel limits
    it to [0, 255], takes ``cut`` off without going below 0, and adds ``low``.
    """

    two_roundings: bool
    shift: int
    base: int
    cut: int
    low: int
    nudges: Int64Array
    multipliers: Int64Array
    lasts: Int64Array
    missing: BoolArray
    reach: tuple[int, int]
    """Least and greatest sum."""

    @property
    def note(self) -> str:
        """What was proven, for the plan."""
        channels, missing = len(self.missing), int(self.missing.sum())
        if missing == channels:
            return "requantization: one by one"
        how = f"fitted, proven for every accumulator in [{self.reach[0]}, {self.reach[1]}]"
        if self.two_roundings:
            how = "with two roundings"
        text = f"requantization: {channels - missing} of {channels} channels {how}"
        return text + (f"; {missing} one by one" if missing else "")

    def without(self, channels: BoolArray) -> Scaling:
        """The same with these channels missing, too."""
        return replace(self, missing=self.missing | channels)

    @property
    def words(self) -> Int64Array:
        """(channels, 2): each channel's multiplier and last; 0 where it is missing."""
        both = np.stack([self.multipliers, self.lasts], axis=1)
        kept: Int64Array = np.where(self.missing[:, None], 0, both)
        return kept


def _scaling(
    q: Requantization,
    low: Int64Array,
    high: Int64Array,
    *,
    two_roundings: bool,
    shift: int,
    base: int,
) -> Scaling:
    """A scaling in which nothing is missing, and all entries are 0."""
    return Scaling(
        two_roundings=two_roundings,
        shift=shift,
        base=base,
        cut=255 - (q.clamp_max - q.clamp_min),
        low=q.clamp_min,
        nudges=np.zeros(len(low), np.int64),
        multipliers=np.zeros(len(low), np.int64),
        lasts=np.zeros(len(low), np.int64),
        missing=np.zeros(len(low), np.bool_),
        reach=(int(low.min()), int(high.max())) if len(low) else (0, 0),
    )


def _top(q: Requantization) -> int:
    """What is added to every output."""
    return 0 if (q.clamp_min, q.clamp_max) == (-128, 127) else 255 - q.clamp_max


def fitted(
    q: Requantization,
    low: Int64Array,
    high: Int64Array,
    shift: int,
    *,
    shifts: Int64Array | None = None,
    scales: Int64Array | None = None,
    origins: Int64Array | None = None,
    outputs: AnyArray | None = None,
    product_bits: int = 32,
) -> Scaling:
    """The fitted form, for accumulators from ``low`` to ``high``.

    Args:
        q: the layer's requantization.
        low: the least accumulator of each channel.
        high: the greatest.
        shift: the layer's right shift.
        shifts: those of the channels, if they have some of their own.
        scales: what sums are multiplied by before, if they are.
        origins: what is taken off sums, if anything is.
        outputs: ``constant_outputs``, if channels that have one are to be that constant alone.
        product_bits: what takes the place of 32.
    """
    shifts = np.full(len(low), shift) if shifts is None else shifts
    scales = np.ones(len(low), np.int64) if scales is None else scales
    origins = np.zeros(len(low), np.int64) if origins is None else origins
    varies = np.ones(len(low), np.bool_) if outputs is None else outputs == VARIES
    result = _scaling(q, low, high, two_roundings=False, shift=shift, base=0)
    if outputs is not None:
        result.lasts[~varies] = (outputs[~varies] + _top(q)) << shifts[~varies]
    for value in np.unique(shifts[varies]):
        chosen = np.flatnonzero(varies & (shifts == value))
        found = fit(
            per_channel(q, chosen),
            low[chosen],
            high[chosen],
            shift=int(value),
            scales=scales[chosen],
            origins=origins[chosen],
            offset=_top(q),
            product_bits=product_bits,
        )
        result.nudges[chosen] = found.nudges
        result.multipliers[chosen] = found.multipliers
        result.lasts[chosen] = found.constants
        result.missing[chosen] = ~found.fitted
    return result


def two_roundings(
    q: Requantization,
    low: Int64Array,
    high: Int64Array,
    preferred: int = 0,
    outputs: AnyArray | None = None,
) -> Scaling:
    """The definition's own roundings; arguments as of ``fitted`` and ``exact_form``.

    A channel with a constant output starts from how far that is from the zero point.
    """
    varies = np.ones(len(low), np.bool_) if outputs is None else outputs == VARIES
    chosen = np.flatnonzero(varies)
    form = exact_form(per_channel(q, chosen), low[varies], high[varies], _top(q), preferred)
    result = _scaling(q, low, high, two_roundings=True, shift=form.shift, base=form.constant)
    result.multipliers[varies] = form.multipliers
    result.lasts[varies] = form.factors
    result.missing[varies] = ~form.valid
    if outputs is not None:
        result.lasts[~varies] = np.sign(outputs[~varies] - q.zero_point) << form.shift
    return result


def cheaper(
    fit_first: Scaling,
    otherwise: Callable[[], Scaling],
    missing_cost: float,
    two_roundings_cost: float,
) -> Scaling:
    """The fitted form, unless it leaves channels out and the two roundings cost less.

    Both costs are cycles of a channel: of one that is missing, and of the roundings for one.
    """
    if not fit_first.missing.any():
        return fit_first
    exact = otherwise()
    cost = exact.missing.sum() * missing_cost + len(exact.missing) * two_roundings_cost
    return exact if cost < fit_first.missing.sum() * missing_cost else fit_first
