# SPDX-License-Identifier: Apache-2.0
"""How ``mve/depthwise_s8.h`` may cut a layer into strips and blocks, and what each way costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Bands
from tinygen.kernels.mve.base import cut
from tinygen.ops.convolution import DepthwiseConv2D

GROUP = 16
_STRIP_BYTES = 2816
"""Scratch memory up to which more rows are computed at once,"""
_BAND_STRIP_BYTES_A_ROW = 256
"""and for each row that a band may have."""
_MOST_STRIPS = 8
"""``TINYGEN_MVE_DEPTHWISE_STRIPS``."""
_UNROLLED = 8
"""Blocks of a row that are unrolled at most."""
_PACK_SLACK = 64
_COSTS = Costs("mve.depthwise_forms")


@dataclass(frozen=True)
class Blocks:
    """How a row of outputs is cut: ``turns`` of ``unrolled`` blocks, ``rest``, and one ``last``.

    ``last`` is how many outputs the last block is behind the one before; 0 if there is none.
    """

    pixels: int
    turns: int
    unrolled: int
    rest: int
    last: int

    @property
    def count(self) -> int:
        """Blocks, but the last one."""
        return self.turns * self.unrolled + self.rest


def _blocks(outputs: int, pixels: int) -> Blocks:
    whole, over = divmod(outputs, pixels)
    if whole <= _UNROLLED:
        return Blocks(pixels, 1, whole, 0, over)
    # At least two turns, with as few blocks left over as can be.
    counts = range(4, min(_UNROLLED, whole // 2) + 1)
    unrolled = min(counts, key=lambda count: (whole % count, -count))
    turns, rest = divmod(whole, unrolled)
    return Blocks(pixels, turns, unrolled, rest, over)


@dataclass(frozen=True)
class Form:
    """The geometry of a layer's strips and blocks."""

    pair: bool
    blocks: Blocks
    group: int
    strip_columns: int
    row_groups: int
    band_rows: int
    instructions: float

    @property
    def column_bytes(self) -> int:
        """From a column of a strip to the next."""
        return 4 * self.group

    @property
    def strip_bytes(self) -> int:
        """One strip."""
        return self.strip_columns * self.column_bytes

    @property
    def rows_a_strip(self) -> int:
        """Output rows of a row of blocks."""
        return 2 if self.pair else 1

    @property
    def scratch_bytes(self) -> int:
        """The strips of a band, and where the last one's vectors may write behind it."""
        return (
            self.band_rows // self.rows_a_strip * self.row_groups * self.strip_bytes + _PACK_SLACK
        )


def _estimate(layer: DepthwiseConv2D, form: Form, most: int) -> float:
    """Instructions, if that many rows are asked for at a time."""
    rows, columns = layer.window.height, layer.window.width
    channels = layer.output_shape[3]
    patches = form.row_groups * -(-columns.size // 4)
    block = 13 if form.pair else form.blocks.pixels * (2 + 5 * (patches - 1)) + 8
    blocks = form.blocks.count + bool(form.blocks.last)
    groups = -(-layer.input_shape[3] // form.group)
    vectors = -(-layer.input_shape[2] * form.group // GROUP)
    strip = groups * form.row_groups * (9 * vectors + _COSTS.strip_instructions)
    strip += channels * (blocks * block + _COSTS.row_instructions)
    band = groups * _COSTS.band_instructions + channels * _COSTS.channel_instructions
    total = 0.0
    for asked, calls in cut(rows.output, most):
        pieces = cut(asked, form.band_rows)
        strips = sum(times * -(-count // form.rows_a_strip) for count, times in pieces)
        bands = sum(times for _, times in pieces)
        total += calls * (strips * strip + bands * band + _COSTS.call_instructions)
    return layer.input_shape[0] * total


def _forms(layer: DepthwiseConv2D, bands: Bands | None) -> Iterator[Form]:
    rows, columns = layer.window.height, layer.window.width
    channels = layer.input_shape[3]
    group = channels if channels <= GROUP else GROUP
    most = rows.output if bands is None else min(bands.most, rows.output)
    scratch_limit = _STRIP_BYTES if bands is None else most * _BAND_STRIP_BYTES_A_ROW
    pairable = (
        (rows.size, rows.stride, rows.dilation) == (3, 1, 1)
        and (columns.size, columns.stride, columns.dilation) == (3, 1, 1)
        and layer.depth_multiplier == 1
        and min(most, columns.output) > 1
    )
    for pair in (True, False) if pairable else (False,):
        pixels = 2 if pair else min(4, columns.output)
        column_groups = 1 if pair else -(-columns.size // 4)
        # A patch has four columns, whatever the filter has.
        reach = (
            (columns.output - 1) * columns.stride + (4 * column_groups - 1) * columns.dilation + 1
        )
        if pair:
            reach = columns.output + 2
        strip_columns = max(reach, columns.pad + columns.input)
        row_groups = 1 if pair else -(-rows.size // 4)
        step = 2 if pair else 1
        for band_rows in range(step, most + 1, step):
            form = Form(
                pair,
                _blocks(columns.output, pixels),
                group,
                strip_columns,
                row_groups,
                band_rows,
                instructions=0.0,
            )
            strips = band_rows // step * row_groups
            if band_rows > step and (form.scratch_bytes > scratch_limit or strips > _MOST_STRIPS):
                break
            yield replace(form, instructions=_estimate(layer, form, most))


def find_form(layer: DepthwiseConv2D, bands: Bands | None = None) -> Form:
    """The cheapest geometry, by bands if there are any."""
    return min(_forms(layer, bands), key=lambda form: form.instructions)
