# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with Helium: ``mve/depthwise_s8.h``."""

from __future__ import annotations

from functools import cache

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Assembly, Binding, Call, ScratchArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Bands, Offer, Refusal
from tinygen.kernels.mve.base import bands_overlap, helium
from tinygen.kernels.mve.depthwise_forms import GROUP, Form, find_form
from tinygen.kernels.mve.requantization import ChannelConstants, channel_constants, refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.structs import struct
from tinygen.ops.convolution import DepthwiseConv2D

_MOST_WEIGHT_BYTES = 496
_MOST_MULTIPLIER = 255
_COSTS = Costs("mve.depthwise")


def _row_distances(layer: DepthwiseConv2D, form: Form) -> tuple[int, int]:
    """(output, strip): bytes from a row's last block to the next row's first."""
    columns = layer.window.width
    channels = layer.output_shape[3]
    last = columns.output - form.blocks.pixels
    output = (form.rows_a_strip * columns.output - last) * channels
    patches = last if form.pair else (columns.output - 1) * columns.stride
    return output, form.row_groups * form.strip_bytes - patches * form.column_bytes


def _assembly(layer: DepthwiseConv2D, form: Form, constants: ChannelConstants) -> Assembly:
    columns = layer.window.width
    blocks = form.blocks
    row_output, row_strip = _row_distances(layer, form)
    block = (("pair", int(form.pair)), ("pixels", blocks.pixels))
    geometry = (
        ("last", blocks.last),
        ("row_output", row_output),
        ("row_strip", row_strip),
        ("column_bytes", form.column_bytes),
        ("step", 1 if form.pair else columns.stride),
        ("output_bytes", layer.output_shape[3]),
        ("row_groups", form.row_groups),
        ("row_group_bytes", form.strip_bytes),
        ("columns", columns.size),
        ("column_group_bytes", 4 * columns.dilation * form.column_bytes),
        ("multiplier", layer.depth_multiplier),
        *constants.parameters,
    )
    unrolling = (("turns", blocks.turns), ("blocks", blocks.unrolled), ("rest", blocks.rest))
    return Assembly(
        "mve/depthwise_s8.inc",
        "tinygen_mve_depthwise_function",
        "tinygen_mve_depthwise_c",
        (*block, *unrolling, *geometry),
        struct(
            "tinygen_mve_depthwise_shape", None, blocks=blocks.count, **dict((*block, *geometry))
        ),
    )


def _packing(form: Form, channels: int) -> Assembly:
    """The function that interleaves rows: vectors of columns, or of channels a column apart."""
    step = GROUP if form.group == channels else channels
    return Assembly(
        "mve/depthwise_pack.inc",
        "tinygen_mve_pack_function",
        "tinygen_mve_pack_rows",
        (("step", step),),
        step,
    )


def _pack_constants(weights: AnyArray, form: Form, constants: ChannelConstants) -> AnyArray:
    """Of each output channel: columns of four filter rows, bias, last constant, multiplier."""
    height, width, channels = weights.shape
    padded = np.zeros((4 * form.row_groups, width, channels), dtype=np.int8)
    padded[:height] = weights
    grouped = padded.reshape(form.row_groups, 4, width, channels).transpose(3, 0, 2, 1)
    words = np.ascontiguousarray(grouped).reshape(channels, -1).view(np.int32)
    others = np.stack([constants.biases, constants.lasts, constants.scales], axis=1)
    return np.concatenate([words, others], axis=1).astype(np.int32)


def _bind(layer: DepthwiseConv2D, form: Form, constants: ChannelConstants) -> Binding:
    packed = _pack_constants(layer.weights, form, constants)
    parameters = struct(
        "tinygen_mve_depthwise_conv2d_s8_params",
        layer,
        group=form.group,
        pair=form.pair,
        band_rows=form.band_rows,
        row_groups=form.row_groups,
        strip_columns=form.strip_columns,
        pixels=form.blocks.pixels,
        channel_words=packed.shape[1],
        constants=packed,
    )
    return Binding(
        calls=(
            Call(
                "tinygen_mve_depthwise_conv2d_s8",
                (
                    parameters,
                    _packing(form, layer.input_shape[3]),
                    _assembly(layer, form, constants),
                    *in_and_out(layer),
                    ScratchArgument("int8_t"),
                ),
            ),
        ),
        headers=("mve/depthwise_s8.h",),
        scratch_bytes=form.scratch_bytes,
        overlaps=bands_overlap(layer, form.band_rows, rereads=True),
        notes=(constants.note,),
    )


@helium("depthwise_conv2d_s8", DepthwiseConv2D)
def depthwise_conv2d(layer: DepthwiseConv2D) -> Offer | Refusal:
    """Four rows and four columns of a filter in one product."""
    reason = refusal(layer.requantization)
    form = find_form(layer)
    if reason is None and layer.input_shape[3] == 1:
        reason = "leaves one input channel to the convolution"
    elif reason is None and 4 * form.row_groups * layer.window.width.size > _MOST_WEIGHT_BYTES:
        reason = "the filter is too large"
    elif reason is None and layer.depth_multiplier > _MOST_MULTIPLIER:
        reason = "the depth multiplier is too large"
    if reason is not None:
        return Refusal(reason)

    @cache
    def constants() -> ChannelConstants:
        filters = layer.filters.reshape(layer.weights.shape[2], -1)
        zero_point, q = layer.input_zero_point, layer.requantization
        return channel_constants(filters, layer.bias, zero_point, q)

    def by_bands(bands: Bands) -> Offer:
        banded = find_form(layer, bands)
        return Offer(
            banded.instructions * _COSTS.per_instruction + calls_cost(layer, bands),
            lambda: rows_binding(_bind(layer, banded, constants()), bands),
        )

    cycles = form.instructions * _COSTS.per_instruction
    return Offer(cycles, lambda: _bind(layer, form, constants()), by_bands)


KERNELS = (depthwise_conv2d,)
