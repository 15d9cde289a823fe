# SPDX-License-Identifier: Apache-2.0
"""CONV_2D by multiplication of pairs of columns in 16-bit SIMD assembly: ``dsp/gemm.h``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ir.window import Axis
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Assembly, Binding, Call, Overlap, Raw, ScratchArgument, Struct
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.dsp.packing import Channels, Int8Array, gemm_stream, prepare
from tinygen.kernels.kernel import Bands, Code, Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.outside import one_by_one, outside
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import Rounding
from tinygen.ops.convolution import Conv2D
from tinygen.requantize.channels import ROUNDS_TWICE, folded_bias, per_channel

_UNROLL = 16
_UNROLL_COMPACT = 8
_BLOCK_BYTES = 900
"""Scratch memory for columns, if one pair does not need more."""
_LARGE_BLOCK_BYTES = 1280
"""The same for two pairs."""
_MOST_BLOCK_PAIRS = 8
_BAND_BLOCK_BYTES = 256
"""The same for one pair or more of a band of rows."""

_SMALL_POINTWISE = 4
"""Groups of four values of windows that are worth code of their own: one segment, """
_SMALL_WINDOW = 12
"""or several."""
_LARGEST_OFFSET = 4000
"""Bytes from an address that a load reaches."""

_COSTS = Costs("dsp.gemm")


@dataclass(frozen=True)
class _Windows:
    """How the windows of a layer lie in memory: ``dsp/conv2d_s8.h``.

    ``segment`` bytes are consecutive, of ``segment_taps`` taps; a window has ``segments``.
    """

    segment: int
    segment_taps: int
    segments: int
    pointwise: bool
    small_block: bool = False
    """Whether scratch memory is for a band of rows: as little as is not much slower."""

    @property
    def depth(self) -> int:
        """Values of a column, without filling."""
        return self.segment * self.segments

    @property
    def steps(self) -> int:
        """Steps of two values, an even number."""
        return 2 * -(-self.depth // 4)

    @property
    def block_pairs(self) -> int:
        """Pairs of columns that are written before they are multiplied."""
        pair = 8 * self.steps
        if self.small_block:
            return min(max(_BAND_BLOCK_BYTES // pair, 1), _MOST_BLOCK_PAIRS)
        least = 2 if 2 * pair <= _LARGE_BLOCK_BYTES else 1
        return min(max(_BLOCK_BYTES // pair, least), _MOST_BLOCK_PAIRS)

    @property
    def scratch_bytes(self) -> int:
        """Columns, and two segments for the edges if their taps are no whole groups of four."""
        edge = 0 if self.segment // self.segment_taps % 4 == 0 else 2 * self.segment
        if self.pointwise:
            edge = 0
        return 8 * self.steps * self.block_pairs + edge

    def column(self, filters: Int8Array) -> Int8Array:
        """Filters (channels, height, width, depth) in the order of a column, filled with zeros."""
        by_segment = filters.reshape(len(filters), self.segments, self.segment)
        whole = self.segment - self.segment % 4
        ordered = np.zeros((len(filters), 2 * self.steps), np.int8)
        main = by_segment[:, :, :whole].reshape(len(filters), -1)
        left = by_segment[:, :, whole:].reshape(len(filters), -1)
        ordered[:, : main.shape[1]] = main
        ordered[:, main.shape[1] : self.depth] = left
        return ordered


def _windows(layer: Conv2D) -> _Windows:
    rows, columns = layer.window.height, layer.window.width
    depth = layer.input_shape[3]
    taps = columns.size if columns.dilation == 1 else 1
    pointwise = all(
        (axis.size, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    )
    segments = rows.size * columns.size // taps
    return _Windows(taps * depth, taps, segments, pointwise)


def _pixels(layer: Conv2D) -> int:
    return int(np.prod(layer.output_shape[:3]))


def _remaining_cycles(steps: int, pixels: int) -> float:
    """Cycles of a channel that is computed by itself."""
    return pixels / 2 * (steps * _COSTS.remaining_step + 2 * _COSTS.remaining_output)


@lru_cache(maxsize=64)
def _channels(layer: Conv2D) -> Channels:
    """The channels of the stream: those that fill groups of four."""
    windows = _windows(layer)
    count = layer.output_shape[3] // 4 * 4
    return prepare(
        windows.column(layer.weights)[:count],
        layer.bias[:count],
        layer.input_zero_point,
        per_channel(layer.requantization, np.arange(count)),
        _remaining_cycles(windows.steps, _pixels(layer)),
        _pixels(layer) * _COSTS.two_roundings,
    )


@dataclass(frozen=True)
class _Way:
    """How a kernel does a layer.

    ``unroll`` is the number of steps in a turn of the loop over the depth. ``fills_small`` makes code
    for the layer's own window and ``short`` for its depth, shared only by layers that have the same.
    """

    layer: Conv2D
    windows: _Windows
    channels: Channels
    unroll: int
    fills_small: bool
    short: bool

    @property
    def outside(self) -> AnyArray:
        """The channels that are not in the stream."""
        return outside(self.channels.missing, self.layer.output_shape[3])

    def pairs_cycles(self, pairs: int) -> float:
        """Cycles of all pairs of columns."""
        windows, channels = self.windows, self.channels
        per_output = _COSTS.two_roundings * channels.two_roundings
        per_output += _COSTS.cut * bool(channels.cut)
        quad = _COSTS.quad + 8 * per_output + _COSTS.step * windows.steps
        if self.short:
            quad -= _COSTS.loop
        else:
            quad += _COSTS.turn * ((windows.steps - 1) // self.unroll)
        cycles = pairs * (_COSTS.pair + len(channels.missing) / 4 * quad)
        cycles += pairs / windows.block_pairs * _COSTS.call
        cycles += len(self.outside) * _remaining_cycles(windows.steps, _pixels(self.layer))
        column = windows.depth * _COSTS.widen + (0.0 if windows.pointwise else _COSTS.pixel)
        if not self.fills_small:
            column += windows.segments * _COSTS.segment
            column += windows.segments * (windows.segment % 4) * _COSTS.left_over
        return cycles + 2 * pairs * column

    def cycles(self) -> float:
        """Cycles of the whole layer."""
        return self.pairs_cycles((_pixels(self.layer) + 1) // 2) + _edges_cost(self.layer)

    def bands_cycles(self, bands: Bands) -> float:
        """Cycles of the whole layer by bands."""
        layer = self.layer
        _, height, width, _ = layer.output_shape
        pairs = height // bands.most * ((bands.most * width + 1) // 2)
        pairs += (height % bands.most * width + 1) // 2
        cycles = self.pairs_cycles(pairs) + calls_cost(layer, bands)
        if self.windows.pointwise:
            return cycles
        edges = float(_pixels(layer) - _inner_pixels(layer))
        if self.windows.segment % 4 != 0 or self.fills_small:
            edges += _pixels(layer) * _wrapped_share(layer.window.height, bands.input_rings[0])
        return cycles + edges * _COSTS.edge + height * _COSTS.row_start

    def bind(self) -> Binding:
        """Fit the kernel."""
        layer, windows = self.layer, self.windows
        has_stream = len(self.channels.missing) > 0
        gemm = struct(
            "tinygen_gemm_layer",
            layer,
            fill=_small_columns(layer, windows) if self.fills_small else _COLUMNS,
            multiply=self._assembly() if has_stream else None,
            stream=gemm_stream(self.channels) if has_stream else None,
            shape=struct(
                "tinygen_gemm_shape",
                self.channels,
                steps=windows.steps,
                outputs=len(self.channels.missing),
            ),
            windows=_geometry(layer, windows),
            block_pairs=windows.block_pairs,
        )
        function = "tinygen_dsp_pointwise" if windows.pointwise else "tinygen_dsp_conv2d"
        arguments = (
            _parameters(layer, windows, gemm, fills_parts=not self.fills_small),
            self._rest(),
            *in_and_out(layer),
            ScratchArgument("int16_t"),
        )
        return Binding(
            calls=(Call(function, arguments),),
            headers=("dsp/conv2d_s8.h",),
            scratch_bytes=windows.scratch_bytes,
            overlaps=_overlaps(layer, windows),
            notes=(self.channels.note,),
        )

    def _assembly(self) -> Assembly:
        channels = self.channels
        return Assembly(
            "dsp/gemm.inc",
            "tinygen_gemm_function",
            "tinygen_gemm_pairs",
            (
                ("steps", self.windows.steps if self.short else 0),
                ("unroll", self.unroll),
                ("finish", int(channels.two_roundings)),
                ("shift", channels.shift),
                ("cut", int(channels.cut != 0)),
            ),
        )

    def _rest(self) -> Struct | Raw:
        """What the channels outside the stream need: NULL if there are none."""
        layer, chosen = self.layer, self.outside
        if not chosen.size:
            return Raw("NULL")
        bias = folded_bias(layer.weights, layer.bias, layer.input_zero_point)
        columns = self.windows.column(layer.weights)
        rest = one_by_one(chosen, columns, bias, layer.requantization)
        return struct(
            "tinygen_gemm_rest", None, "rest", compute=Raw("tinygen_gemm_remaining"), **rest
        )


def gemm_offer(
    layer: Conv2D, *, specialized: bool = False, unroll: int = _UNROLL
) -> Offer | Refusal:
    """The offer for a convolution; ``specialized`` if its depth or window is small, for just that."""
    if layer.groups > 1:
        return Refusal(f"has {layer.groups} groups of channels")
    if layer.requantization.rounding is not Rounding.DOUBLE:
        return Refusal(ROUNDS_TWICE)
    windows = _windows(layer)
    fills_small = specialized and _is_small(layer)
    short = specialized and windows.steps <= _UNROLL
    if specialized and not (fills_small or short):
        return Refusal("is for a small depth or window")
    way = _Way(layer, windows, _channels(layer), unroll, fills_small, short)
    banded = replace(way, windows=replace(windows, small_block=True))

    def bind_bands(bands: Bands) -> Binding:
        return replace(rows_binding(banded.bind(), bands), overlaps=_band_overlaps(layer))

    return Offer(
        way.cycles(),
        way.bind,
        lambda bands: Offer(banded.bands_cycles(bands), lambda: bind_bands(bands)),
    )


def _parameters(layer: Conv2D, windows: _Windows, gemm: Struct, *, fills_parts: bool) -> Struct:
    columns = layer.window.width
    if windows.pointwise:
        return struct(
            "tinygen_dsp_pointwise_params",
            layer,
            gemm=gemm,
            pixels=_pixels(layer),
            width=columns.input,
        )
    inner = _inner_columns(columns)
    return struct(
        "tinygen_dsp_conv2d_params",
        layer,
        gemm=gemm,
        segment_taps=windows.segment_taps,
        inner_begin=inner.start,
        inner_end=inner.stop,
        fills_rows=columns.dilation == 1,
        fills_edges=_fills_edges(layer),
        fills_parts=fills_parts and windows.segment % 4 == 0,
        fills_words=_fills_words(layer),
        padding=layer.input_zero_point,
    )


def _wrapped_share(rows: Axis, ring_rows: int) -> float:
    """Share of the output rows whose windows wrap in a ring of input rows."""
    if ring_rows >= rows.input:
        return 0.0
    return min(1.0, (rows.size - 1) * rows.dilation / ring_rows)


def _inner_columns(axis: Axis) -> range:
    """The output positions whose windows lie within the input."""
    begin = -(-axis.pad // axis.stride)
    reach = (axis.size - 1) * axis.dilation
    end = (axis.input + axis.pad - 1 - reach) // axis.stride + 1
    return range(min(begin, axis.output), max(min(end, axis.output), 0))


def _fills_edges(layer: Conv2D) -> bool:
    """Whether windows at the sides reach into neighbouring rows only, and mending them pays."""
    columns = layer.window.width
    return (
        columns.dilation == 1
        and not _fills_words(layer)
        and max(columns.pad, columns.pad_after) <= columns.input
    )


def _edges_cost(layer: Conv2D) -> float:
    """Estimated cycles of the windows that reach beyond the image and are not filled like others."""
    batches, _, width, _ = layer.output_shape
    rows = layer.window.height
    if _fills_words(layer):
        return (_pixels(layer) - _inner_pixels(layer)) * _COSTS.edge_words
    if not _fills_edges(layer):
        return (_pixels(layer) - _inner_pixels(layer)) * _COSTS.edge
    if layer.input_shape[3] % 4 == 0:
        return 0.0
    outer_rows = rows.output - len(_inner_columns(rows))
    return batches * outer_rows * width * _COSTS.edge


def _fills_words(layer: Conv2D) -> bool:
    """Whether a segment is one word, put together by shifts at the sides."""
    columns = layer.window.width
    depth = layer.input_shape[3]
    return _windows(layer).segment == 4 and depth % 4 != 0 and columns.input * depth >= 4


def _inner_pixels(layer: Conv2D) -> int:
    """The output pixels whose windows lie within the image."""
    rows, columns = layer.window.height, layer.window.width
    return layer.input_shape[0] * len(_inner_columns(rows)) * len(_inner_columns(columns))


def _geometry(layer: Conv2D, windows: _Windows) -> dict[str, int]:
    """``tinygen_gemm_windows``."""
    depth = layer.input_shape[3]
    rows, columns = layer.window.height, layer.window.width
    return {
        "groups": windows.segment // 4,
        "left": windows.segment % 4,
        "segments": windows.segments,
        "pitch": rows.dilation * columns.input * depth,
        "step": columns.stride * depth,
        "pair": 4 * windows.steps,
    }


_COLUMNS = Assembly("dsp/gemm_columns.inc", "tinygen_gemm_columns_function", "tinygen_gemm_columns")


def _is_small(layer: Conv2D) -> bool:
    """Whether windows are worth code of their own that fills columns with them."""
    windows = _windows(layer)
    groups = windows.segment // 4 * windows.segments
    left = windows.segment % 4 * windows.segments
    reach = windows.segments * layer.input_shape[2] * layer.input_shape[3]
    most = _SMALL_POINTWISE if windows.segments == 1 else _SMALL_WINDOW
    return (
        layer.window.width.dilation == 1
        and 0 < groups <= most
        and left <= 4
        and reach * layer.window.height.dilation < _LARGEST_OFFSET
    )


def _small_columns(layer: Conv2D, windows: _Windows) -> Assembly:
    values = _geometry(layer, windows)
    if windows.segments == 1:
        values["pitch"] = 0
    return Assembly(
        "dsp/gemm_columns_unrolled.inc",
        _COLUMNS.function_type,
        _COLUMNS.twin,
        tuple(values.items()),
    )


def _overlaps(layer: Conv2D, windows: _Windows) -> tuple[Overlap, ...]:
    if not windows.pointwise:
        return image_overlaps(layer)
    growth = layer.output_shape[3] - layer.input_shape[3]
    return (Overlap(layer.inputs[0], layer.outputs[0], max(0, growth * _pixels(layer))),)


def _band_overlaps(layer: Conv2D) -> tuple[Overlap, ...]:
    """A row over the input's row, if it takes no more: a block is read before it is written."""
    if not _windows(layer).pointwise or layer.output_shape[3] > layer.input_shape[3]:
        return ()
    return (Overlap(layer.inputs[0], layer.outputs[0], 0),)


@dsp("conv2d_gemm", Conv2D, code=Code.LARGE)
def conv2d_gemm(layer: Conv2D) -> Offer | Refusal:
    """With code that all layers share."""
    return gemm_offer(layer)


@dsp("conv2d_gemm_specialized", Conv2D, code=Code.LARGE)
def conv2d_gemm_specialized(layer: Conv2D) -> Offer | Refusal:
    """With code of the layer's own."""
    return gemm_offer(layer, specialized=True)


@dsp("conv2d_gemm_compact", Conv2D, code=Code.SMALL)
def conv2d_gemm_compact(layer: Conv2D) -> Offer | Refusal:
    """With little code, all of it shared by layers."""
    return gemm_offer(layer, unroll=_UNROLL_COMPACT)


KERNELS = (conv2d_gemm, conv2d_gemm_specialized, conv2d_gemm_compact)
