# SPDX-License-Identifier: Apache-2.0
"""The words that the 3x3 depthwise kernel reads for each channel, and what they are good for.

Fitted requantization (``tinygen.requantize.fitted``) wants one right shift for the whole layer, but
channels with a large scale allow only a small one. The kernel therefore scales their weights up by
2**F while it widens them to int16, which makes one shift suit all layers, and one piece of code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygen.kernels.costs import Costs
from tinygen.numerics.fixed_point import INT32_MAX, Int32Array, Int64Array, wrap_int32
from tinygen.ops.convolution import DepthwiseConv2D
from tinygen.requantize.channels import folded_bias
from tinygen.requantize.fitted import accumulator_bounds, exact_form, fit

SHIFT = 8
"""The right shift of fitted requantization: channels scaled by 2**-1 to 2**-9 lose nothing."""
_MOST_SCALING = 8
"""Weights scaled up by more would not fit int16."""
_MOST_CONSTANT = 1 << 27
"""The third word keeps 28 bits for C."""
_COSTS = Costs("dsp.depthwise_requantization")


@dataclass(frozen=True, eq=False)
class ChannelWords:
    """Three words a channel (see ``dsp/depthwise3x3.h``) and what applies to all channels.

    ``two_roundings`` tells the form: fitted, or TFLM's two roundings; ``base`` belongs to the
    latter. ``missing`` are the channels that neither can do; their words are 0. ``top`` was added to
    every output, for the kernel to limit it at 255, take off ``cut``, and add ``low``.
    """

    words: Int32Array
    two_roundings: bool
    shift: int
    base: int
    top: int
    cut: int
    low: int
    missing: tuple[int, ...]
    note: str

    @property
    def cycles_per_output(self) -> float:
        """Beyond the fitted form, averaged over the channels."""
        extra = _COSTS.two_roundings if self.two_roundings else 0.0
        return extra + _COSTS.c * len(self.missing) / len(self.words)


@lru_cache(maxsize=64)
def channel_words(layer: DepthwiseConv2D) -> ChannelWords:
    """The cheaper of the two forms for a layer."""
    fitted = _fitted(layer)
    if not fitted.missing:
        return fitted
    exact = _two_roundings(layer)
    return min(fitted, exact, key=lambda form: form.cycles_per_output)


def _sums(layer: DepthwiseConv2D) -> tuple[Int64Array, Int64Array, Int64Array]:
    """The folded bias, and the least and greatest accumulator, of each channel."""
    numbers = layer.filters, layer.bias, layer.input_zero_point
    return folded_bias(*numbers), *accumulator_bounds(*numbers)


def _top(layer: DepthwiseConv2D) -> int:
    q = layer.requantization
    return 0 if (q.clamp_min, q.clamp_max) == (-128, 127) else 255 - q.clamp_max


def _fitted(layer: DepthwiseConv2D) -> ChannelWords:
    bias, low, high = _sums(layer)
    q = layer.requantization
    shifts = np.broadcast_to(q.shifts.astype(np.int64), len(low))
    scaling = np.clip(SHIFT + 1 + shifts, 0, _MOST_SCALING)
    top = _top(layer)
    found = fit(q, low, high, shift=SHIFT, scales=np.int64(1) << scaling, offset=top)
    constants = found.constants.astype(np.int64)
    good = found.fitted & (np.abs(constants) < _MOST_CONSTANT)
    words = np.stack(
        [
            (bias << scaling) + found.nudges,
            found.multipliers.astype(np.int64),
            16 * constants + scaling,
        ],
        axis=1,
    )
    return _gathered(
        layer, words, good, found.note, two_roundings=False, shift=SHIFT, base=0, top=top
    )


def _two_roundings(layer: DepthwiseConv2D) -> ChannelWords:
    bias, low, high = _sums(layer)
    top = _top(layer)
    form = exact_form(layer.requantization, low, high, top)
    words = np.stack(
        [
            bias,
            form.multipliers.astype(np.int64),
            form.factors.astype(np.int64),
        ],
        axis=1,
    )
    note = f"requantization: {int(form.valid.sum())} of {len(low)} channels with two roundings"
    return _gathered(
        layer,
        words,
        form.valid & (np.maximum(np.abs(low), np.abs(high)) <= INT32_MAX),
        note,
        two_roundings=True,
        shift=form.shift,
        base=form.constant,
        top=top,
    )


def _gathered(
    layer: DepthwiseConv2D,
    words: Int64Array,
    good: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    note: str,
    *,
    two_roundings: bool,
    shift: int,
    base: int,
    top: int,
) -> ChannelWords:
    missing = tuple(np.flatnonzero(~good).tolist())
    q = layer.requantization
    return ChannelWords(
        words=wrap_int32(np.where(good[:, None], words, 0)),
        two_roundings=two_roundings,
        shift=shift,
        base=base,
        top=top,
        cut=255 - (q.clamp_max - q.clamp_min),
        low=q.clamp_min,
        missing=missing,
        note=note + (f", {len(missing)} in C" if missing else ""),
    )
