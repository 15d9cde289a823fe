# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from tinygen.kernels.bands import in_rows
from tinygen.kernels.binding import Binding, Call, Raw, ScratchArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.requantize.channels import folded_bias

_COSTS = Costs("portable.convolution")
_DOT_MAX_DEPTH = 131_071
"""``TINYGEN_DOT_MAX_DEPTH`` of firmware/kernels/portable/dot.h."""


@portable("conv2d_s8", Conv2D)
def conv2d(layer: Conv2D) -> Offer:
    """Any convolution, tap by tap."""

    def bind() -> Binding:
        parameters = struct(
            "tinygen_conv2d_s8_params",
            layer,
            group_depth=layer.weights.shape[3],
            channels_per_group=layer.output_shape[3] // layer.groups,
            input_offset=-layer.input_zero_point,
            weights=layer.weights,
            bias=layer.bias,
        )
        return Binding(
            calls=(Call("tinygen_conv2d_s8", (parameters, *in_and_out(layer))),),
            headers=("portable/conv2d_s8.h",),
            overlaps=image_overlaps(layer),
        )

    outputs = layer.macs / (layer.weights[0].size or 1)
    return in_rows(layer, layer.macs * _COSTS.per_mac + outputs * _COSTS.per_output, bind)


@portable("gemm_conv2d_s8", Conv2D)
def gemm_conv2d(layer: Conv2D) -> Offer | Refusal:
    """Of one group: windows are gathered, where they do not lie in the image as they are wanted."""
    if layer.groups != 1:
        return Refusal("does one group of channels only")
    depth = layer.weights[0].size
    if depth > _DOT_MAX_DEPTH:
        return Refusal(f"sums at most {_DOT_MAX_DEPTH:,} products without overflow")
    axes = (layer.window.height, layer.window.width)
    in_place = all(axis.size == 1 and axis.stride == 1 for axis in axes)

    def bind() -> Binding:
        bias = folded_bias(layer.weights, layer.bias, layer.input_zero_point)
        parameters = struct(
            "tinygen_gemm_conv2d_s8_params",
            layer,
            padding=layer.input_zero_point,
            weights=layer.weights,
            bias=wrap_int32(bias),
        )
        patches = Raw("NULL") if in_place else ScratchArgument("int8_t")
        return Binding(
            calls=(Call("tinygen_gemm_conv2d_s8", (parameters, *in_and_out(layer), patches)),),
            headers=("portable/gemm_conv2d_s8.h",),
            scratch_bytes=0 if in_place else 2 * depth,
            overlaps=image_overlaps(layer),
        )

    outputs = layer.macs / (depth or 1)
    gathered = 0 if in_place else layer.macs / layer.output_shape[3]
    cycles = layer.macs * _COSTS.gemm_per_mac + outputs * _COSTS.per_output
    return in_rows(layer, cycles + gathered * _COSTS.per_gathered_value, bind)


@portable("depthwise_conv2d_s8", DepthwiseConv2D)
def depthwise_conv2d(layer: DepthwiseConv2D) -> Offer:
    """Any depthwise convolution, of windows that are gathered first."""
    taps = layer.window.height.size * layer.window.width.size

    def bind() -> Binding:
        bias = folded_bias(layer.filters, layer.bias, layer.input_zero_point)
        parameters = struct(
            "tinygen_depthwise_conv2d_s8_params",
            layer,
            padding=layer.input_zero_point,
            weights=layer.weights,
            bias=wrap_int32(bias),
        )
        arguments = (parameters, *in_and_out(layer), ScratchArgument("int8_t"))
        return Binding(
            calls=(Call("tinygen_depthwise_conv2d_s8", arguments),),
            headers=("portable/depthwise_conv2d_s8.h",),
            scratch_bytes=taps * layer.input_shape[3],
            overlaps=image_overlaps(layer),
        )

    loop = layer.window.width.size != 3
    per_mac = _COSTS.depthwise_loop_per_mac if loop else _COSTS.depthwise_per_mac
    return in_rows(layer, layer.macs * per_mac + layer.macs / taps * _COSTS.per_output, bind)


KERNELS = (conv2d, gemm_conv2d, depthwise_conv2d)
