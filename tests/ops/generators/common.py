# SPDX-License-Identifier: Apache-2.0
"""What the generators draw: extents, scales, zero points, constants, windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray

Rng = np.random.Generator

TypedGenerator = tuple[Callable[[Rng, str], bytes], tuple[str, ...]]
"""A generator of models of a given element type, and the types it takes."""

_EXTENTS = (1, 1, 2, 3, 4, 5, 7, 8, 11, 13, 16, 17, 19, 23)
_RANGES = {
    "INT8": (-128, 127),
    "UINT8": (0, 255),
    "INT16": (-32768, 32767),
    "INT32": (-(2**31), 2**31 - 1),
}


def extent(rng: Rng, most: int = 13) -> int:
    """A dimension in [1, most]: ones, primes and powers of two."""
    return int(rng.choice([size for size in _EXTENTS if size <= most]))


def shape(rng: Rng, least_rank: int, most_rank: int, most_elements: int = 2000) -> tuple[int, ...]:
    """A shape of a rank in the range, with few enough elements."""
    rank = int(rng.integers(least_rank, most_rank + 1))
    extents = [extent(rng) for _ in range(rank)]
    while math.prod(extents) > most_elements:
        extents[int(rng.integers(rank))] = 1
    return tuple(extents)


def chance(rng: Rng, probability: float) -> bool:
    """True with that probability."""
    return bool(rng.random() < probability)


def zero_point(rng: Rng, dtype: str = "INT8") -> int:
    """A zero point, often at an end of the type's range."""
    low, high = _RANGES[dtype]
    return int(rng.choice([low, high, 0 if low < 0 else 128, int(rng.integers(low, high + 1))]))


def scale(rng: Rng) -> float:
    """A scale between 0.001 and 1, exactly a float32; often a round one, as people's models have.

    Ratios of round scales lie near ties of the multipliers made of them.
    """
    value = 10.0 ** rng.uniform(-3, 0)
    last_bits = int(value * 2**40) % 4
    if last_bits == 0:
        return float32(float(f"{value:.0e}"))
    return float32(2.0 ** round(np.log2(value))) if last_bits == 1 else float32(value)


def float32(value: float) -> float:
    """The nearest float32."""
    return float(np.float32(value))


def multiplier(rng: Rng, accumulator: float, outputs: float = 256.0) -> float:
    """A factor for accumulators up to ``accumulator`` that TFLM can apply without overflow.

    Mostly one that fills the output's range; sometimes tiny (down to flushed to zero), sometimes as
    large as allowed, where every output saturates.
    """
    largest = 2.0 ** (29 - math.ceil(math.log2(accumulator)))
    kind = rng.random()
    if kind < 0.1:
        return float(2.0 ** rng.uniform(-36, -20))
    if kind < 0.25:
        return float(largest * 2.0 ** rng.uniform(-6, 0))
    return float(min(largest, outputs / accumulator * 2.0 ** rng.uniform(-2, 6)))


def activation(rng: Rng) -> str:
    """A fused activation."""
    return str(rng.choice(["NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1"]))


def values(rng: Rng, size: tuple[int, ...], dtype: str = "INT8") -> AnyArray:
    """Constants over a type's whole range; sometimes only its ends."""
    low, high = _RANGES[dtype]
    kind = np.dtype(dtype.lower())
    if chance(rng, 0.2):
        return rng.choice(np.array([low, high], dtype=kind), size)
    return rng.integers(low, high, size, dtype=kind, endpoint=True)


@dataclass(frozen=True)
class WindowAxis:
    """A window along one axis that fits its input."""

    input: int
    size: int
    stride: int
    dilation: int
    output: int


def window_axis(rng: Rng, padding: str, most_size: int, dilate: bool) -> WindowAxis:
    """A random window; with SAME it may be larger than the input."""
    while True:
        inputs = extent(rng)
        size = int(rng.integers(1, most_size + 1))
        stride = int(rng.choice([1, 1, 2, 3]))
        dilation = int(rng.choice([1, 1, 2, 3])) if dilate else 1
        reach = (size - 1) * dilation + 1
        if padding == "SAME":
            return WindowAxis(inputs, size, stride, dilation, -(-inputs // stride))
        if reach <= inputs:
            return WindowAxis(inputs, size, stride, dilation, (inputs - reach) // stride + 1)
