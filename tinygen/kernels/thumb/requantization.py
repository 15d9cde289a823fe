# SPDX-License-Identifier: Apache-2.0
"""The words with which cores without SIMD requantize: ``thumb/requantize.h``.

Cores with a long product (SMULL) take its upper half, with one right shift for the whole layer.
Armv6-M has 32-bit products only: a sum is split, and each part times M must be a word. That leaves M
as many bits as a layer's sums leave free, so each channel has the right shift that makes most of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinygen.hardware.cores import Core, Feature
from tinygen.ir.graph import AnyArray
from tinygen.kernels.binding import Struct
from tinygen.kernels.kernel import Kernel, LayerT, Offer, Refusal, kernel
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import Int32Array, Int64Array, Requantization, wrap_int32
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.requantize.channels import VARIES, constant_outputs, folded_bias, per_channel
from tinygen.requantize.choose import Scaling, fitted
from tinygen.requantize.fitted import accumulator_bounds, largest_shift

WHOLE = 32
"""The split of a core that has the long product."""
_SHIFT = 4
"""The layer's right shift there, unless a channel's M would not fit with it."""
_MOST_NUDGE = 1 << 16
"""What fitting may add to a sum."""
_SHIFT_BITS = 5
"""Of the word of M that hold its channel's shift."""


@dataclass(frozen=True, eq=False)
class Words(Scaling):
    """With the ``biases`` that sums start from, and ``pairs`` (channels, 2) of M and C."""

    biases: Int32Array
    pairs: Int32Array
    split: int

    def after(self, weights: AnyArray) -> AnyArray:
        """A stream: each channel's weights (channels, depth), filled to words, then its numbers."""
        padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4))).astype(np.int8)
        numbers = np.concatenate([self.biases[:, None], self.pairs], axis=1).astype("<i4")
        stream: AnyArray = np.concatenate([padded, numbers.view(np.int8)], axis=1).reshape(-1)
        return stream

    def struct(self) -> Struct:
        """``tinygen_thumb_scaling``."""
        return struct("tinygen_thumb_scaling", self)

    def parameters(self) -> tuple[tuple[str, int], ...]:
        """What the assembly is told."""
        how = ("shift", self.shift) if self.split == WHOLE else ("split", self.split)
        return (how, ("cut", int(self.cut != 0)))


def has_long_product(core: Core) -> bool:
    """Whether the core multiplies 32 bits by 32 to 64."""
    return Feature.LONG_PRODUCT in core.features


def thumb(
    name: str, layer_type: type[LayerT]
) -> Callable[[Callable[[LayerT, Core], Offer | Refusal]], Kernel]:
    """Makes a function that answers for layers of a type a kernel for cores without SIMD."""
    return kernel(f"thumb.{name}", layer_type, needs={Feature.THUMB}, lacks={Feature.DSP})


def channel_words(weights: AnyArray, layer: Conv2D | DepthwiseConv2D, core: Core) -> Words:
    """The words of a layer's channels; weights are (channels, …)."""
    low, high = accumulator_bounds(weights, layer.bias, layer.input_zero_point)
    bias = folded_bias(weights, layer.bias, layer.input_zero_point)
    q = per_channel(layer.requantization, len(low))
    outputs = constant_outputs(q, low, high)
    varies = outputs == VARIES
    if has_long_product(core):
        most = largest_shift(q, np.ones(len(low), np.int64), varies)
        split, limit, shift = WHOLE, 1 << 31, max(min(_SHIFT, most), 0)
        shifts = np.full(len(low), shift)
    else:
        split, limit = _split(low[varies], high[varies])
        shift, shifts = 0, np.where(varies, _shifts(q, split, limit), 0)
    found = fitted(q, low, high, shift, shifts=shifts, outputs=outputs, product_bits=split)
    found = found.without(found.multipliers >= limit)
    if split != WHOLE:
        found.multipliers[:] += shifts << (32 - _SHIFT_BITS)
    return Words(
        **vars(found),
        biases=wrap_int32(bias + found.nudges),
        pairs=wrap_int32(found.words),
        split=split,
    )


def _split(low: Int64Array, high: Int64Array) -> tuple[int, int]:
    """(bits that are multiplied apart, what M must be less than)."""
    most = int(max(np.abs(low).max(initial=0), np.abs(high).max(initial=0))) + _MOST_NUDGE
    bits = most.bit_length()
    split = min(max((bits + 1) // 2, 8), 15)
    return split, 1 << min(32 - split, 31 - max(bits - split, 0), 32 - _SHIFT_BITS)


def _shifts(q: Requantization, split: int, limit: int) -> AnyArray:
    """The right shift of each channel for which M has most bits."""
    scale = q.multipliers.astype(np.float64) * 2.0 ** (q.shifts.astype(np.float64) - 31 + split)
    room = np.floor(np.log2((limit - 1) / np.maximum(scale, 1e-9)))
    shifts: AnyArray = np.clip(room, 0, 24).astype(np.int64)
    return shifts
