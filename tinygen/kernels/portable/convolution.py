# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the convolution family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Overlap,
    Raw,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.overlap import rows_overlap
from tinygen.kernels.portable.base import (
    PortableKernel,
    axis_struct,
    by_rows,
    requantization_struct,
)
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.pooling import Pool2D
from tinygen.ops.wide import WideConv2D
from tinygen.ops.wide_pooling import WidePool2D
from tinygen.requantize.channels import folded_bias


def image_overlaps(
    layer: Conv2D | DepthwiseConv2D | Pool2D | WideConv2D | WidePool2D, element_bytes: int = 1
) -> tuple[Overlap, ...]:
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
            input_width * input_channels * element_bytes,
            output_width * output_channels * element_bytes,
        ),
    )


_CYCLES_PER_MAC = 9.0
_DOT_MAX_DEPTH = 131_071
"""``TINYGEN_DOT_MAX_DEPTH`` of firmware/kernels/portable/dot.h."""
_GEMM_CYCLES_PER_MAC = 3.5
_CYCLES_PER_GATHERED_VALUE = 3.0
_DEPTHWISE_CYCLES_PER_MAC = 5.0
_DEPTHWISE_LOOP_CYCLES_PER_MAC = 8.5
"""Where a row of the filter is not the usual three taps, for which there is no loop."""
_CYCLES_PER_OUTPUT = 30.0


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


def _reads_in_place(layer: Conv2D) -> bool:
    """Whether a pixel's window lies in the image as the weights want it."""
    rows, columns = layer.window.height, layer.window.width
    return all(axis.size == 1 and axis.stride == 1 for axis in (rows, columns))


def _bind_gemm_conv2d(layer: Conv2D) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    parameters = Struct(
        "tinygen_gemm_conv2d_s8_params",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("output_channels", layer.output_shape[3]),
            ("input_ring_rows", layer.input_shape[1]),
            ("padding", layer.input_zero_point),
            ("weights", ConstantArgument("weights")),
            ("bias", ConstantArgument("bias")),
            ("requantization", requantization),
        ),
    )
    in_place = _reads_in_place(layer)
    bias = folded_bias(layer.weights, layer.bias, layer.input_zero_point)
    return Binding(
        calls=(
            Call(
                "tinygen_gemm_conv2d_s8",
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                    Raw("NULL") if in_place else ScratchArgument("int8_t"),
                ),
            ),
        ),
        headers=("portable/gemm_conv2d_s8.h",),
        constants=(Constant("weights", layer.weights), Constant("bias", wrap_int32(bias)), *arrays),
        scratch_bytes=0 if in_place else 2 * layer.weights[0].size,
        overlaps=image_overlaps(layer),
    )


def _gemm_conv2d_cycles(layer: Conv2D) -> float:
    outputs = layer.macs / (layer.weights[0].size or 1)
    gathered = 0 if _reads_in_place(layer) else layer.macs / layer.output_shape[3]
    return (
        layer.macs * _GEMM_CYCLES_PER_MAC
        + outputs * _CYCLES_PER_OUTPUT
        + gathered * _CYCLES_PER_GATHERED_VALUE
    )


def _gemm_rejects(layer: Conv2D) -> str | None:
    if layer.groups != 1:
        return "does one group of channels only"
    if layer.weights[0].size > _DOT_MAX_DEPTH:
        return f"sums at most {_DOT_MAX_DEPTH:,} products without overflow"
    return None


def _bind_depthwise_conv2d(layer: DepthwiseConv2D) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    by_channel = np.moveaxis(layer.weights, -1, 0)
    bias = folded_bias(by_channel, layer.bias, layer.input_zero_point)
    parameters = Struct(
        "tinygen_depthwise_conv2d_s8_params",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("depth_multiplier", layer.depth_multiplier),
            ("input_ring_rows", layer.input_shape[1]),
            ("padding", layer.input_zero_point),
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
                    ScratchArgument("int8_t"),
                ),
            ),
        ),
        headers=("portable/depthwise_conv2d_s8.h",),
        constants=(Constant("weights", layer.weights), Constant("bias", wrap_int32(bias)), *arrays),
        scratch_bytes=layer.window.height.size * layer.window.width.size * layer.input_shape[3],
        overlaps=image_overlaps(layer),
    )


def _depthwise_cycles(layer: DepthwiseConv2D) -> float:
    outputs = layer.macs / (layer.window.height.size * layer.window.width.size)
    loop = layer.window.width.size != 3
    per_mac = _DEPTHWISE_LOOP_CYCLES_PER_MAC if loop else _DEPTHWISE_CYCLES_PER_MAC
    return layer.macs * per_mac + outputs * _CYCLES_PER_OUTPUT


KERNELS: Sequence[Kernel] = (
    PortableKernel(
        "conv2d_s8", Conv2D, _bind_conv2d, _conv2d_cycles, band_binder=by_rows(_bind_conv2d)
    ),
    PortableKernel(
        "gemm_conv2d_s8",
        Conv2D,
        _bind_gemm_conv2d,
        _gemm_conv2d_cycles,
        _gemm_rejects,
        band_binder=by_rows(_bind_gemm_conv2d),
    ),
    PortableKernel(
        "depthwise_conv2d_s8",
        DepthwiseConv2D,
        _bind_depthwise_conv2d,
        _depthwise_cycles,
        band_binder=by_rows(_bind_depthwise_conv2d),
    ),
)
