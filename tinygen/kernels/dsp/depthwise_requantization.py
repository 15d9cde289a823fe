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
from tinygen.numerics.fixed_point import INT32_MAX, Int32Array, wrap_int32
from tinygen.ops.convolution import DepthwiseConv2D
from tinygen.requantize.channels import folded_bias, per_channel
from tinygen.requantize.choose import Scaling, cheaper, fitted, two_roundings
from tinygen.requantize.fitted import accumulator_bounds

SHIFT = 8
"""The right shift of fitted requantization: channels scaled by 2**-1 to 2**-9 lose nothing."""
_MOST_SCALING = 8
"""Weights scaled up by more would not fit int16."""
_MOST_CONSTANT = 1 << 27
"""The third word keeps 28 bits for C."""
_COSTS = Costs("dsp.depthwise_requantization")


@dataclass(frozen=True, eq=False)
class ChannelWords(Scaling):
    """With three words a channel (see ``dsp/depthwise3x3.h``), 0 where it is missing."""

    three_words: Int32Array

    @property
    def cycles_per_output(self) -> float:
        """Beyond the fitted form, averaged over the channels."""
        extra = _COSTS.two_roundings if self.two_roundings else 0.0
        return extra + _COSTS.c * int(self.missing.sum()) / len(self.missing)


@lru_cache(maxsize=64)
def channel_words(layer: DepthwiseConv2D) -> ChannelWords:
    """The words of the cheaper form for a layer; several kernels ask for them."""
    q = layer.requantization
    numbers = layer.filters, layer.bias, layer.input_zero_point
    low, high = accumulator_bounds(*numbers)
    scaling_up = np.clip(SHIFT + 1 + per_channel(q, len(low)).shifts, 0, _MOST_SCALING)
    scales = np.int64(1) << scaling_up.astype(np.int64)
    fit_first = fitted(q, low, high, SHIFT, scales=scales)
    too_large = np.maximum(np.abs(low), np.abs(high)) > INT32_MAX
    found = cheaper(
        fit_first.without(np.abs(fit_first.lasts) >= _MOST_CONSTANT),
        lambda: two_roundings(q, low, high).without(too_large),
        _COSTS.c,
        _COSTS.two_roundings,
    )
    starts, lasts = folded_bias(*numbers), found.lasts
    if not found.two_roundings:
        starts = starts * scales + found.nudges
        lasts = 16 * lasts + scaling_up
    words = np.stack([starts, found.multipliers, lasts], axis=1)
    return ChannelWords(
        **vars(found), three_words=wrap_int32(np.where(found.missing[:, None], 0, words))
    )
