# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

import math

from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.pools import pool_bands_binding, pool_binding
from tinygen.kernels.portable.base import portable
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_COSTS = Costs("portable.pooling")


def _pool(layer: Pool2D) -> Offer:
    taps = layer.window.height.size * layer.window.width.size
    cycles = math.prod(layer.output_shape) * (taps * _COSTS.per_tap + _COSTS.per_output)
    return Offer(
        cycles,
        lambda: pool_binding(layer, "portable"),
        lambda bands: Offer(cycles, lambda: pool_bands_binding(layer, "portable", bands)),
    )


KERNELS = (
    portable("average_pool2d_s8", AveragePool2D)(_pool),
    portable("max_pool2d_s8", MaxPool2D)(_pool),
)
