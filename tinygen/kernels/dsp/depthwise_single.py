# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D of an image with one channel: an ordinary convolution of it.

With a column stride of 2 windows are read in place (``dsp/depthwise_single.h``); others are done as
a CONV_2D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Assembly, Binding, Call, Raw, ScratchArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.dsp.gemm import gemm_offer
from tinygen.kernels.dsp.packing import Channels, Int8Array, pair_starts, prepare
from tinygen.kernels.kernel import Bands, Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.outside import one_by_one, outside
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.structs import Value, struct
from tinygen.numerics.fixed_point import Int32Array, Rounding
from tinygen.ops.convolution import DepthwiseConv2D
from tinygen.requantize.channels import ROUNDS_TWICE, folded_bias, per_channel

_STRIP_BYTES = 1536
"""Scratch memory, if one output row does not need more."""
_MOST_UNROLLED_STEPS = 8
_MOST_OFFSET = 4000
"""Bytes that a load can be away from its pointer, about."""

_COSTS = Costs("dsp.depthwise_single")


@dataclass(frozen=True)
class _Filter:
    """How a layer is laid out in the strip: ``dsp/depthwise_single.h``.

    ``pixels`` of an output row are rounded up to an even number; ``pitch`` is in int16.
    """

    rows: int
    columns: int
    steps: int
    pixels: int
    odd: bool
    pitch: int
    band_rows: int
    strip_rows: int

    @property
    def turn(self) -> int:
        """Filter rows of one turn of the assembly's loop."""
        for rows in range(self.rows, 0, -1):
            unrolled = rows * self.steps <= max(_MOST_UNROLLED_STEPS, self.steps)
            if self.rows % rows == 0 and unrolled and 2 * self.pitch * rows <= _MOST_OFFSET:
                return rows
        return 1


def _filter(layer: DepthwiseConv2D, most_rows: int | None = None) -> _Filter:
    """The layout; ``most_rows`` are those of a call that computes a band, None for the whole image."""
    rows, columns = layer.window.height, layer.window.width
    steps = (columns.size + 1) // 2
    pixels = columns.output + columns.output % 2
    pitch = 2 * (pixels - 1) + 2 * steps
    allowed = _STRIP_BYTES // (2 * pitch)
    band_rows = max((allowed - rows.size) // rows.stride + 1, 1)
    band_rows = min(band_rows, rows.output) if most_rows is None else most_rows
    return _Filter(
        rows=rows.size,
        columns=columns.size,
        steps=steps,
        pixels=pixels,
        odd=columns.output % 2 != 0,
        pitch=pitch,
        band_rows=band_rows,
        strip_rows=(band_rows - 1) * rows.stride + rows.size,
    )


def _padded_weights(layer: DepthwiseConv2D) -> Int8Array:
    """(channels, filter rows × steps × 2 taps), an odd last tap followed by 0."""
    odd = layer.filters.shape[2] % 2
    padded = np.pad(layer.filters, ((0, 0), (0, 0), (0, odd)))
    result: Int8Array = padded.reshape(len(padded), -1)
    return result


def _channels(layer: DepthwiseConv2D) -> Channels:
    """The channels of the stream: those that fill groups of four."""
    count = layer.output_shape[3] // 4 * 4
    pixels = layer.output_shape[1] * layer.output_shape[2]
    taps = layer.window.height.size * layer.window.width.size
    return prepare(
        _padded_weights(layer)[:count],
        layer.bias[:count],
        layer.input_zero_point,
        per_channel(layer.requantization, np.arange(count)),
        pixels * (taps * _COSTS.rest_mac + _COSTS.rest_output),
        pixels * _COSTS.two_roundings,
    )


def _stream(channels: Channels) -> Int32Array:
    quads = len(channels.weights) // 4
    halves = 256 * channels.weights[0::2].astype(np.int32) + channels.weights[1::2]
    words = halves.astype("<i2").view("<i4").reshape(quads, 2, -1).transpose(0, 2, 1)
    parts = [
        pair_starts(channels).reshape(quads, 4),
        words.reshape(quads, -1),
        channels.constants.reshape(quads, 8),
    ]
    return np.concatenate(parts, axis=1).reshape(-1).astype(np.int32)


def _outside(layer: DepthwiseConv2D, channels: Channels) -> AnyArray:
    """The channels that are not in the stream."""
    return outside(channels.missing, layer.output_shape[3])


def _row_cycles(layer: DepthwiseConv2D, channels: Channels, f: _Filter) -> float:
    """Cycles of an output row, its input rows in the strip."""
    per_output = _COSTS.two_roundings * channels.two_roundings
    per_output += _COSTS.cut * bool(channels.cut)
    block = _COSTS.block + 8 * per_output
    block += f.rows * (f.steps * _COSTS.step + _COSTS.filter_row)
    block += (f.rows // f.turn) * _COSTS.turn if f.turn < f.rows else 0
    row = len(channels.missing) / 4 * (_COSTS.quad + f.pixels / 2 * block)
    rest = f.rows * f.columns * _COSTS.rest_mac + _COSTS.rest_output
    row += len(_outside(layer, channels)) * layer.output_shape[2] * rest
    return row + _COSTS.row


def _cycles(layer: DepthwiseConv2D, channels: Channels, f: _Filter) -> float:
    stride = layer.window.height.stride
    shared = max(f.rows - stride, 0)
    per_row = stride * (_COSTS.row + f.pitch * _COSTS.widen)
    per_row += shared * f.pitch * _COSTS.kept / f.band_rows
    rows = layer.input_shape[0] * layer.output_shape[1]
    return rows * (_row_cycles(layer, channels, f) + per_row)


def _bands_cycles(layer: DepthwiseConv2D, channels: Channels, f: _Filter, bands: Bands) -> float:
    rows = layer.output_shape[1]
    widened = -(-rows // bands.most) * f.strip_rows * (_COSTS.row + f.pitch * _COSTS.widen)
    return rows * _row_cycles(layer, channels, f) + widened + calls_cost(layer, bands)


def _bind(layer: DepthwiseConv2D, channels: Channels, f: _Filter) -> Binding:
    has_stream = len(channels.missing) > 0
    columns = layer.window.width
    parameters = struct(
        "tinygen_single_params",
        layer,
        row=_assembly(f, channels) if has_stream else None,
        stream=_stream(channels) if has_stream else None,
        shape={
            "quads": len(channels.missing) // 4,
            "channels": layer.output_shape[3],
            "pixels": f.pixels,
        },
        input_rows=layer.window.height.input,
        input_columns=columns.input,
        output_rows=layer.window.height.output,
        output_columns=columns.output,
        filter_rows=f.rows,
        filter_columns=f.columns,
        row_stride=layer.window.height.stride,
        pad_top=layer.window.height.pad,
        pad_left=columns.pad,
        used_columns=min(columns.input, f.pitch - columns.pad),
        pitch=f.pitch,
        band_rows=f.band_rows,
        padding=layer.input_zero_point,
        **_rest(layer, channels),
    )
    arguments = (parameters, *in_and_out(layer), ScratchArgument("int16_t"))
    return Binding(
        calls=(Call("tinygen_single", arguments),),
        headers=("dsp/depthwise_single.h",),
        scratch_bytes=2 * f.pitch * f.strip_rows,
        overlaps=image_overlaps(layer),
        notes=(channels.note,),
    )


def _rest(layer: DepthwiseConv2D, channels: Channels) -> dict[str, Value]:
    """What the channels outside the stream need: nothing if there are none."""
    chosen = _outside(layer, channels)
    bias = folded_bias(layer.filters, layer.bias, layer.input_zero_point)
    rest = one_by_one(chosen, layer.filters, bias, layer.requantization)
    if not chosen.size:
        rest = dict.fromkeys(rest, None)
    return {
        "rest": Raw("tinygen_single_rest") if chosen.size else None,
        "requantization": rest.pop("requantization"),
        **{f"rest_{key}": value for key, value in rest.items()},
    }


def _assembly(f: _Filter, channels: Channels) -> Assembly:
    return Assembly(
        "dsp/depthwise_single.inc",
        "tinygen_single_row_function",
        "tinygen_single_row",
        (
            ("rows", f.rows),
            ("steps", f.steps),
            ("turn", f.turn),
            ("pitch", 2 * f.pitch),
            ("odd", int(f.odd)),
            ("two_roundings", int(channels.two_roundings)),
            ("shift", channels.shift),
            ("base", channels.base),
            ("cut", channels.cut),
            ("low", channels.low),
        ),
        struct(
            "tinygen_single_filter",
            f,
            scaling=struct("tinygen_gemm_shape", channels, steps=None, outputs=None),
        ),
    )


@dsp("depthwise_single", DepthwiseConv2D)
def depthwise_single(layer: DepthwiseConv2D) -> Offer | Refusal:
    """A column stride of 2."""
    if layer.input_shape[3] != 1:
        return Refusal(f"the image has {layer.input_shape[3]} channels, not 1")
    rows, columns = layer.window.height, layer.window.width
    if columns.stride != 2:
        return Refusal(f"the column stride is {columns.stride}, not 2")
    if (rows.dilation, columns.dilation) != (1, 1):
        return Refusal("the filter is dilated")
    f = _filter(layer)
    if 2 * f.pitch > _MOST_OFFSET:
        return Refusal("the rows are too long")
    if layer.requantization.rounding is not Rounding.DOUBLE:
        return Refusal(ROUNDS_TWICE)
    if layer.requantization.clamp_min > layer.requantization.clamp_max:
        return Refusal("the range of its outputs is empty")
    channels = _channels(layer)

    def by_bands(bands: Bands) -> Offer:
        banded = _filter(layer, bands.most)
        return Offer(
            _bands_cycles(layer, channels, banded, bands),
            lambda: rows_binding(_bind(layer, channels, banded), bands),
        )

    return Offer(_cycles(layer, channels, f), lambda: _bind(layer, channels, f), by_bands)


@dsp("depthwise_single_gemm", DepthwiseConv2D)
def depthwise_single_gemm(layer: DepthwiseConv2D) -> Offer | Refusal:
    """Any other stride."""
    if layer.input_shape[3] != 1:
        return Refusal(f"the image has {layer.input_shape[3]} channels, not 1")
    return gemm_offer(layer.as_convolution())


KERNELS = (depthwise_single, depthwise_single_gemm)
