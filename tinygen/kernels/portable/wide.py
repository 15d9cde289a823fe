# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the convolutions and pools of float32 and int16."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Struct,
    TensorArgument,
)
from tinygen.kernels.portable.base import PortableKernel, axis_struct, requantization_struct
from tinygen.kernels.portable.convolution import image_overlaps
from tinygen.ops.wide import FloatConv2D, Int16Conv2D, WideConv2D
from tinygen.ops.wide_pooling import WidePool2D

_FLOAT_BYTES = 4
_INT16_BYTES = 2
_CYCLES_PER_MAC = 9.0
_CYCLES_PER_OUTPUT = 60.0


def _shape(layer: WideConv2D) -> Struct:
    channels = int(layer.weights.shape[0])
    return Struct(
        "tinygen_conv2d_shape",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("output_channels", channels),
            ("group_depth", int(layer.weights.shape[3])),
            ("channels_per_group", channels // layer.groups),
        ),
    )


def _convolution(
    layer: WideConv2D,
    kind: str,
    fields: tuple[tuple[str, Field], ...],
    constants: tuple[Constant, ...],
    element_bytes: int,
    suffix: str = "",
) -> Binding:
    parameters = Struct(
        f"tinygen_conv2d_{kind}_params",
        (
            ("shape", _shape(layer)),
            ("weights", ConstantArgument("weights")),
            ("bias", ConstantArgument("bias")),
            *fields,
        ),
    )
    call = Call(
        f"tinygen_conv2d_{kind}{suffix}",
        (
            parameters,
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("portable/conv2d_f32_s16.h",),
        constants=constants,
        overlaps=image_overlaps(layer, element_bytes),
    )


def _bind_float(layer: FloatConv2D) -> Binding:
    return _convolution(
        layer,
        "f32",
        (("clamp_min", layer.clamp_min), ("clamp_max", layer.clamp_max)),
        (
            Constant("weights", layer.weights.astype(np.float32)),
            Constant("bias", layer.bias.astype(np.float32)),
        ),
        _FLOAT_BYTES,
    )


def _bind_int16(layer: Int16Conv2D) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    return _convolution(
        layer,
        "s16",
        (("requantization", requantization),),
        (
            Constant("weights", layer.weights),
            Constant("bias", layer.bias.astype(np.int64), alignment=8),
            *arrays,
        ),
        _INT16_BYTES,
        "_narrow" if layer.narrow else "",
    )


def _convolution_cycles(layer: WideConv2D) -> float:
    outputs = layer.macs / (layer.weights[0].size or 1)
    return layer.macs * _CYCLES_PER_MAC + outputs * _CYCLES_PER_OUTPUT


def _bind_pool(layer: WidePool2D) -> Binding:
    suffix = "f32" if layer.dtype is DType.FLOAT32 else "s16"
    shape = Struct(
        "tinygen_pool2d_shape",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("channels", layer.input_shape[3]),
        ),
    )
    parameters = Struct(
        f"tinygen_pool2d_{suffix}_params",
        (("shape", shape), ("clamp_min", layer.clamp_min), ("clamp_max", layer.clamp_max)),
    )
    call = Call(
        f"tinygen_{layer.kind}_pool2d_{suffix}",
        (
            parameters,
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("portable/pool2d_f32_s16.h",),
        overlaps=image_overlaps(layer, layer.dtype.bits // 8),
    )


def _pool_cycles(layer: WidePool2D) -> float:
    rows, columns = layer.window.height, layer.window.width
    return math.prod(layer.output_shape) * (rows.size * columns.size * 8.0 + 30.0)


KERNELS: Sequence[Kernel] = (
    PortableKernel("conv2d_f32", FloatConv2D, _bind_float, _convolution_cycles),
    PortableKernel("conv2d_s16", Int16Conv2D, _bind_int16, _convolution_cycles),
    PortableKernel("pool2d_wide", WidePool2D, _bind_pool, _pool_cycles),
)
