# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for cores without SIMD: ``thumb/depthwise_s8.h``."""

from __future__ import annotations

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.kernels import taps as tap
from tinygen.kernels.bands import in_rows
from tinygen.kernels.binding import Assembly, Binding, Call, ScratchArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.structs import struct
from tinygen.kernels.thumb.requantization import Words, channel_words, has_long_product, thumb
from tinygen.numerics.fixed_point import Rounding
from tinygen.ops.convolution import DepthwiseConv2D
from tinygen.requantize.channels import ROUNDS_TWICE

_MOST_TAPS = 31
"""The assembly is unrolled, and Armv6-M's branches do not reach far."""


_V7M = Costs("thumb.depthwise.v7m")
_V6M = Costs("thumb.depthwise.v6m")


@thumb("depthwise", DepthwiseConv2D)
def depthwise(layer: DepthwiseConv2D, core: Core) -> Offer | Refusal:
    """Channel by channel, its taps unrolled."""
    if layer.depth_multiplier != 1:
        return Refusal(f"the depth multiplier is {layer.depth_multiplier}, not 1")
    if layer.requantization.rounding is not Rounding.DOUBLE:
        return Refusal(ROUNDS_TWICE)
    if tap.taps_of(layer) > _MOST_TAPS:
        return Refusal(f"the filter has more than {_MOST_TAPS} taps")
    if tap.counts_beyond(layer):
        return Refusal(tap.COUNTS_BEYOND)
    words = channel_words(layer.filters, layer, core)
    if words.missing.any():
        return Refusal("some channels need the general requantization")
    return in_rows(layer, _cycles(layer, core), lambda: _bind(layer, words, core))


def _cycles(layer: DepthwiseConv2D, core: Core) -> float:
    rates = _V7M if has_long_product(core) else _V6M
    taps = tap.taps_of(layer)
    pixels = int(np.prod(layer.output_shape[:3]))
    rows, columns = layer.window.height, layer.window.width
    inside = layer.input_shape[0] * tap.inside_positions(rows) * tap.inside_positions(columns)
    pixel = rates.pixel + layer.input_shape[3] * (taps * rates.tap + rates.output)
    return pixels * pixel + (pixels - inside) * taps * rates.found_tap


def _bind(layer: DepthwiseConv2D, words: Words, core: Core) -> Binding:
    parameters = struct(
        "tinygen_thumb_depthwise_params",
        layer,
        stream=words.after(layer.filters.reshape(-1, tap.taps_of(layer))),
        scaling=words.struct(),
        taps=tap.taps_of(layer),
        image=tap.taps_struct(layer, _assembly(tap.taps_of(layer), words, core)),
    )
    arguments = (parameters, *in_and_out(layer), ScratchArgument("int32_t"))
    return Binding(
        calls=(Call("tinygen_thumb_depthwise", arguments),),
        headers=("thumb/depthwise_s8.h",),
        scratch_bytes=tap.taps_scratch_bytes(layer),
        overlaps=image_overlaps(layer),
        notes=(words.note,),
    )


def _assembly(taps: int, words: Words, core: Core) -> Assembly:
    return Assembly(
        f"thumb/depthwise_{'v7m' if has_long_product(core) else 'v6m'}.inc",
        "tinygen_depthwise_pixel_function",
        "tinygen_thumb_depthwise_pixel",
        (("taps", taps), *words.parameters()),
    )


KERNELS = (depthwise,)
