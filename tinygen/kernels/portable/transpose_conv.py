# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of TRANSPOSE_CONV."""

from __future__ import annotations

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
from tinygen.ops.transpose_conv import TransposeConv2D

_CYCLES_PER_MAC = 10.0


def _bind(layer: TransposeConv2D) -> Binding:
    is_float = layer.requantization is None
    shape = Struct(
        "tinygen_transpose_conv2d_shape",
        (
            ("rows", axis_struct(layer.rows)),
            ("columns", axis_struct(layer.columns)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("output_channels", layer.output_shape[3]),
        ),
    )
    fields: list[tuple[str, Field]] = [
        ("shape", shape),
        ("weights", ConstantArgument("weights")),
        ("bias", ConstantArgument("bias")),
    ]
    constants = [
        Constant("weights", layer.weights),
        Constant("bias", layer.bias.astype(np.float32 if is_float else np.int64), alignment=8),
    ]
    if layer.requantization is None:
        fields += [("clamp_min", layer.clamp_min), ("clamp_max", layer.clamp_max)]
    else:
        struct, arrays = requantization_struct(layer.requantization)
        constants += arrays
        fields += [("input_offset", -layer.input_zero_point), ("requantization", struct)]
    suffix = {DType.FLOAT32: "f32", DType.INT8: "s8", DType.INT16: "s16"}[layer.dtype]
    kind = "f32" if is_float else "quantized"
    call = Call(
        f"tinygen_transpose_conv2d_{suffix}",
        (
            Struct(f"tinygen_transpose_conv2d_{kind}_params", tuple(fields)),
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,), headers=("portable/transpose_conv2d.h",), constants=tuple(constants)
    )


KERNELS: Sequence[Kernel] = (
    PortableKernel(
        "transpose_conv2d", TransposeConv2D, _bind, lambda layer: layer.macs * _CYCLES_PER_MAC
    ),
)
