# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of QUANTIZE, DEQUANTIZE, RELU and RELU6."""

from __future__ import annotations

import math

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import in_order, same_place
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.requantize import Clamp, Dequantize, Quantize, Requantize

_COSTS = Costs("portable.convert")

_SUFFIX = {DType.INT8: "s8", DType.UINT8: "u8", DType.INT16: "s16", DType.INT32: "s32"}


@portable("convert", Requantize)
def convert(layer: Requantize) -> Offer:
    """From a quantized type to another, or to other parameters."""
    count = math.prod(layer.shape)

    def bind() -> Binding:
        parameters = struct(
            "tinygen_convert_params",
            layer,
            count=count,
            input_offset=int(wrap_int32(np.array(-layer.input_zero_point))),
        )
        types = layer.input_dtype, layer.output_dtype
        function = f"tinygen_convert_{_SUFFIX[types[0]]}_{_SUFFIX[types[1]]}"
        return Binding(
            calls=(Call(function, (parameters, *in_and_out(layer))),),
            headers=("portable/convert.h",),
            overlaps=in_order(layer.inputs[0], layer.outputs[0], count, *types),
        )

    return Offer(count * _COSTS.requantize, bind)


@portable("clamp_s8", Clamp)
def clamp(layer: Clamp) -> Offer:
    """Limits int8."""
    count = math.prod(layer.shape)
    arguments = (count, layer.clamp_min, layer.clamp_max, *in_and_out(layer))

    def bind() -> Binding:
        return Binding(
            calls=(Call("tinygen_clamp_s8", arguments),),
            headers=("portable/convert.h",),
            overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
        )

    return Offer(count * _COSTS.clamp, bind)


def _float_offer(
    function: str, layer: Quantize | Dequantize, source: DType, target: DType
) -> Offer:
    count = math.prod(layer.shape)

    def bind() -> Binding:
        parameters = struct("tinygen_convert_f32_params", layer, count=count)
        return Binding(
            calls=(Call(f"tinygen_{function}", (parameters, *in_and_out(layer))),),
            headers=("portable/convert_f32.h",),
            overlaps=in_order(layer.inputs[0], layer.outputs[0], count, source, target),
        )

    return Offer(count * _COSTS.float, bind)


@portable("quantize_f32", Quantize)
def quantize(layer: Quantize) -> Offer:
    """From float32."""
    target = layer.output_dtype
    return _float_offer(f"quantize_f32_{_SUFFIX[target]}", layer, DType.FLOAT32, target)


@portable("dequantize_f32", Dequantize)
def dequantize(layer: Dequantize) -> Offer:
    """To float32."""
    source = layer.input_dtype
    return _float_offer(f"dequantize_{_SUFFIX[source]}_f32", layer, source, DType.FLOAT32)


KERNELS = (convert, clamp, quantize, dequantize)
