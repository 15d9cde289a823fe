# SPDX-License-Identifier: Apache-2.0
"""CONV_2D by multiplication of pairs of columns in 16-bit SIMD assembly: ``dsp/gemm.h``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tinygen.hardware.cores import Core, Feature
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis
from tinygen.kernels.adapter import Kernel, axis_struct, requantization_struct
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Overlap,
    Raw,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.dsp.packing import (
    Channels,
    Int8Array,
    gemm_stream,
    prepare,
)
from tinygen.kernels.kernel import Bands, Provider
from tinygen.kernels.overlap import image_overlaps
from tinygen.numerics.fixed_point import Rounding, wrap_int32
from tinygen.ops.convolution import Conv2D
from tinygen.requantize.channels import folded_bias, per_channel

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

_STEP_CYCLES = 15.0
_LOOP_CYCLES = 13.0
_TURN_CYCLES = 5.0
_QUAD_CYCLES = 68.0
_TWO_ROUNDINGS_CYCLES = 2.5
_CUT_CYCLES = 2.25
_PAIR_CYCLES = 18.0
_CALL_CYCLES = 90.0
_WIDEN_CYCLES = 1.4
_SEGMENT_CYCLES = 28.0
_LEFT_OVER_CYCLES = 12.0
_PIXEL_CYCLES = 30.0
_EDGE_CYCLES = 500.0
_EDGE_WORDS_CYCLES = 200.0
_ROW_START_CYCLES = 60.0
_REMAINING_STEP_CYCLES = 7.5
_REMAINING_OUTPUT_CYCLES = 60.0


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


def _windows(layer: Conv2D, *, small_block: bool = False) -> _Windows:
    rows, columns = layer.window.height, layer.window.width
    depth = layer.input_shape[3]
    taps = columns.size if columns.dilation == 1 else 1
    pointwise = all(
        (axis.size, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    )
    segments = rows.size * columns.size // taps
    return _Windows(taps * depth, taps, segments, pointwise, small_block)


def _pixels(layer: Conv2D) -> int:
    return int(np.prod(layer.output_shape[:3]))


def _remaining_cycles(steps: int, pixels: int) -> float:
    """Cycles of a channel that is computed by itself."""
    return pixels / 2 * (steps * _REMAINING_STEP_CYCLES + 2 * _REMAINING_OUTPUT_CYCLES)


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
        _pixels(layer) * _TWO_ROUNDINGS_CYCLES,
    )


def _remaining(layer: Conv2D, channels: Channels) -> AnyArray:
    """The channels that are not in the stream."""
    tail = np.arange(len(channels.missing), layer.output_shape[3])
    return np.concatenate([np.flatnonzero(channels.missing), tail])


@dataclass(frozen=True)
class GemmConv2D:
    """The kernel's descriptor.

    ``specialized`` makes code for the layer's own depth and window, where they are small; layers
    share it only if these are the same. ``unroll`` is the number of steps in a turn of the loop over
    the depth.
    """

    name: str = "dsp.conv2d_gemm"
    provider: Provider = Provider.TINYGEN
    specialized: bool = False
    unroll: int = _UNROLL

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, Conv2D):
            return "does Conv2D only"
        if not (core.dsp and Feature.UNALIGNED in core.features):
            return f"{core.name} lacks 16-bit SIMD or unaligned loads"
        if layer.groups > 1:
            return f"has {layer.groups} groups of channels"
        if layer.requantization.rounding is not Rounding.DOUBLE:
            return "rounds twice"
        if self.specialized and not (_is_small(layer) or _windows(layer).steps <= _UNROLL):
            return "is for a small depth or window"
        return None

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - one estimate for all cores
        """Estimated cycles."""
        assert isinstance(layer, Conv2D)
        pairs = (_pixels(layer) + 1) // 2
        return self._pairs_cost(layer, _windows(layer), pairs) + _edges_cost(layer)

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """None: any bands will do."""
        return None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:  # noqa: ARG002
        """Estimated cycles of the whole layer by bands."""
        assert isinstance(layer, Conv2D)
        windows = _windows(layer, small_block=True)
        _, height, width, _ = layer.output_shape
        pairs = height // bands.most * ((bands.most * width + 1) // 2)
        pairs += (height % bands.most * width + 1) // 2
        cycles = self._pairs_cost(layer, windows, pairs) + calls_cost(layer, bands)
        if windows.pointwise:
            return cycles
        edges = float(_pixels(layer) - _inner_pixels(layer))
        if windows.segment % 4 != 0 or (self.specialized and _is_small(layer)):
            edges += _pixels(layer) * _wrapped_share(layer.window.height, bands.input_rings[0])
        return cycles + edges * _EDGE_CYCLES + height * _ROW_START_CYCLES

    def _pairs_cost(self, layer: Conv2D, windows: _Windows, pairs: int) -> float:
        """Cycles of all pairs of columns."""
        channels = _channels(layer)
        pixels = _pixels(layer)
        steps = windows.steps
        per_output = _TWO_ROUNDINGS_CYCLES * channels.two_roundings + _CUT_CYCLES * bool(
            channels.cut
        )
        quad = _QUAD_CYCLES + 8 * per_output + _STEP_CYCLES * steps
        if self.specialized and steps <= _UNROLL:
            quad -= _LOOP_CYCLES
        else:
            quad += _TURN_CYCLES * ((steps - 1) // self.unroll)
        quads = len(channels.missing) / 4
        cycles = pairs * (_PAIR_CYCLES + quads * quad)
        cycles += pairs / windows.block_pairs * _CALL_CYCLES
        cycles += len(_remaining(layer, channels)) * _remaining_cycles(steps, pixels)
        column = windows.depth * _WIDEN_CYCLES + (0.0 if windows.pointwise else _PIXEL_CYCLES)
        if not (self.specialized and _is_small(layer)):
            column += windows.segments * _SEGMENT_CYCLES
            column += windows.segments * (windows.segment % 4) * _LEFT_OVER_CYCLES
        return cycles + 2 * pairs * column

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every core
        """Fit the kernel to a layer that it does not reject."""
        assert isinstance(layer, Conv2D)
        return self._bind(layer, _windows(layer))

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:  # noqa: ARG002
        """Fit the kernel to bands of the layer."""
        assert isinstance(layer, Conv2D)
        binding = rows_binding(self._bind(layer, _windows(layer, small_block=True)), bands)
        return replace(binding, overlaps=_band_overlaps(layer))

    def _bind(self, layer: Conv2D, windows: _Windows) -> Binding:
        channels = _channels(layer)
        columns_assembly = (
            _small_columns(layer, windows) if self.specialized and _is_small(layer) else _COLUMNS
        )
        short = self.specialized and windows.steps <= _UNROLL
        assembly = _assembly(channels, windows.steps if short else 0, self.unroll)
        remaining, remaining_arrays = _remaining_argument(layer, channels)
        has_stream = len(channels.missing) > 0
        gemm = Struct(
            "tinygen_gemm_layer",
            (
                ("fill", columns_assembly),
                *(
                    (
                        ("multiply", assembly),
                        ("stream", ConstantArgument("stream")),
                    )
                    if has_stream
                    else ()
                ),
                ("shape", _shape_struct(windows.steps, channels)),
                ("windows", _windows_struct(layer, windows)),
                ("output_channels", layer.output_shape[3]),
                ("block_pairs", windows.block_pairs),
            ),
        )
        return Binding(
            calls=(
                Call(
                    "tinygen_dsp_pointwise" if windows.pointwise else "tinygen_dsp_conv2d",
                    (
                        _parameters(layer, windows, gemm, fills_parts=columns_assembly is _COLUMNS),
                        remaining,
                        TensorArgument(layer.inputs[0]),
                        TensorArgument(layer.outputs[0], writable=True),
                        ScratchArgument("int16_t"),
                    ),
                ),
            ),
            headers=("dsp/conv2d_s8.h",),
            constants=(
                *((Constant("stream", gemm_stream(channels)),) if has_stream else ()),
                *remaining_arrays,
            ),
            scratch_bytes=windows.scratch_bytes,
            overlaps=_overlaps(layer, windows),
            notes=(channels.note,),
        )


def _parameters(layer: Conv2D, windows: _Windows, gemm: Struct, *, fills_parts: bool) -> Struct:
    rows, columns = layer.window.height, layer.window.width
    if windows.pointwise:
        return Struct(
            "tinygen_dsp_pointwise_params",
            (
                ("gemm", gemm),
                ("pixels", _pixels(layer)),
                ("width", columns.input),
                ("input_ring_rows", rows.input),
            ),
        )
    inner = _inner_columns(columns)
    return Struct(
        "tinygen_dsp_conv2d_params",
        (
            ("gemm", gemm),
            ("rows", axis_struct(rows)),
            ("columns", axis_struct(columns)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("input_ring_rows", rows.input),
            ("segment_taps", windows.segment_taps),
            ("inner_begin", inner.start),
            ("inner_end", inner.stop),
            ("fills_rows", int(columns.dilation == 1)),
            ("fills_edges", int(_fills_edges(layer))),
            ("fills_parts", int(fills_parts and windows.segment % 4 == 0)),
            ("fills_words", int(_fills_words(layer))),
            ("padding", layer.input_zero_point),
        ),
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
        return (_pixels(layer) - _inner_pixels(layer)) * _EDGE_WORDS_CYCLES
    if not _fills_edges(layer):
        return (_pixels(layer) - _inner_pixels(layer)) * _EDGE_CYCLES
    if layer.input_shape[3] % 4 == 0:
        return 0.0
    outer_rows = rows.output - len(_inner_columns(rows))
    return batches * outer_rows * width * _EDGE_CYCLES


def _fills_words(layer: Conv2D) -> bool:
    """Whether a segment is one word, put together by shifts at the sides."""
    columns = layer.window.width
    depth = layer.input_shape[3]
    return _windows(layer).segment == 4 and depth % 4 != 0 and columns.input * depth >= 4


def _inner_pixels(layer: Conv2D) -> int:
    """The output pixels whose windows lie within the image."""
    rows, columns = layer.window.height, layer.window.width
    return layer.input_shape[0] * len(_inner_columns(rows)) * len(_inner_columns(columns))


def _windows_struct(layer: Conv2D, windows: _Windows) -> Struct:
    depth = layer.input_shape[3]
    rows, columns = layer.window.height, layer.window.width
    return Struct(
        "tinygen_gemm_windows",
        (
            ("groups", windows.segment // 4),
            ("left", windows.segment % 4),
            ("segments", windows.segments),
            ("pitch", rows.dilation * columns.input * depth),
            ("step", columns.stride * depth),
            ("pair", 4 * windows.steps),
        ),
    )


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
    fields = _windows_struct(layer, windows).fields
    values = {key: value for key, value in fields if isinstance(value, int)}
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


def _assembly(channels: Channels, steps: int, unroll: int) -> Assembly:
    return Assembly(
        "dsp/gemm.inc",
        "tinygen_gemm_function",
        "tinygen_gemm_pairs",
        (
            ("steps", steps),
            ("unroll", unroll),
            ("finish", int(channels.two_roundings)),
            ("shift", channels.shift),
            ("cut", int(channels.cut != 0)),
        ),
    )


def _shape_struct(steps: int, channels: Channels) -> Struct:
    return Struct(
        "tinygen_gemm_shape",
        (
            ("steps", steps),
            ("outputs", len(channels.missing)),
            ("base", channels.base),
            ("cut", channels.cut),
            ("low", channels.low),
            ("two_roundings", int(channels.two_roundings)),
            ("shift", channels.shift),
        ),
    )


def _remaining_argument(layer: Conv2D, channels: Channels) -> tuple[Field, tuple[Constant, ...]]:
    """What the channels outside the stream need: NULL if there are none."""
    chosen = _remaining(layer, channels)
    if not chosen.size:
        return Raw("NULL"), ()
    struct, arrays = requantization_struct(per_channel(layer.requantization, chosen))
    bias = folded_bias(layer.weights, layer.bias, layer.input_zero_point)
    fields: tuple[tuple[str, Field], ...] = (
        ("compute", Raw("tinygen_gemm_remaining")),
        ("count", len(chosen)),
        ("channels", ConstantArgument("remaining_channels")),
        ("weights", ConstantArgument("remaining_weights")),
        ("bias", ConstantArgument("remaining_bias")),
        ("requantization", struct),
    )
    return Struct("tinygen_gemm_rest", fields, "rest"), (
        Constant("remaining_channels", chosen.astype(np.uint16), alignment=2),
        Constant("remaining_weights", _windows(layer).column(layer.weights)[chosen]),
        Constant("remaining_bias", wrap_int32(bias[chosen])),
        *arrays,
    )


KERNELS: Sequence[Kernel] = (
    GemmConv2D(),
    GemmConv2D("dsp.conv2d_gemm_specialized", specialized=True),
)

COMPACT_KERNELS: Sequence[Kernel] = (GemmConv2D("dsp.conv2d_gemm_compact", unroll=_UNROLL_COMPACT),)
"""The same with little code, all of it shared by layers."""
