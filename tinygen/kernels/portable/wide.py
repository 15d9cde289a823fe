# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the convolutions and pools of float32 and int16."""

from __future__ import annotations

import math

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, Constant, Struct
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.pooling import WidePool2D
from tinygen.ops.wide_convolution import FloatConv2D, Int16Conv2D, WideConv2D

_COSTS = Costs("portable.wide")


def _shape(layer: WideConv2D) -> Struct:
    return struct(
        "tinygen_conv2d_shape",
        layer,
        group_depth=layer.weights.shape[3],
        channels_per_group=len(layer.weights) // layer.groups,
    )


def _convolution(
    layer: WideConv2D, function: str, parameters: Struct, element_bytes: int
) -> Binding:
    return Binding(
        calls=(Call(f"tinygen_{function}", (parameters, *in_and_out(layer))),),
        headers=("portable/conv2d_f32_s16.h",),
        overlaps=image_overlaps(layer, element_bytes),
    )


def _convolution_cycles(layer: WideConv2D) -> float:
    outputs = layer.macs / (layer.weights[0].size or 1)
    return layer.macs * _COSTS.per_mac + outputs * _COSTS.per_output


@portable("conv2d_f32", FloatConv2D)
def conv2d_f32(layer: FloatConv2D) -> Offer:
    """Of float32."""

    def bind() -> Binding:
        parameters = struct(
            "tinygen_conv2d_f32_params",
            layer,
            shape=_shape(layer),
            weights=layer.weights.astype(np.float32),
            bias=layer.bias.astype(np.float32),
        )
        return _convolution(layer, "conv2d_f32", parameters, 4)

    return Offer(_convolution_cycles(layer), bind)


@portable("conv2d_s16", Int16Conv2D)
def conv2d_s16(layer: Int16Conv2D) -> Offer:
    """Of int16."""

    def bind() -> Binding:
        parameters = struct(
            "tinygen_conv2d_s16_params",
            layer,
            shape=_shape(layer),
            weights=layer.weights,
            bias=Constant("bias", layer.bias.astype(np.int64), alignment=8),
        )
        function = "conv2d_s16_narrow" if layer.narrow else "conv2d_s16"
        return _convolution(layer, function, parameters, 2)

    return Offer(_convolution_cycles(layer), bind)


@portable("pool2d_wide", WidePool2D)
def pool2d(layer: WidePool2D) -> Offer:
    """Of either."""

    def bind() -> Binding:
        suffix = "f32" if layer.dtype is DType.FLOAT32 else "s16"
        shape = struct("tinygen_pool2d_shape", layer)
        parameters = struct(f"tinygen_pool2d_{suffix}_params", layer, shape=shape)
        function = f"tinygen_{layer.kind}_pool2d_{suffix}"
        return Binding(
            calls=(Call(function, (parameters, *in_and_out(layer))),),
            headers=("portable/pool2d_f32_s16.h",),
            overlaps=image_overlaps(layer, layer.dtype.bits // 8),
        )

    values = layer.window.height.size * layer.window.width.size
    each = values * _COSTS.pool_per_value + _COSTS.pool_per_output
    return Offer(math.prod(layer.output_shape) * each, bind)


KERNELS = (conv2d_f32, conv2d_s16, pool2d)
