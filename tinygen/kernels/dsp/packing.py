# SPDX-License-Identifier: Apache-2.0
"""Weights, start sums and requantization constants in the order in which the DSP kernels read them.

Two channels share a word of weights: each half is 256·first + second (``dsp/gemm.h``). The sum of
the first comes out 256 times too large, so it must stay below 2**23; 256·first + second must be
int16. Channels for which that does not hold, or whose requantization has no fitted constants, are
``missing``: their weights in the words are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.numerics.fixed_point import Int32Array, Int64Array, Requantization, wrap_int32
from tinygen.requantize.channels import VARIES, constant_outputs, folded_bias, per_channel
from tinygen.requantize.choose import Scaling, cheaper, fitted, two_roundings
from tinygen.requantize.fitted import BoolArray, accumulator_bounds, largest_shift

Int8Array = NDArray[np.int8]

_FIRST_SCALE = 256
_FITTED_SHIFT = 4
"""The right shift that fits nearly every channel of nearly every layer, so that all share code."""
_EXACT_SHIFT = 10
"""The same for the two roundings."""
_NONE = np.zeros(0, np.int64)
_MOST_FIRST = 1 << 23
_MOST_SECOND = 1 << 30
_CENTRED = 1 << 22
"""Sums beyond this are moved to around zero before they are fitted."""


@dataclass(frozen=True, eq=False)
class Channels(Scaling):
    """The channels of a layer that are computed in pairs, ready for packing.

    ``weights`` are (channels, depth). ``starts`` are the sums to start from, the first channel's of a
    pair times ``first_scale``; ``constants`` (channels, 2). See ``tinygen_gemm_output`` in
    ``dsp/gemm.h``.
    """

    weights: Int8Array
    starts: Int64Array
    constants: Int32Array


def prepare(
    weights: Int8Array,
    bias: Int32Array,
    input_zero_point: int,
    q: Requantization,
    missing_cost: float,
    two_roundings_cost: float,
    *,
    alike: bool = False,
) -> Channels:
    """Fit the layer's requantization, or take the two roundings, whichever is cheaper.

    Args:
        weights: (channels, depth); channels 0, 2, … are the first of their pairs.
        bias: one a channel.
        input_zero_point: the input's zero point.
        q: the requantization, for as many channels or for one.
        missing_cost: cycles that a missing channel costs.
        two_roundings_cost: cycles by which a channel costs more with the two roundings.
        alike: fit all channels to the range of all, so that they share constants if they share a
            multiplier.
    """
    if not len(weights):
        nothing = fitted(q, _NONE, _NONE, 0)
        return Channels(
            **vars(nothing), weights=weights, starts=_NONE, constants=wrap_int32(nothing.words)
        )
    q = per_channel(q, len(weights))
    low, high = accumulator_bounds(weights, bias, input_zero_point)
    if alike:
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    first = np.arange(len(weights)) % 2 == 0
    scale = np.where(first, _FIRST_SCALE, 1)
    packable = _packable(weights)
    outputs = constant_outputs(q, low, high)
    varies = outputs == VARIES
    origins = np.where(np.maximum(np.abs(low), np.abs(high)) > _CENTRED, (low + high) // 2, 0)
    # Shifts are even so that layers share code; a small one costs precision that is rarely missed.
    most = largest_shift(q, np.ones(len(low), np.int64), varies)
    shift = max(min(_FITTED_SHIFT, most - most % 2) if most >= 0 else most, 0)
    wide = varies & first & ((low < -(1 << 23)) | (high >= 1 << 23))
    scaling = cheaper(
        fitted(
            q,
            low,
            high,
            shift,
            shifts=np.where(first, shift + 8, shift),
            scales=scale,
            origins=origins,
            outputs=outputs,
        ).without(~packable),
        lambda: two_roundings(q, low, high, _EXACT_SHIFT, outputs).without(~packable | wide),
        missing_cost,
        two_roundings_cost,
    )
    folded = folded_bias(weights, bias, input_zero_point)
    if scaling.two_roundings:
        starts = scale * np.where(varies, folded, np.abs(outputs - q.zero_point))
    else:
        starts = np.where(varies, scale * (folded - origins), 0) + scaling.nudges
    kept = ~scaling.missing
    return Channels(
        **vars(scaling),
        weights=np.where((kept & varies)[:, None], weights, 0).astype(np.int8),
        starts=np.where(kept, starts, 0),
        constants=scaling.words.astype(np.int32),
    )


def _packable(weights: Int8Array) -> BoolArray:
    """Whether 256·first + second is int16 everywhere; if not, the first is left out."""
    packable = np.ones(len(weights), np.bool_)
    pairs = len(weights) // 2
    first, second = weights[0 : 2 * pairs : 2], weights[1 : 2 * pairs : 2]
    packable[0 : 2 * pairs : 2] = ~np.any((first == -128) & (second < 0), axis=1)
    return packable


def pair_words(weights: Int8Array) -> Int32Array:
    """(pairs, steps) words of the weights (channels, depth), depth a multiple of four.

    A step has depths k and k + 2 in its halves, k in 0, 1, 4, 5, 8, …: what SXTB16 makes of bytes.
    """
    halves = 256 * weights[0::2].astype(np.int32) + weights[1::2]
    groups = halves.astype(np.int16).reshape(len(halves), -1, 2, 2)
    lanes = np.ascontiguousarray(groups.transpose(0, 1, 3, 2)).astype("<i2")
    words: Int32Array = lanes.view("<i4").reshape(len(halves), -1).astype(np.int32)
    return words


def pair_starts(channels: Channels) -> Int32Array:
    """(pairs, 2) sums to start from: of both together, and of the second."""
    first, second = channels.starts[0::2], channels.starts[1::2]
    return wrap_int32(np.stack([first + second, second], axis=1))


def shared_constants(channels: Channels) -> Int32Array | None:
    """The four constants of every pair, None if pairs differ."""
    kept = ~channels.missing
    first, second = channels.constants[0::2][kept[0::2]], channels.constants[1::2][kept[1::2]]
    if any(len(np.unique(lane, axis=0)) != 1 for lane in (first, second)):
        return None
    return np.concatenate([first[0], second[0]])


def dense_stream(weights: Int8Array, bias: Int64Array, input_zero_point: int) -> Int32Array | None:
    """The stream of ``dsp/gemv_sums.h``; None if a first sum reaches 2**23, or a second 2**30.

    Args:
        weights: (outputs, depth); zeros go behind them up to whole blocks of eight and groups of four.
        bias: one an output.
        input_zero_point: the input's zero point.
    """
    outputs, depth = weights.shape
    padded = np.pad(weights, [(0, -outputs % 8), (0, -depth % 4)])
    starts = np.zeros(len(padded), np.int64)
    starts[:outputs] = folded_bias(weights, bias, input_zero_point)
    low, high = accumulator_bounds(padded, np.zeros(len(padded), np.int32), 0)
    first = np.arange(len(padded)) % 2 == 0
    most = np.where(first, _MOST_FIRST, _MOST_SECOND)
    if np.any((low + starts < -most) | (high + starts >= most)) or not np.all(_packable(padded)):
        return None
    return _gemv_blocks(padded, starts * np.where(first, _FIRST_SCALE, 1)).reshape(-1)


def scales_exactly(pair: tuple[int, int]) -> bool:
    """Whether tinygen_dsp_scale() (``dsp/scale.h``) has the bits of that multiplier and shift."""
    multiplier, shift = pair
    return multiplier >= 1 << 30 and shift >= -30


def gemv_stream(channels: Channels, *, with_constants: bool) -> Int32Array:
    """The stream of ``dsp/fully_connected_s8.h`` for a multiple of eight outputs."""
    parts = [_gemv_blocks(channels.weights, channels.starts)]
    if with_constants:
        parts.append(channels.constants.reshape(len(parts[0]), 16))
    return np.concatenate(parts, axis=1).reshape(-1)


def _gemv_blocks(weights: Int8Array, starts: Int64Array) -> Int32Array:
    """(blocks of eight outputs, words): sums to start from, a first's times 256, and weights."""
    blocks = len(weights) // 8
    words = pair_words(weights).reshape(blocks, 4, -1, 2).transpose(0, 2, 1, 3)
    second = weights[1::2].astype(np.int64)
    seconds = starts[1::2] - (second[:, 0::2] * second[:, 1::2]).sum(axis=1)
    pairs = np.stack([starts[0::2] + starts[1::2], seconds], axis=1)
    return np.concatenate([wrap_int32(pairs).reshape(blocks, 8), words.reshape(blocks, -1)], axis=1)


def gemm_stream(channels: Channels) -> Int32Array:
    """The stream of ``dsp/gemm.h`` for a multiple of four channels."""
    quads = len(channels.weights) // 4
    words = pair_words(channels.weights).reshape(quads, 2, -1).transpose(0, 2, 1)
    parts = [
        pair_starts(channels).reshape(quads, 4),
        words.reshape(quads, -1),
        channels.constants.reshape(quads, 8),
    ]
    return np.concatenate(parts, axis=1).reshape(-1)
