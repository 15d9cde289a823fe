# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D 3x3, stride 1 or 2, in 16-bit SIMD assembly: ``dsp/depthwise3x3.h``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels import binding as k
from tinygen.kernels.bands import rows_binding
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.dsp.depthwise_requantization import ChannelWords, channel_words
from tinygen.kernels.kernel import Bands, Code, Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.structs import Value, struct
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.convolution import DepthwiseConv2D
from tinygen.requantize.channels import folded_bias

_WEIGHT_ORDER = (0, 1, 3, 4, 2, 6, 5, 7, 8)
"""Filter taps, counted row by row, in the order of the packed weights."""
_UNROLL_WHOLE = 8
"""Output rows of at most so many columns are computed without a column loop."""
_UNROLLS = (6, 8, 4)
"""Columns of one turn of the column loop, the preferred first."""
_MOST_OFFSET = 0xFFFF
"""Bytes of strip that the assembly can look ahead."""
_BAND_TOLERANCE = 1.02
"""How much slower a band may be than the best for the sake of a smaller strip."""
_STRIP_SHARE = 5.5
"""A strip takes at most this part of what the layer's input takes, """
_STRIP_BYTES = 1000
"""or so much."""
_COSTS = Costs("dsp.depthwise")


@dataclass(frozen=True)
class _Shape:
    """What a 3x3 depthwise layer is made for: the assembly's parameters."""

    stride: int
    pairs: int
    channels: int
    width: int
    unroll: int
    odd: bool
    two_roundings: bool
    shift: int
    base: int
    cut: int
    low: int

    @property
    def band_rows(self) -> int:
        """Output rows of one band."""
        return 2 // self.stride * (self.pairs - 1)

    @property
    def strip_columns(self) -> int:
        """Columns of the strip, padding included."""
        return (self.width - 1) * self.stride + 3

    @property
    def strip_bytes(self) -> int:
        """Scratch memory."""
        return self.strip_columns * self.pairs * 16

    def assembly(self) -> k.Assembly:
        """The loop over a band."""
        return k.Assembly(
            "dsp/depthwise3x3.inc",
            "tinygen_depthwise3x3_band_function",
            "tinygen_depthwise3x3_columns",
            (
                ("stride", self.stride),
                ("channels", self.channels),
                ("width", self.width),
                ("unroll", self.unroll),
                ("odd", int(self.odd)),
                ("two_roundings", int(self.two_roundings)),
                ("shift", self.shift),
                ("base", self.base),
                ("cut", self.cut),
                ("low", self.low),
            ),
            struct("tinygen_depthwise3x3_shape", self),
        )


def _fill(*, ring: bool) -> k.Assembly:
    """What fills a strip: from the whole image, or from a ring of rows."""
    return k.Assembly(
        "dsp/depthwise_fill.inc",
        "tinygen_depthwise_fill_function",
        "tinygen_depthwise_fill",
        (("ring", int(ring)),),
    )


def _unroll(width: int) -> int:
    if width <= _UNROLL_WHOLE:
        return width
    return next((u for u in _UNROLLS if width % u == 0), _UNROLLS[0])


def _shape(layer: DepthwiseConv2D, pairs: int) -> _Shape:
    channel = channel_words(layer)
    return _Shape(
        stride=layer.window.height.stride,
        pairs=pairs,
        channels=layer.input_shape[3],
        width=layer.output_shape[2],
        unroll=_unroll(layer.output_shape[2]),
        odd=layer.output_shape[1] % 2 != 0 or (layer.window.height.stride == 2 and pairs % 2 == 0),
        two_roundings=channel.two_roundings,
        shift=channel.shift,
        base=channel.base,
        cut=channel.cut,
        low=channel.low,
    )


def _row_cycles(shape: _Shape) -> tuple[float, float]:
    """Cycles of one channel of a row by itself, and of two rows at once."""
    per_output = 12.3 if shape.stride == 1 else 12.85
    per_output += _COSTS.cut_per_output * bool(shape.cut)
    turns = shape.width // shape.unroll if shape.width > shape.unroll else 0
    around = _COSTS.row_pair + turns * _COSTS.turn + (6 if turns else 0)
    columns = shape.width * per_output + shape.width % 2 * 3
    return around + columns + 2 * shape.width, around + 2 * columns


def _bands_cycles(layer: DepthwiseConv2D, shape: _Shape) -> float:
    """Cycles of all bands of one group of four channels."""
    rows = layer.output_shape[1]
    cycles = _COSTS.group
    columns = min(layer.input_shape[2], shape.strip_columns)
    _, by_row_pair = _row_cycles(shape)
    for first in range(0, rows, shape.band_rows):
        count = min(shape.band_rows, rows - first)
        pairs = (count + 3) // 2 if shape.stride == 1 else count + 1
        cycles += _COSTS.band + (2 if first == 0 else 1) * _COSTS.fill_call
        cycles += (pairs - (first > 0)) * (columns * _COSTS.fill_column + 14)
        cycles += (first > 0) * columns * _COSTS.carry_column
        cycles += 4 * (_COSTS.channel + count / 2 * by_row_pair + count % 2 * 2 * shape.width)
    return cycles


def _best_shape(layer: DepthwiseConv2D) -> tuple[_Shape, float]:
    """The smallest strip that is almost as fast as the fastest, and its cycles for four channels."""
    rows = layer.output_shape[1]
    stride = layer.window.height.stride
    most = (rows + 3) // 2 if stride == 1 else rows + 1
    image = int(np.prod(layer.input_shape[1:]))
    shapes = [_shape(layer, pairs) for pairs in range(2, max(most, 2) + 1)]
    allowed = max(_STRIP_BYTES, image / _STRIP_SHARE, shapes[0].strip_bytes)
    shapes = [shape for shape in shapes if shape.strip_bytes <= allowed]
    costs = [(shape, _bands_cycles(layer, shape)) for shape in shapes]
    limit = min(cycles for _, cycles in costs) * _BAND_TOLERANCE
    return next((shape, cycles) for shape, cycles in costs if cycles <= limit)


def _finished_cycles(layer: DepthwiseConv2D, group_cycles: float) -> float:
    """Cycles of the layer, if all bands of a group of four channels take so many."""
    outputs = layer.output_shape[1] * layer.output_shape[2]
    extra = channel_words(layer).cycles_per_output * outputs
    return layer.input_shape[0] * layer.input_shape[3] * (group_cycles / 4 + extra)


def _band_shape(layer: DepthwiseConv2D, most: int) -> _Shape:
    """The strip for so many rows at once."""
    stride = layer.window.height.stride
    pairs = (most + 3) // 2 if stride == 1 else most + 1
    # A ring's end may leave a band of any number of rows.
    return replace(_shape(layer, pairs), odd=True)


def _separate_bands_cycles(layer: DepthwiseConv2D, shape: _Shape, most: int) -> float:
    """Cycles of all bands of one group of four channels, each of which fills its own strip."""
    bands = -(-layer.output_shape[1] // most)
    columns = min(layer.input_shape[2], shape.strip_columns)
    fill = _COSTS.fill_call + shape.pairs * (columns * _COSTS.fill_column + 14)
    by_row, by_pair = _row_cycles(shape)
    channel = _COSTS.channel + most // 2 * by_pair + most % 2 * by_row
    call = _COSTS.band_call / -(-layer.input_shape[3] // 4)
    return bands * (fill + _COSTS.band + 4 * channel + call)


def _packed_weights(layer: DepthwiseConv2D) -> AnyArray:
    taps = layer.weights.reshape(9, -1)
    packed: AnyArray = np.ascontiguousarray(taps[list(_WEIGHT_ORDER)].T)
    return packed


def _refusal(layer: DepthwiseConv2D) -> Refusal | None:
    rows, columns = layer.window.height, layer.window.width
    if (rows.size, columns.size) != (3, 3):
        return Refusal(f"the filter is {rows.size}x{columns.size}, not 3x3")
    if rows.stride != columns.stride or rows.stride not in (1, 2):
        return Refusal(f"the strides are {rows.stride} and {columns.stride}, not 1 or 2 both")
    if (rows.dilation, columns.dilation) != (1, 1):
        return Refusal("the filter is dilated")
    if layer.depth_multiplier != 1:
        return Refusal(f"the depth multiplier is {layer.depth_multiplier}, not 1")
    if 32 * (rows.stride * columns.output + 16) > _MOST_OFFSET:
        return Refusal(f"rows of {columns.output} outputs are too long")
    if layer.requantization.clamp_min > layer.requantization.clamp_max:
        return Refusal("the range of its outputs is empty")
    return None


@dsp("depthwise3x3", DepthwiseConv2D, code=Code.LARGE)
def depthwise3x3(layer: DepthwiseConv2D) -> Offer | Refusal:
    """A 3x3 filter with a stride of 1 or 2."""
    refusal = _refusal(layer)
    if refusal is not None:
        return refusal
    shape, cycles = _best_shape(layer)

    def by_bands(bands: Bands) -> Offer:
        banded = _band_shape(layer, bands.most)
        fill = _fill(ring=bands.input_rings[0] < layer.input_shape[1])
        group_cycles = _separate_bands_cycles(layer, banded, bands.most)
        return Offer(
            _finished_cycles(layer, group_cycles),
            lambda: rows_binding(_bind(layer, banded, fill), bands),
        )

    return Offer(
        _finished_cycles(layer, cycles), lambda: _bind(layer, shape, _fill(ring=False)), by_bands
    )


def _bind(layer: DepthwiseConv2D, shape: _Shape, fill: k.Assembly) -> k.Binding:
    channel = channel_words(layer)
    rows, columns = layer.window.height, layer.window.width
    used = min(columns.input, shape.strip_columns - columns.pad)
    image = struct(
        "tinygen_depthwise_image",
        layer,
        rows=rows.input,
        pitch=columns.input * layer.input_shape[3],
        columns=used,
        strip_skip=16 * (shape.strip_columns - used),
        padding=(layer.input_zero_point & 0xFF) * 0x01010101 - _borrow(layer),
    )
    parameters = struct(
        "tinygen_depthwise3x3_params",
        layer,
        fill=fill,
        band=shape.assembly(),
        constants=channel.three_words,
        weights=_packed_weights(layer),
        image=image,
        stride=rows.stride,
        pad_top=rows.pad,
        pad_left=columns.pad,
        output_rows=rows.output,
        output_columns=columns.output,
        pairs=shape.pairs,
        band_rows=shape.band_rows,
        **_exact(layer, channel),
    )
    arguments = (parameters, *in_and_out(layer), k.ScratchArgument("int16_t"))
    return k.Binding(
        calls=(k.Call("tinygen_depthwise3x3", arguments),),
        headers=("dsp/depthwise3x3.h",),
        scratch_bytes=shape.strip_bytes,
        overlaps=_overlaps(layer),
        notes=(channel.note,),
    )


def _overlaps(layer: DepthwiseConv2D) -> tuple[k.Overlap, ...]:
    """In its input's place, whatever the stride and padding.

    Channels go by fours over all rows. In the very same place an output stands where some pixel of
    its own channels stood, and there are no more pixels in the output up to a row than in the input
    up to the rows that this row needs: those are in the strip by then.
    """
    return (k.Overlap(layer.inputs[0], layer.outputs[0], 0, exact=True),)


def _borrow(layer: DepthwiseConv2D) -> int:
    """Makes four equal bytes an int32."""
    return 1 << 32 if layer.input_zero_point < 0 else 0


def _exact(layer: DepthwiseConv2D, channel: ChannelWords) -> dict[str, Value]:
    """What the channels that the assembly cannot requantize need: nothing if there are none."""
    if not channel.missing.any():
        return dict.fromkeys(("exact", "exact_channels", "exact_bias", "requantization"))
    bias = folded_bias(layer.filters, layer.bias, layer.input_zero_point)
    return {
        "exact": k.Raw("tinygen_depthwise3x3_exact"),
        "exact_channels": k.Constant(
            "exact_channels", channel.missing.astype(np.uint8), alignment=1
        ),
        "exact_bias": wrap_int32(bias),
        "requantization": layer.requantization,
    }


KERNELS = (depthwise3x3,)
