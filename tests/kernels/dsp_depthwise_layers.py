# SPDX-License-Identifier: Apache-2.0
"""Random depthwise layers for the DSP kernels, with everything at its extremes.

Shapes from 1 to odd primes, all kinds of outputs, any zero points, multipliers and accumulators at
the ends of what is allowed, and channels that the assembly must leave to C.
"""

from __future__ import annotations

import math

import numpy as np

from tests.kernels.extreme_layers import Shape, with_extremes
from tests.ops.generators.common import Rng
from tinygen.ir.network import Network

KINDS = ("3x3", "wide", "single", "any")
"""3x3 filters; the same with long rows; one input channel and a column stride of 2; anything with
four channels or more."""

_EXTENTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17, 19, 23)
_MOST_VALUES = 1500
"""Of an input, so that many layers run in a short time."""
_CHANNELS = (1, 2, 3, 4, 5, 7, 8, 12, 13, 16)


def _pick(rng: Rng, *values: int) -> int:
    return int(rng.choice(values))


def _drawn(rng: Rng, kind: str) -> Shape:
    batches = _pick(rng, 1, 1, 1, 2)
    rows, columns = _pick(rng, *_EXTENTS), _pick(rng, *_EXTENTS)
    padding = str(rng.choice(["SAME", "VALID"]))
    if kind == "3x3":
        channels, step = _pick(rng, *_CHANNELS), _pick(rng, 1, 2)
        image = (batches, rows, columns, channels)
        return Shape(image, (3, 3), (step, step), (1, 1), padding, channels, depthwise=True)
    if kind == "wide":
        image = (1, _pick(rng, 3, 4, 5), _pick(rng, 67, 131, 150, 270, 1030), _pick(rng, 1, 4, 5))
        step = _pick(rng, 1, 2)
        return Shape(image, (3, 3), (step, step), (1, 1), padding, image[3], depthwise=True)
    if kind == "single":
        size = _pick(rng, 1, 2, 3, 4, 5, 7, 10), _pick(rng, 1, 2, 3, 4, 5, 7, 8)
        stride = _pick(rng, 1, 2, 3), 2
        channels = _pick(rng, *_CHANNELS)
        image = (batches, rows, columns, 1)
        return Shape(image, size, stride, (1, 1), padding, channels, depthwise=True)
    size = _pick(rng, 1, 2, 3, 5, 7, 9), _pick(rng, 1, 1, 2, 3, 5, 7)
    stride = _pick(rng, 1, 1, 2, 3), _pick(rng, 1, 1, 2, 3)
    dilation = _pick(rng, 1, 1, 2), _pick(rng, 1, 1, 2, 3)
    image = (batches, rows, columns, _pick(rng, 4, 5, 6, 7, 8, 11, 12, 16))
    return Shape(image, size, stride, dilation, padding, image[3], depthwise=True)


def _suits(shape: Shape, most_values: int) -> bool:
    values = max(
        math.prod(shape.input), math.prod(shape.input[:3]) * shape.channels // shape.input[3]
    )
    return shape.output(0) > 0 and shape.output(1) > 0 and values <= most_values


def random_depthwise(kind: str, seed: int) -> Network:
    """The network of one layer, number ``seed`` of a kind in ``KINDS``."""
    rng = np.random.default_rng([seed, *kind.encode()])
    shape = _drawn(rng, kind)
    while not _suits(shape, 6 * _MOST_VALUES if kind == "wide" else _MOST_VALUES):
        shape = _drawn(rng, kind)
    return with_extremes(shape.network(f"{kind} {seed}"), rng)
