# SPDX-License-Identifier: Apache-2.0
"""CONV_2D with Helium: ``mve/conv2d_s8.h`` over ``mve/gemm_s8.inc``."""

from __future__ import annotations

from functools import cache

from tinygen.ir.graph import AnyArray
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Assembly, Binding, Call, Raw, ScratchArgument
from tinygen.kernels.kernel import Bands, Offer, Refusal
from tinygen.kernels.mve.base import bands_overlap, helium
from tinygen.kernels.mve.convolution_forms import Form, find_form
from tinygen.kernels.mve.gemm import assembly, pack_constants, pack_weights
from tinygen.kernels.mve.requantization import ChannelConstants, channel_constants, refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.structs import struct
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D


def _gather(layer: Conv2D, form: Form) -> Assembly | None:
    """The function that copies windows out of a strip, if they are copied and it can."""
    rows, columns = layer.window.height, layer.window.width
    if form.name != "TINYGEN_MVE_PATCHES" or columns.dilation > 1:
        return None
    segments = (("rows", rows.size), ("pitch", rows.dilation * form.strip_bytes))
    part, step = (count * layer.input_shape[3] for count in (columns.size, columns.stride))
    return Assembly(
        "mve/conv2d_gather.inc",
        "tinygen_mve_gather_function",
        "tinygen_mve_gather_c",
        (*segments, ("part", part), ("step", step), ("patch", form.patch_bytes)),
        struct(
            "tinygen_mve_gather_shape",
            form,
            parts=1,
            part_distance=0,
            part_bytes=part,
            step=step,
            **dict(segments),
        ),
    )


def _filters(layer: Conv2D) -> AnyArray:
    """Each channel's weights in a row."""
    return layer.weights.reshape(len(layer.weights), -1)


def _bind(layer: Conv2D, form: Form, constants: ChannelConstants) -> Binding:
    channels = layer.output_shape[3]
    parameters = struct(
        "tinygen_mve_conv2d_s8_params",
        layer,
        form=Raw(form.name),
        band_rows=form.band_rows,
        strip_bytes=form.strip_bytes,
        strip_rows=form.strip_rows,
        patch_bytes=form.patch_bytes,
        pixels=form.tile.pixels,
        weights=pack_weights(_filters(layer)),
        constants=pack_constants(constants),
    )
    functions = (
        assembly(form.tile, 2, channels, constants) if channels > 1 else None,
        assembly(form.tile, 1, channels, constants) if channels % 2 == 1 else None,
        _gather(layer, form),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_mve_conv2d_s8",
                (
                    parameters,
                    *(function or Raw("NULL") for function in functions),
                    *in_and_out(layer),
                    ScratchArgument("int8_t"),
                ),
            ),
        ),
        headers=("mve/conv2d_s8.h",),
        scratch_bytes=form.scratch_bytes,
        overlaps=bands_overlap(layer, form.band_rows, rereads=False) if form.band_rows else (),
        notes=(constants.note,),
    )


def _offer(layer: Conv2D) -> Offer | Refusal:
    reason = refusal(layer.requantization)
    if reason is not None:
        return Refusal(reason)
    form = find_form(layer)
    if form is None:
        return Refusal("the windows are too large for its forms")

    @cache
    def constants(aligns: bool) -> ChannelConstants:
        zero_point, q = layer.input_zero_point, layer.requantization
        return channel_constants(_filters(layer), layer.bias, zero_point, q, aligns=aligns)

    def bind(form: Form) -> Binding:
        return _bind(layer, form, constants(not form.tile.eights))

    def by_bands(bands: Bands) -> Offer | None:
        banded = find_form(layer, bands)
        if banded is None:
            return None
        cycles = banded.cycles + calls_cost(layer, bands)
        return Offer(cycles, lambda: rows_binding(bind(banded), bands))

    return Offer(form.cycles, lambda: bind(form), by_bands)


@helium("conv2d_s8", Conv2D)
def conv2d(layer: Conv2D) -> Offer | Refusal:
    """All channels of a window are contiguous."""
    if layer.groups > 1:
        return Refusal(f"has {layer.groups} groups of channels")
    return _offer(layer)


@helium("depthwise_as_conv2d_s8", DepthwiseConv2D)
def depthwise_as_conv2d(layer: DepthwiseConv2D) -> Offer | Refusal:
    """A depthwise layer of one input channel is a convolution."""
    if layer.input_shape[3] != 1:
        return Refusal(f"the image has {layer.input_shape[3]} channels, not 1")
    return _offer(layer.as_convolution())


KERNELS = (conv2d, depthwise_as_conv2d)
