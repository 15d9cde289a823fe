# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of TRANSPOSE_CONV."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, Constant
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import Value, struct
from tinygen.ops.transpose_conv import TransposeConv2D

_COSTS = Costs("portable.transpose_conv")
_SUFFIX = {DType.FLOAT32: "f32", DType.INT8: "s8", DType.INT16: "s16"}


def _bind(layer: TransposeConv2D) -> Binding:
    is_float = layer.requantization is None
    bias = layer.bias.astype(np.float32 if is_float else np.int64)
    fields: dict[str, Value] = {
        "shape": struct("tinygen_transpose_conv2d_shape", layer),
        "weights": layer.weights,
        "bias": Constant("bias", bias, alignment=8),
    }
    if is_float:
        parameters = struct("tinygen_transpose_conv2d_f32_params", layer, **fields)
    else:
        fields["input_offset"] = -layer.input_zero_point
        parameters = struct("tinygen_transpose_conv2d_quantized_params", layer, **fields)
    call = Call(
        f"tinygen_transpose_conv2d_{_SUFFIX[layer.dtype]}", (parameters, *in_and_out(layer))
    )
    return Binding(calls=(call,), headers=("portable/transpose_conv2d.h",))


@portable("transpose_conv2d", TransposeConv2D)
def transpose_conv2d(layer: TransposeConv2D) -> Offer:
    """Quantized or float32."""
    return Offer(layer.macs * _COSTS.per_mac, lambda: _bind(layer))


KERNELS = (transpose_conv2d,)
