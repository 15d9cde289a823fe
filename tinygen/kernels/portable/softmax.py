# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the quantized SOFTMAX."""

from __future__ import annotations

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, Constant
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import in_order, same_place
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.softmax import EXPONENTIALS, RECIPROCALS, Softmax, SoftmaxInt16

_COSTS = Costs("portable.softmax")


@portable("softmax_s8", Softmax)
def softmax_s8(layer: Softmax) -> Offer:
    """Of int8, to int8 or int16."""

    def bind() -> Binding:
        parameters = struct(
            "tinygen_softmax_s8_params",
            layer,
            exponentials=layer.exponentials,
            count=layer.exponentials.size,
        )
        suffix = "_s16" if layer.output_dtype is DType.INT16 else ""
        (source,), (sink,) = layer.inputs, layer.outputs
        count = layer.rows * layer.depth
        return Binding(
            calls=(Call(f"tinygen_softmax_s8{suffix}", (parameters, *in_and_out(layer))),),
            headers=("portable/softmax_s8.h",),
            overlaps=in_order(source, sink, count, DType.INT8, layer.output_dtype),
        )

    return Offer(layer.rows * (_COSTS.per_row + layer.depth * _COSTS.per_element), bind)


@portable("softmax_s16", SoftmaxInt16)
def softmax_s16(layer: SoftmaxInt16) -> Offer:
    """Of int16."""

    def bind() -> Binding:
        parameters = struct(
            "tinygen_softmax_s16_params",
            layer,
            exponentials=Constant("exponentials", EXPONENTIALS, alignment=2),
            reciprocals=Constant("reciprocals", RECIPROCALS, alignment=2),
        )
        return Binding(
            calls=(Call("tinygen_softmax_s16", (parameters, *in_and_out(layer))),),
            headers=("portable/accumulate.h",),
            overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
        )

    return Offer(layer.rows * layer.depth * _COSTS.int16_per_element, bind)


KERNELS = (softmax_s8, softmax_s16)
