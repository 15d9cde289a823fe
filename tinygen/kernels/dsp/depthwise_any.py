# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with any filter: ``dsp/depthwise_any.h``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygen.hardware.cores import Core, Feature
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import ByRows, Kernel
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.dsp.depthwise_requantization import ChannelWords, channel_words
from tinygen.kernels.kernel import Provider
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.taps import (
    COUNTS_BEYOND,
    counts_beyond,
    inside_positions,
    taps_of,
    taps_scratch_bytes,
    taps_struct,
)
from tinygen.ops.convolution import DepthwiseConv2D

_PAIR_CYCLES = 27.0
"""Of taps, for four channels; """
_ODD_TAP_CYCLES = 16.0
_FOUR_CYCLES = 84.0
"""four outputs, and the way to the next four; """
_CUT_CYCLES = 2.0
"""an output whose range is cut; """
_PIXEL_CYCLES = 75.0
_TAP_CYCLES = 15.0
"""and finding a tap of a pixel next to padding."""


def _packed_weights(layer: DepthwiseConv2D) -> AnyArray:
    """By group of four channels: the odd tap, then pairs of taps, by two channels, tap, channel."""
    channels = layer.input_shape[3]
    by_tap = layer.weights.reshape(taps_of(layer), channels)
    starts = [*range(0, channels - 4, 4), channels - 4]
    groups = np.stack([by_tap[:, start : start + 4] for start in starts])
    odd = len(by_tap) % 2
    pairs = groups[:, odd:].reshape(len(starts), -1, 2, 2, 2).transpose(0, 1, 3, 2, 4)
    packed: AnyArray = np.concatenate(
        [groups[:, :odd].reshape(len(starts), -1), pairs.reshape(len(starts), -1)], axis=1
    )
    return packed.reshape(-1)


@dataclass(frozen=True)
class DepthwiseAny(ByRows):
    """The kernel's descriptor."""

    name: str = "dsp.depthwise_any"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, DepthwiseConv2D):
            return "does DepthwiseConv2D only"
        if not (core.dsp and Feature.UNALIGNED in core.features):
            return f"{core.name} lacks 16-bit SIMD or unaligned loads"
        if layer.depth_multiplier != 1:
            return f"the depth multiplier is {layer.depth_multiplier}, not 1"
        if layer.input_shape[3] < 4:
            return f"has {layer.input_shape[3]} channels, and 4 go together"
        if layer.requantization.clamp_min > layer.requantization.clamp_max:
            return "the range of its outputs is empty"
        if counts_beyond(layer):
            return COUNTS_BEYOND
        if channel_words(layer).missing:
            return "some channels need the general requantization"
        return None

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - one estimate for all cores
        """Estimated cycles."""
        assert isinstance(layer, DepthwiseConv2D)
        taps, channels = taps_of(layer), layer.input_shape[3]
        pixels = int(np.prod(layer.output_shape[:3]))
        rows, columns = layer.window.height, layer.window.width
        inside = layer.input_shape[0] * inside_positions(rows) * inside_positions(columns)
        four = taps // 2 * _PAIR_CYCLES + taps % 2 * _ODD_TAP_CYCLES + _FOUR_CYCLES
        words = channel_words(layer)
        output = words.cycles_per_output + _CUT_CYCLES * bool(_cut(layer))
        pixel = _PIXEL_CYCLES + -(-channels // 4) * four + channels * output
        return pixels * pixel + (pixels - inside) * taps * _TAP_CYCLES

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every core
        """Fit the kernel to a layer that it does not reject."""
        assert isinstance(layer, DepthwiseConv2D)
        words = channel_words(layer)
        assembly = _assembly(words, _cut(layer))
        return Binding(
            calls=(
                Call(
                    "tinygen_depthwise_any",
                    (
                        _parameters(layer, words, assembly),
                        TensorArgument(layer.inputs[0]),
                        TensorArgument(layer.outputs[0], writable=True),
                        ScratchArgument("int32_t"),
                    ),
                ),
            ),
            headers=("dsp/depthwise_any.h",),
            constants=(
                Constant("weights", _packed_weights(layer)),
                Constant("constants", words.words),
            ),
            scratch_bytes=taps_scratch_bytes(layer),
            overlaps=image_overlaps(layer),
            notes=(words.note,),
        )


def _cut(layer: DepthwiseConv2D) -> int:
    return 255 - (layer.requantization.clamp_max - layer.requantization.clamp_min)


def _parameters(layer: DepthwiseConv2D, words: ChannelWords, assembly: Assembly) -> Struct:
    return Struct(
        "tinygen_depthwise_any_params",
        (
            ("constants", ConstantArgument("constants")),
            ("weights", ConstantArgument("weights")),
            ("channels", layer.input_shape[3]),
            ("taps", taps_of(layer)),
            ("base", words.base),
            ("cut", _cut(layer)),
            ("low", layer.requantization.clamp_min),
            ("two_roundings", int(words.two_roundings)),
            ("shift", words.shift),
            ("image", taps_struct(layer, assembly)),
        ),
    )


def _assembly(words: ChannelWords, cut: int) -> Assembly:
    return Assembly(
        "dsp/depthwise_any.inc",
        "tinygen_depthwise_pixel_function",
        "tinygen_depthwise_any_channels",
        (
            ("two_roundings", int(words.two_roundings)),
            ("shift", words.shift),
            ("cut", int(cut != 0)),
        ),
    )


KERNELS: Sequence[Kernel] = (DepthwiseAny(),)
