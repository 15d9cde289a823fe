# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with any filter: ``dsp/depthwise_any.h``."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels import taps as tap
from tinygen.kernels.bands import in_rows
from tinygen.kernels.binding import Assembly, Binding, Call, ScratchArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.dsp.depthwise_requantization import ChannelWords, channel_words
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.structs import struct
from tinygen.ops.convolution import DepthwiseConv2D

_COSTS = Costs("dsp.depthwise_any")


def _packed_weights(layer: DepthwiseConv2D) -> AnyArray:
    """By group of four channels: the odd tap, then pairs of taps, by two channels, tap, channel."""
    channels = layer.input_shape[3]
    by_tap = layer.weights.reshape(tap.taps_of(layer), channels)
    starts = [*range(0, channels - 4, 4), channels - 4]
    groups = np.stack([by_tap[:, start : start + 4] for start in starts])
    odd = len(by_tap) % 2
    pairs = groups[:, odd:].reshape(len(starts), -1, 2, 2, 2).transpose(0, 1, 3, 2, 4)
    packed: AnyArray = np.concatenate(
        [groups[:, :odd].reshape(len(starts), -1), pairs.reshape(len(starts), -1)], axis=1
    )
    return packed.reshape(-1)


@dsp("depthwise_any", DepthwiseConv2D)
def depthwise_any(layer: DepthwiseConv2D) -> Offer | Refusal:
    """Tap by tap, four channels at a time."""
    if layer.depth_multiplier != 1:
        return Refusal(f"the depth multiplier is {layer.depth_multiplier}, not 1")
    if layer.input_shape[3] < 4:
        return Refusal(f"has {layer.input_shape[3]} channels, and 4 go together")
    if layer.requantization.clamp_min > layer.requantization.clamp_max:
        return Refusal("the range of its outputs is empty")
    if tap.counts_beyond(layer):
        return Refusal(tap.COUNTS_BEYOND)
    words = channel_words(layer)
    if words.missing.any():
        return Refusal("some channels need the general requantization")
    return in_rows(layer, _cycles(layer, words), lambda: _bind(layer, words))


def _cycles(layer: DepthwiseConv2D, words: ChannelWords) -> float:
    taps, channels = tap.taps_of(layer), layer.input_shape[3]
    pixels = int(np.prod(layer.output_shape[:3]))
    rows, columns = layer.window.height, layer.window.width
    inside = layer.input_shape[0] * tap.inside_positions(rows) * tap.inside_positions(columns)
    four = taps // 2 * _COSTS.pair + taps % 2 * _COSTS.odd_tap + _COSTS.four
    output = words.cycles_per_output + _COSTS.cut * bool(words.cut)
    pixel = _COSTS.pixel + -(-channels // 4) * four + channels * output
    return pixels * pixel + (pixels - inside) * taps * _COSTS.tap


def _bind(layer: DepthwiseConv2D, words: ChannelWords) -> Binding:
    parameters = struct(
        "tinygen_depthwise_any_params",
        layer,
        constants=words.three_words,
        weights=_packed_weights(layer),
        taps=tap.taps_of(layer),
        base=words.base,
        cut=words.cut,
        low=words.low,
        two_roundings=words.two_roundings,
        shift=words.shift,
        image=tap.taps_struct(layer, _assembly(words)),
    )
    arguments = (parameters, *in_and_out(layer), ScratchArgument("int32_t"))
    return Binding(
        calls=(Call("tinygen_depthwise_any", arguments),),
        headers=("dsp/depthwise_any.h",),
        scratch_bytes=tap.taps_scratch_bytes(layer),
        overlaps=image_overlaps(layer),
        notes=(words.note,),
    )


def _assembly(words: ChannelWords) -> Assembly:
    return Assembly(
        "dsp/depthwise_any.inc",
        "tinygen_depthwise_pixel_function",
        "tinygen_depthwise_any_channels",
        (
            ("two_roundings", int(words.two_roundings)),
            ("shift", words.shift),
            ("cut", int(words.cut != 0)),
        ),
    )


KERNELS = (depthwise_any,)
