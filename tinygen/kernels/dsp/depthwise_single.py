# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D of an image with one channel: an ordinary convolution of it.

With a column stride of 2 windows are read in place (``dsp/depthwise_single.h``); others are done as
a CONV_2D.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel, requantization_struct
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Raw,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.dsp.gemm import GemmConv2D
from tinygen.kernels.dsp.packing import (
    Channels,
    Int8Array,
    pair_starts,
    prepare,
)
from tinygen.kernels.kernel import Bands, Provider
from tinygen.kernels.overlap import image_overlaps
from tinygen.numerics.fixed_point import Int32Array, Rounding, wrap_int32
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.requantize.channels import folded_bias, per_channel

_GEMM = GemmConv2D()
_STRIP_BYTES = 1536
"""Scratch memory, if one output row does not need more."""
_MOST_UNROLLED_STEPS = 8
_MOST_OFFSET = 4000
"""Bytes that a load can be away from its pointer, about."""

_STEP_CYCLES = 14.0
_FILTER_ROW_CYCLES = 3.0
_TURN_CYCLES = 8.0
_BLOCK_CYCLES = 50.0
_QUAD_CYCLES = 50.0
_TWO_ROUNDINGS_CYCLES = 2.5
_CUT_CYCLES = 2.25
_WIDEN_CYCLES = 2.75
_ROW_CYCLES = 120.0
_KEPT_CYCLES = 1.0
_REST_MAC_CYCLES = 6.0
_REST_OUTPUT_CYCLES = 60.0


@lru_cache(maxsize=64)
def _convolution(layer: DepthwiseConv2D) -> Conv2D:
    """The same layer as a CONV_2D; every output channel reads the one input channel."""
    return Conv2D(
        operator=layer.operator,
        inputs=layer.inputs,
        outputs=layer.outputs,
        input_shape=layer.input_shape,
        output_shape=layer.output_shape,
        window=layer.window,
        weights=np.ascontiguousarray(np.moveaxis(layer.weights, -1, 0)[..., None]),
        bias=layer.bias,
        input_zero_point=layer.input_zero_point,
        requantization=layer.requantization,
    )


@dataclass(frozen=True)
class DepthwiseSingleGemm:
    """Descriptor of the convolution kernel for such layers."""

    name: str = "dsp.depthwise_single_gemm"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, DepthwiseConv2D):
            return "does DepthwiseConv2D only"
        if layer.input_shape[3] != 1:
            return f"the image has {layer.input_shape[3]} channels, not 1"
        return _GEMM.rejects(_convolution(layer), core)

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""
        assert isinstance(layer, DepthwiseConv2D)
        return _GEMM.cost(_convolution(layer), core)

    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to a layer that it does not reject."""
        assert isinstance(layer, DepthwiseConv2D)
        return _GEMM.bind(_convolution(layer), core)

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:
        """Why the kernel cannot compute the layer by bands, or None if it can."""
        assert isinstance(layer, DepthwiseConv2D)
        return _GEMM.bands_rejected(_convolution(layer), core, bands)

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer by bands."""
        assert isinstance(layer, DepthwiseConv2D)
        return _GEMM.bands_cost(_convolution(layer), core, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:
        """Fit the kernel to bands of the layer."""
        assert isinstance(layer, DepthwiseConv2D)
        return _GEMM.bind_bands(_convolution(layer), core, bands)


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
    by_channel = np.moveaxis(layer.weights, -1, 0)
    odd = by_channel.shape[2] % 2
    padded = np.pad(by_channel, ((0, 0), (0, 0), (0, odd)))
    result: Int8Array = np.ascontiguousarray(padded).reshape(len(by_channel), -1)
    return result


@lru_cache(maxsize=64)
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
        pixels * (taps * _REST_MAC_CYCLES + _REST_OUTPUT_CYCLES),
        pixels * _TWO_ROUNDINGS_CYCLES,
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


def _rest(layer: DepthwiseConv2D, channels: Channels) -> AnyArray:
    """The channels that are not in the stream."""
    tail = np.arange(len(channels.missing), layer.output_shape[3])
    return np.concatenate([np.flatnonzero(channels.missing), tail])


@dataclass(frozen=True)
class DepthwiseSingle:
    """Descriptor of the kernel for a column stride of 2."""

    name: str = "dsp.depthwise_single"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, DepthwiseConv2D):
            return "does DepthwiseConv2D only"
        if not core.dsp:
            return f"{core.name} lacks 16-bit SIMD"
        if layer.input_shape[3] != 1:
            return f"the image has {layer.input_shape[3]} channels, not 1"
        rows, columns = layer.window.height, layer.window.width
        if columns.stride != 2:
            return f"the column stride is {columns.stride}, not 2"
        if (rows.dilation, columns.dilation) != (1, 1):
            return "the filter is dilated"
        if 2 * _filter(layer).pitch > _MOST_OFFSET:
            return "the rows are too long"
        if layer.requantization.rounding is not Rounding.DOUBLE:
            return "rounds once"
        if layer.requantization.clamp_min > layer.requantization.clamp_max:
            return "the range of its outputs is empty"
        return None

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - one estimate for all cores
        """Estimated cycles."""
        assert isinstance(layer, DepthwiseConv2D)
        f = _filter(layer)
        shared = max(f.rows - layer.window.height.stride, 0)
        per_row = layer.window.height.stride * (_ROW_CYCLES + f.pitch * _WIDEN_CYCLES)
        per_row += shared * f.pitch * _KEPT_CYCLES / f.band_rows
        return layer.input_shape[0] * layer.output_shape[1] * (self._row_cost(layer, f) + per_row)

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """None: any bands will do."""
        return None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:  # noqa: ARG002
        """Estimated cycles of the whole layer by bands."""
        assert isinstance(layer, DepthwiseConv2D)
        f = _filter(layer, bands.most)
        rows = layer.output_shape[1]
        widened = -(-rows // bands.most) * f.strip_rows * (_ROW_CYCLES + f.pitch * _WIDEN_CYCLES)
        return rows * self._row_cost(layer, f) + widened + calls_cost(layer, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:  # noqa: ARG002
        """Fit the kernel to bands of the layer."""
        assert isinstance(layer, DepthwiseConv2D)
        binding = self._bind(layer, _filter(layer, bands.most))
        return rows_binding(binding, bands)

    def _row_cost(self, layer: DepthwiseConv2D, f: _Filter) -> float:
        """Cycles of an output row, its input rows in the strip."""
        channels = _channels(layer)
        per_output = _TWO_ROUNDINGS_CYCLES * channels.two_roundings
        per_output += _CUT_CYCLES * bool(channels.cut)
        block = _BLOCK_CYCLES + 8 * per_output
        block += f.rows * (f.steps * _STEP_CYCLES + _FILTER_ROW_CYCLES)
        block += (f.rows // f.turn) * _TURN_CYCLES if f.turn < f.rows else 0
        row = len(channels.missing) / 4 * (_QUAD_CYCLES + f.pixels / 2 * block)
        rest = f.rows * f.columns * _REST_MAC_CYCLES + _REST_OUTPUT_CYCLES
        row += len(_rest(layer, channels)) * layer.output_shape[2] * rest
        return row + _ROW_CYCLES

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every core
        """Fit the kernel to a layer that it does not reject."""
        assert isinstance(layer, DepthwiseConv2D)
        return self._bind(layer, _filter(layer))

    def _bind(self, layer: DepthwiseConv2D, f: _Filter) -> Binding:
        channels = _channels(layer)
        has_stream = len(channels.missing) > 0
        rest_fields, rest_arrays = _rest_fields(layer, channels)
        shape = Struct(
            "tinygen_single_shape",
            (
                ("quads", len(channels.missing) // 4),
                ("channels", layer.output_shape[3]),
                ("pixels", f.pixels),
            ),
        )
        stream_fields: tuple[tuple[str, Field], ...] = ()
        if has_stream:
            stream_fields = (
                ("row", _assembly(f, channels)),
                ("stream", ConstantArgument("stream")),
            )
        parameters = Struct(
            "tinygen_single_params",
            (*stream_fields, ("shape", shape), *_geometry(layer, f), *rest_fields),
        )
        return Binding(
            calls=(
                Call(
                    "tinygen_single",
                    (
                        parameters,
                        TensorArgument(layer.inputs[0]),
                        TensorArgument(layer.outputs[0], writable=True),
                        ScratchArgument("int16_t"),
                    ),
                ),
            ),
            headers=("dsp/depthwise_single.h",),
            constants=(
                *((Constant("stream", _stream(channels)),) if has_stream else ()),
                *rest_arrays,
            ),
            scratch_bytes=2 * f.pitch * f.strip_rows,
            overlaps=image_overlaps(layer),
            notes=(channels.note,),
        )


def _geometry(layer: DepthwiseConv2D, f: _Filter) -> tuple[tuple[str, Field], ...]:
    rows, columns = layer.window.height, layer.window.width
    return (
        ("batches", layer.input_shape[0]),
        ("input_rows", rows.input),
        ("input_columns", columns.input),
        ("input_ring_rows", rows.input),
        ("output_rows", rows.output),
        ("output_columns", columns.output),
        ("filter_rows", rows.size),
        ("filter_columns", columns.size),
        ("row_stride", rows.stride),
        ("pad_top", rows.pad),
        ("pad_left", columns.pad),
        ("used_columns", min(columns.input, f.pitch - columns.pad)),
        ("pitch", f.pitch),
        ("band_rows", f.band_rows),
        ("padding", layer.input_zero_point),
    )


def _assembly(f: _Filter, channels: Channels) -> Assembly:
    scaling = Struct(
        "",
        (
            ("base", channels.base),
            ("cut", channels.cut),
            ("low", channels.low),
            ("two_roundings", int(channels.two_roundings)),
            ("shift", channels.shift),
        ),
    )
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
        Struct(
            "tinygen_single_filter",
            (
                ("rows", f.rows),
                ("steps", f.steps),
                ("pitch", f.pitch),
                ("odd", int(f.odd)),
                ("scaling", scaling),
            ),
        ),
    )


def _rest_fields(
    layer: DepthwiseConv2D, channels: Channels
) -> tuple[tuple[tuple[str, Field], ...], tuple[Constant, ...]]:
    """What the channels outside the stream need: nothing if there are none."""
    chosen = _rest(layer, channels)
    if not chosen.size:
        return (), ()
    by_channel = np.moveaxis(layer.weights, -1, 0)
    struct, arrays = requantization_struct(per_channel(layer.requantization, chosen))
    bias = folded_bias(by_channel, layer.bias, layer.input_zero_point)
    return (
        ("rest", Raw("tinygen_single_rest")),
        ("rest_count", len(chosen)),
        ("rest_channels", ConstantArgument("rest_channels")),
        ("rest_weights", ConstantArgument("rest_weights")),
        ("rest_bias", ConstantArgument("rest_bias")),
        ("requantization", struct),
    ), (
        Constant("rest_channels", chosen.astype(np.uint16), alignment=2),
        Constant("rest_weights", np.ascontiguousarray(by_channel[chosen])),
        Constant("rest_bias", wrap_int32(bias[chosen])),
        *arrays,
    )


KERNELS: Sequence[Kernel] = (DepthwiseSingle(), DepthwiseSingleGemm())
