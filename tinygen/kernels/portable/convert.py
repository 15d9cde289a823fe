# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of QUANTIZE, DEQUANTIZE, RELU and RELU6."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.ir.graph import DType
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Call, Field, Struct, TensorArgument
from tinygen.kernels.overlap import in_order, same_place
from tinygen.kernels.portable.base import PortableKernel, requantization_struct
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.requantize import Clamp, Dequantize, Quantize, Requantize

_REQUANTIZE_CYCLES = 25.0
_CLAMP_CYCLES = 8.0
_FLOAT_CYCLES = 40.0

_SUFFIX = {DType.INT8: "s8", DType.UINT8: "u8", DType.INT16: "s16", DType.INT32: "s32"}


def _call(function: str, layer: Layer, *parameters: Field) -> Call:
    source, target = (
        TensorArgument(layer.inputs[0]),
        TensorArgument(layer.outputs[0], writable=True),
    )
    return Call(f"tinygen_{function}", (*parameters, source, target))


def _bind_requantize(layer: Requantize) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    parameters = Struct(
        "tinygen_convert_params",
        (
            ("count", math.prod(layer.shape)),
            ("input_offset", int(wrap_int32(np.array(-layer.input_zero_point)))),
            ("requantization", requantization),
        ),
    )
    function = f"convert_{_SUFFIX[layer.input_dtype]}_{_SUFFIX[layer.output_dtype]}"
    return Binding(
        calls=(_call(function, layer, parameters),),
        headers=("portable/convert.h",),
        constants=arrays,
        overlaps=in_order(
            layer.inputs[0],
            layer.outputs[0],
            math.prod(layer.shape),
            layer.input_dtype,
            layer.output_dtype,
        ),
    )


def _bind_clamp(layer: Clamp) -> Binding:
    count = math.prod(layer.shape)
    return Binding(
        calls=(_call("clamp_s8", layer, count, layer.clamp_min, layer.clamp_max),),
        headers=("portable/convert.h",),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


def _float_binding(
    function: str, layer: Quantize | Dequantize, source: DType, target: DType
) -> Binding:
    count = math.prod(layer.shape)
    parameters = Struct(
        "tinygen_convert_f32_params",
        (("count", count), ("scale", layer.scale), ("zero_point", layer.zero_point)),
    )
    return Binding(
        calls=(_call(function, layer, parameters),),
        headers=("portable/convert_f32.h",),
        overlaps=in_order(layer.inputs[0], layer.outputs[0], count, source, target),
    )


def _bind_quantize(layer: Quantize) -> Binding:
    function = f"quantize_f32_{_SUFFIX[layer.output_dtype]}"
    return _float_binding(function, layer, DType.FLOAT32, layer.output_dtype)


def _bind_dequantize(layer: Dequantize) -> Binding:
    function = f"dequantize_{_SUFFIX[layer.input_dtype]}_f32"
    return _float_binding(function, layer, layer.input_dtype, DType.FLOAT32)


def _requantize_cycles(layer: Requantize) -> float:
    return math.prod(layer.shape) * _REQUANTIZE_CYCLES


def _clamp_cycles(layer: Clamp) -> float:
    return math.prod(layer.shape) * _CLAMP_CYCLES


def _float_cycles(layer: Quantize | Dequantize) -> float:
    return math.prod(layer.shape) * _FLOAT_CYCLES


KERNELS: Sequence[Kernel] = (
    PortableKernel("convert", Requantize, _bind_requantize, _requantize_cycles),
    PortableKernel("clamp_s8", Clamp, _bind_clamp, _clamp_cycles),
    PortableKernel("quantize_f32", Quantize, _bind_quantize, _float_cycles),
    PortableKernel("dequantize_f32", Dequantize, _bind_dequantize, _float_cycles),
)
