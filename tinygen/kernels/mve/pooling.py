# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D with Helium: ``mve/pool2d_s8.h``."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from tinygen.kernels.bands import CALL_CYCLES, in_rows
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Bands, Offer, Refusal
from tinygen.kernels.mve.base import helium
from tinygen.kernels.pools import pool_binding
from tinygen.kernels.row_sums import average_rows_binding
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_MOST_VALUES = 256
"""More values could overflow a sum of 16 bits."""
_COSTS = Costs("mve.pooling")


def _instructions(layer: Pool2D) -> float:
    windows = math.prod(layer.output_shape[:3])
    vectors = -(-layer.output_shape[3] // 16)
    values = layer.window.height.size * layer.window.width.size
    return windows * (
        _COSTS.window_instructions
        + vectors * (_COSTS.vector_instructions + values * _COSTS.pixel_instructions)
    )


def _offer(layer: Pool2D) -> Offer:
    cycles = _instructions(layer) * _COSTS.per_instruction
    return in_rows(layer, cycles, lambda: pool_binding(layer, "mve"))


def _sums(layer: AveragePool2D, bands: Bands) -> Offer:
    """The offer for bands of input rows, which are added to the sums of the channels."""
    _, height, width, channels = layer.input_shape
    calls = -(-height // bands.most)
    added = height * width * _COSTS.added_instructions
    instructions = -(-channels // 8) * (added + calls * _COSTS.sums_instructions)
    return Offer(
        instructions * _COSTS.per_instruction + calls * CALL_CYCLES,
        lambda: average_rows_binding(layer, "mve"),
    )


@helium("average_pool2d_s8", AveragePool2D)
def average_pool2d(layer: AveragePool2D) -> Offer | Refusal:
    """The average of each window, of a whole image also by bands of input rows."""
    values = layer.window.height.size * layer.window.width.size
    if values > _MOST_VALUES:
        return Refusal(f"averages {values} values, of at most {_MOST_VALUES}")
    offer = _offer(layer)
    return replace(offer, by_bands=partial(_sums, layer)) if layer.accumulates else offer


@helium("max_pool2d_s8", MaxPool2D)
def max_pool2d(layer: MaxPool2D) -> Offer:
    """The largest value of each window."""
    return _offer(layer)


KERNELS = (average_pool2d, max_pool2d)
