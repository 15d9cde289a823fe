# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for cores without SIMD, two products a multiplication: ``thumb/conv2d_s8.h``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinygen.hardware.cores import Core
from tinygen.ir.graph import AnyArray
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Assembly, Binding, Call, Raw, ScratchArgument, Struct
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Bands, Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.outside import one_by_one
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.structs import struct
from tinygen.kernels.taps import inside_positions
from tinygen.kernels.thumb.requantization import Words, channel_words, has_long_product, thumb
from tinygen.numerics.fixed_point import Rounding
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.requantize.channels import ROUNDS_TWICE, folded_bias

_MOST_SCRATCH = 8192
"""Bytes of columns that are not too much for a small device."""
_PIXELS = 4


_V7M = Costs("thumb.convolution.v7m")
_V6M = Costs("thumb.convolution.v6m")


def _rates(core: Core) -> Costs:
    return _V7M if has_long_product(core) else _V6M


def _groups(layer: Conv2D) -> int:
    """Groups of four values of a window."""
    return -(-int(layer.weights[0].size) // 4)


def _flat(layer: Conv2D) -> AnyArray:
    return layer.weights.reshape(len(layer.weights), -1)


def _padded(layer: Conv2D) -> NDArray[np.int8]:
    flat = _flat(layer)
    return np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).astype(np.int8)


def _sums_of_two_fit(layer: Conv2D) -> bool:
    """Whether the products of neighbouring weights add up to int16."""
    pairs = _padded(layer).reshape(-1, 2)
    return not bool(np.any(np.all(pairs == -128, axis=1)))


def _in_stream(words: Words) -> bool:
    """Whether enough channels are fitted to multiply them by the stream."""
    return 2 * int(words.missing.sum()) <= len(words.missing)


def _remaining(words: Words) -> AnyArray:
    """Channels outside the stream."""
    chosen: AnyArray = np.flatnonzero(words.missing | (not _in_stream(words)))
    return chosen


def _unroll(groups: int) -> int:
    return 2 if groups % 2 == 0 else 1


def _offer(layer: Conv2D, core: Core) -> Offer | Refusal:
    if layer.groups > 1:
        return Refusal(f"has {layer.groups} groups of channels")
    if layer.requantization.rounding is not Rounding.DOUBLE:
        return Refusal(ROUNDS_TWICE)
    if 32 * _groups(layer) > _MOST_SCRATCH:
        return Refusal(f"its columns would take more than {_MOST_SCRATCH:,} bytes")
    if not _sums_of_two_fit(layer):
        return Refusal("two neighbouring weights are -128")
    words = channel_words(layer.weights, layer, core)
    quad = _quad_cycles(layer, words, core)

    def by_bands(bands: Bands) -> Offer:
        _, height, width, _ = layer.output_shape
        quads = height // bands.most * -(-bands.most * width // _PIXELS)
        quads += -(-height % bands.most * width // _PIXELS)
        return Offer(
            quads * quad + calls_cost(layer, bands),
            lambda: rows_binding(_bind(layer, words, core), bands),
        )

    quads = -(-int(np.prod(layer.output_shape[:3])) // _PIXELS)
    return Offer(quads * quad, lambda: _bind(layer, words, core), by_bands)


@thumb("conv2d", Conv2D)
def conv2d(layer: Conv2D, core: Core) -> Offer | Refusal:
    """Any window of one group of channels."""
    return _offer(layer, core)


@thumb("depthwise_as_conv2d", DepthwiseConv2D)
def depthwise_as_conv2d(layer: DepthwiseConv2D, core: Core) -> Offer | Refusal:
    """A depthwise layer of one input channel is a convolution."""
    if layer.input_shape[3] != 1:
        return Refusal(f"the image has {layer.input_shape[3]} channels, not 1")
    return _offer(layer.as_convolution(), core)


def _quad_cycles(layer: Conv2D, words: Words, core: Core) -> float:
    """Cycles of four pixels."""
    rates = _rates(core)
    groups = _groups(layer)
    dot = groups * (rates.group + rates.turn / _unroll(groups))
    stream = len(words.missing) * (dot + rates.fitted_channel) if _in_stream(words) else 0.0
    rest = len(_remaining(words)) * (dot + rates.rest_channel)
    rows, columns = layer.window.height, layer.window.width
    together = inside_positions(columns) / columns.output if columns.dilation == 1 else 0.0
    runs = rows.size * (together + (1 - together) * columns.size)
    column = int(layer.weights[0].size) * rates.value + runs * rates.run
    return stream + rest + _PIXELS * column


def _bind(layer: Conv2D, words: Words, core: Core) -> Binding:
    groups = _groups(layer)
    has_stream = _in_stream(words)
    parameters = struct(
        "tinygen_thumb_conv2d_params",
        layer,
        multiply=_multiply(words, groups, core) if has_stream else None,
        stream=words.after(_flat(layer)) if has_stream else None,
        shape={
            "groups": groups,
            "channels": len(words.missing),
            "pitch": layer.output_shape[3],
            "scaling": words.struct(),
        },
        padding=layer.input_zero_point,
    )
    rest = _rest(layer, _remaining(words), _dot(groups, core))
    arguments = (parameters, rest, *in_and_out(layer), ScratchArgument("int32_t"))
    return Binding(
        calls=(Call("tinygen_thumb_conv2d", arguments),),
        headers=("thumb/conv2d_s8.h",),
        scratch_bytes=32 * groups,
        overlaps=image_overlaps(layer),
        notes=(words.note,),
    )


def _rest(layer: Conv2D, chosen: AnyArray, dot: Assembly) -> Struct | Raw:
    """What the channels outside the stream need: NULL if there are none."""
    if not chosen.size:
        return Raw("NULL")
    bias = folded_bias(layer.weights, layer.bias, layer.input_zero_point)
    rest = one_by_one(chosen, _padded(layer), bias, layer.requantization)
    return struct("tinygen_thumb_rest", None, "rest", dot=dot, **rest)


def _listing(core: Core) -> str:
    return "thumb/gemm_v7m.inc" if has_long_product(core) else "thumb/gemm_v6m.inc"


def _multiply(words: Words, groups: int, core: Core) -> Assembly:
    return Assembly(
        _listing(core),
        "tinygen_thumb_multiply_function",
        "tinygen_thumb_multiply",
        (("fitted", 1), ("unroll", _unroll(groups)), *words.parameters()),
    )


def _dot(groups: int, core: Core) -> Assembly:
    return Assembly(
        _listing(core),
        "tinygen_thumb_dot_function",
        "tinygen_thumb_dot",
        (("fitted", 0), ("unroll", _unroll(groups)), ("cut", 0)),
    )


KERNELS = (conv2d, depthwise_as_conv2d)
