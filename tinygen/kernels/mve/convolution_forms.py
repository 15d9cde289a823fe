# SPDX-License-Identifier: Apache-2.0
"""The ways to compute a convolution with ``mve/conv2d_s8.h``, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinygen.ir.window import Axis
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Bands
from tinygen.kernels.mve.base import cut
from tinygen.kernels.mve.gemm import VECTOR, Tile, Window, tile
from tinygen.ops.convolution import Conv2D

_STRIP_BYTES = 2560
"""Scratch memory up to which more rows are computed at once,"""
_BAND_STRIP_BYTES = 1280
"""and up to which more rows of a band are."""
_MOST_BAND_ROWS = 8
_COSTS = Costs("mve.convolution_forms")


@dataclass(frozen=True)
class _Calls:
    """How the output rows are asked for: ``most`` a call, of a whole image or out of a ring."""

    most: int
    whole: bool
    scratch_limit: int
    least_rows: int
    """Of a call: 1, unless all calls have the same rows."""

    @classmethod
    def of(cls, layer: Conv2D, bands: Bands | None) -> _Calls:
        """All rows at once if there are no bands."""
        rows = layer.window.height
        if bands is None:
            return cls(rows.output, whole=True, scratch_limit=_STRIP_BYTES, least_rows=rows.output)
        whole = bands.input_rings[0] >= rows.input
        return cls(min(bands.most, rows.output), whole, _BAND_STRIP_BYTES, 1)

    def pieces(self, layer: Conv2D, rows: int) -> list[tuple[int, int]]:
        """(rows, how often): what is computed at once, if that may be as many as ``rows``."""
        images = layer.input_shape[0]
        found = []
        for asked, calls in cut(layer.window.height.output, self.most):
            at_once = min(rows, asked)
            found.append((at_once, images * calls * -(-asked // at_once)))
        return found

    def at_once(self) -> range:
        """Rows that may be computed at once, if windows are made in scratch memory."""
        return range(1, min(self.most, _MOST_BAND_ROWS) + 1)


@dataclass(frozen=True)
class Form:
    """A way to compute a layer.

    ``name`` is that of the C enumerator.
    """

    name: str
    tile: Tile
    band_rows: int
    strip_bytes: int
    strip_rows: int
    patch_bytes: int
    scratch_bytes: int
    cycles: float


def _product_cycles(layer: Conv2D, shape: Tile, pixels: int, rows: int) -> float:
    """Cycles of the product over ``rows`` rows of ``pixels`` each."""
    channels = layer.output_shape[3]
    groups, single = divmod(channels, 2)
    blocks = rows * -(-pixels // shape.pixels)
    per_block = groups * shape.block_cycles(2)
    per_block += single * shape.block_cycles(1)
    per_group = _COSTS.group + 14 * rows
    return blocks * per_block + _COSTS.call + (groups + single) * per_group


def _tiles(window: Window, pixels: int) -> Iterator[Tile]:
    for size in range(1, min(4, pixels) + 1):
        shape = tile(window, size)
        if shape is not None:
            yield shape


def _in_place(layer: Conv2D, calls: _Calls) -> Iterator[Form]:
    rows, columns = layer.window.height, layer.window.width
    batches, height, width, channels = layer.input_shape
    if rows.pad or rows.pad_after or columns.pad or columns.pad_after:
        return
    if columns.size > 1 and columns.dilation > 1:
        return
    values = columns.size * channels
    row_bytes = width * channels
    pixel_bytes = columns.stride * channels
    row_step = rows.stride * row_bytes
    if values % 4 or pixel_bytes % 4 or row_step % 4 or (rows.size > 1 and values % VECTOR):
        return
    if batches > 1 and height * row_bytes % 4:
        return
    if not calls.whole and (rows.size > 1 or row_bytes % 4):
        return
    window = Window(rows.size, values, rows.dilation * row_bytes, pixel_bytes, overread=False)
    if rows.size > 1 and window.segment_bytes % 4:
        return
    merged = row_step == columns.output * pixel_bytes
    width = columns.output
    for shape in _tiles(window, calls.least_rows * width if merged else width):
        cost = 0.0
        for count, times in calls.pieces(layer, calls.most):
            pixels, lines = (count * width, 1) if merged else (width, count)
            cost += times * _product_cycles(layer, shape, pixels, lines)
        yield Form("TINYGEN_MVE_IN_PLACE", shape, 0, 0, 0, 0, 0, cost)


def covered(rows: Axis, band: int) -> int:
    """Input rows that a band of output rows reads."""
    return (band - 1) * rows.stride + (rows.size - 1) * rows.dilation + 1


def _copy_cycles(count: float) -> float:
    """Copying so many bytes at once."""
    return 4 * -(-count // VECTOR) + 6


def _strip(layer: Conv2D, calls: _Calls) -> Iterator[Form]:
    rows, columns = layer.window.height, layer.window.width
    channels = layer.input_shape[3]
    values = columns.size * channels
    pixel_bytes = columns.stride * channels
    if (columns.size > 1 and columns.dilation > 1) or pixel_bytes % 4 or values % VECTOR:
        return
    strip_bytes = ((columns.output - 1) * columns.stride + columns.size) * channels
    strip_bytes += -strip_bytes % 4
    window = Window(rows.size, values, rows.dilation * strip_bytes, pixel_bytes, overread=True)
    fill = _COSTS.strip_row + _copy_cycles(strip_bytes)
    for band in calls.at_once():
        strip_rows = covered(rows, band)
        scratch = strip_rows * strip_bytes
        if band > 1 and scratch > calls.scratch_limit:
            break
        for shape in _tiles(window, columns.output):
            cost = sum(
                times
                * (
                    _product_cycles(layer, shape, columns.output, count)
                    + covered(rows, count) * fill
                )
                for count, times in calls.pieces(layer, band)
            )
            yield Form(
                "TINYGEN_MVE_STRIP",
                shape,
                band,
                strip_bytes,
                strip_rows,
                0,
                scratch,
                cost,
            )


def _patches(layer: Conv2D, calls: _Calls) -> Iterator[Form]:
    rows, columns = layer.window.height, layer.window.width
    channels = layer.input_shape[3]
    taps = rows.size * columns.size * channels
    patch_bytes = taps + -taps % 4
    reach = (columns.output - 1) * columns.stride + (columns.size - 1) * columns.dilation + 1
    strip_bytes = reach * channels
    strip_bytes += -strip_bytes % 4
    parts = 1 if columns.dilation == 1 else columns.size
    per_part = 4 * -(-taps // (rows.size * parts) // VECTOR) if parts == 1 else 22
    gather = 5 + rows.size * parts * per_part
    fill = _COSTS.strip_row + _copy_cycles(strip_bytes)
    for band in calls.at_once():
        patches = band * columns.output
        strip_rows = covered(rows, band)
        scratch = strip_rows * strip_bytes + patches * patch_bytes + VECTOR
        if band > 1 and scratch > calls.scratch_limit:
            break
        least = min(band, calls.least_rows) * columns.output
        for shape in _tiles(Window(1, taps, 0, patch_bytes, overread=True), least):
            cost = 0.0
            for count, times in calls.pieces(layer, band):
                pixels = count * columns.output
                product = _product_cycles(layer, shape, pixels, 1)
                cost += times * (product + covered(rows, count) * fill + pixels * gather)
            yield Form(
                "TINYGEN_MVE_PATCHES",
                shape,
                band,
                strip_bytes,
                strip_rows,
                patch_bytes,
                scratch + -scratch % 4,
                cost,
            )


def find_form(layer: Conv2D, bands: Bands | None = None) -> Form | None:
    """The cheapest way, by bands if there are any; None if the product has no form for the layer."""
    calls = _Calls.of(layer, bands)
    forms = [*_in_place(layer, calls), *_strip(layer, calls), *_patches(layer, calls)]
    return min(forms, key=lambda form: form.cycles, default=None)
