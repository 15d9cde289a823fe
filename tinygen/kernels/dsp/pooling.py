# SPDX-License-Identifier: Apache-2.0
"""DSP kernels of AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

import math

from tinygen.kernels.bands import calls_cost
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.pools import pool_bands_binding, pool_binding
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_MOST_VALUES = 256
"""More values could overflow a sum of 16 bits."""
_COSTS = Costs("dsp.pooling")


def _pool(layer: Pool2D, values: int, per_value: float, per_output: float) -> Offer | Refusal:
    channels = layer.input_shape[3]
    if channels < 4:
        return Refusal(f"has {channels} channels, and 4 go together")
    outputs = math.prod(layer.output_shape)
    windows = outputs // layer.output_shape[3]
    cycles = outputs * (values * per_value + per_output) + windows * _COSTS.per_window
    return Offer(
        cycles,
        lambda: pool_binding(layer, "dsp"),
        lambda bands: Offer(
            cycles + calls_cost(layer, bands), lambda: pool_bands_binding(layer, "dsp", bands)
        ),
    )


@dsp("average_pool2d_s8", AveragePool2D)
def average_pool2d(layer: AveragePool2D) -> Offer | Refusal:
    """Sums of 16 bits."""
    values = layer.window.height.size * layer.window.width.size
    if values > _MOST_VALUES:
        return Refusal(f"averages {values} values, of at most {_MOST_VALUES}")
    return _pool(layer, values, _COSTS.average_per_value, _COSTS.average_per_output)


@dsp("max_pool2d_s8", MaxPool2D)
def max_pool2d(layer: MaxPool2D) -> Offer | Refusal:
    """Four channels at a time."""
    values = layer.window.height.size * layer.window.width.size
    return _pool(layer, values, _COSTS.max_per_value, _COSTS.max_per_output)


KERNELS = (average_pool2d, max_pool2d)
