# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the convolution family."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.kernel import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Kernel,
    Overlap,
    Struct,
    TensorArgument,
)
from tinygen.kernels.overlap import rows_overlap
from tinygen.kernels.portable.base import PortableKernel, axis_struct, requantization_struct
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.pooling import Pool2D


def image_overlaps(layer: Conv2D | DepthwiseConv2D | Pool2D) -> tuple[Overlap, ...]:
    """Output rows may be written over input rows that are done with."""
    if layer.input_shape[0] != 1:
        return ()
    _, _, input_width, input_channels = layer.input_shape
    _, _, output_width, output_channels = layer.output_shape
    return (
        rows_overlap(
            layer.inputs[0],
            layer.outputs[0],
            layer.window.height,
            input_width * input_channels,
            output_width * output_channels,
        ),
    )


_CYCLES_PER_MAC = 9.0
_DEPTHWISE_CYCLES_PER_MAC = 11.0
_CYCLES_PER_OUTPUT = 60.0


def _bind_conv2d(layer: Conv2D) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    channels = layer.output_shape[3]
    parameters = Struct(
        "tinygen_conv2d_s8_params",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("output_channels", channels),
            ("group_depth", int(layer.weights.shape[3])),
            ("channels_per_group", channels // layer.groups),
            ("input_ring_rows", layer.input_shape[1]),
            ("input_offset", -layer.input_zero_point),
            ("weights", ConstantArgument("weights")),
            ("bias", ConstantArgument("bias")),
            ("requantization", requantization),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_conv2d_s8",
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("portable/conv2d_s8.h",),
        constants=(Constant("weights", layer.weights), Constant("bias", layer.bias), *arrays),
        overlaps=image_overlaps(layer),
    )


def _conv2d_cycles(layer: Conv2D) -> float:
    outputs = layer.macs / (layer.weights[0].size or 1)
    return layer.macs * _CYCLES_PER_MAC + outputs * _CYCLES_PER_OUTPUT


def _bind_depthwise_conv2d(layer: DepthwiseConv2D) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    parameters = Struct(
        "tinygen_depthwise_conv2d_s8_params",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("depth_multiplier", layer.depth_multiplier),
            ("input_ring_rows", layer.input_shape[1]),
            ("input_offset", -layer.input_zero_point),
            ("weights", ConstantArgument("weights")),
            ("bias", ConstantArgument("bias")),
            ("requantization", requantization),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_depthwise_conv2d_s8",
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("portable/depthwise_conv2d_s8.h",),
        constants=(Constant("weights", layer.weights), Constant("bias", layer.bias), *arrays),
        overlaps=image_overlaps(layer),
    )


def _depthwise_cycles(layer: DepthwiseConv2D) -> float:
    outputs = layer.macs / (layer.window.height.size * layer.window.width.size)
    return layer.macs * _DEPTHWISE_CYCLES_PER_MAC + outputs * _CYCLES_PER_OUTPUT


KERNELS: Sequence[Kernel] = (
    PortableKernel("conv2d_s8", Conv2D, _bind_conv2d, _conv2d_cycles),
    PortableKernel(
        "depthwise_conv2d_s8", DepthwiseConv2D, _bind_depthwise_conv2d, _depthwise_cycles
    ),
)
