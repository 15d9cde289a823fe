# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of SVDF."""

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
from tinygen.kernels.portable.base import PortableKernel
from tinygen.ops.quantized import INTEGER_RANGES
from tinygen.ops.svdf import Svdf

_CYCLES_PER_MAC = 7.0


def _bind(layer: Svdf) -> Binding:
    filters, size = layer.features.shape
    shape = Struct(
        "tinygen_svdf_shape",
        (
            ("batches", layer.batches),
            ("inputs", int(size)),
            ("units", int(filters) // layer.rank),
            ("rank", layer.rank),
            ("memory", int(layer.times.shape[1])),
        ),
    )
    fields: list[tuple[str, Field]] = [
        ("shape", shape),
        ("features", ConstantArgument("features")),
        ("bias", ConstantArgument("bias")),
    ]
    is_float = layer.feature_pair is None or layer.output_pair is None
    if layer.feature_pair is None or layer.output_pair is None:
        fields.append(("relu", int(layer.relu)))
        function = "tinygen_svdf_f32"
    else:
        low, high = INTEGER_RANGES[layer.state_dtype]
        fields += [
            ("input_zero_point", layer.input_zero_point),
            ("state_zero_point", layer.state_zero_point),
            ("output_zero_point", layer.output_zero_point),
            ("state_min", low),
            ("state_max", high),
            ("feature_multiplier", layer.feature_pair[0]),
            ("feature_shift", layer.feature_pair[1]),
            ("output_multiplier", layer.output_pair[0]),
            ("output_shift", layer.output_pair[1]),
        ]
        wide = layer.state_dtype is DType.INT16
        function = "tinygen_svdf_s8_s16" if wide else "tinygen_svdf_s8_s8"
    values, state = layer.inputs
    call = Call(
        function,
        (
            Struct(f"tinygen_svdf_{'f32' if is_float else 's8'}_params", tuple(fields)),
            ConstantArgument("times"),
            TensorArgument(values),
            TensorArgument(state, writable=True),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("portable/svdf.h",),
        constants=(
            Constant("features", layer.features),
            Constant("times", layer.times),
            Constant("bias", layer.bias.astype(np.float32 if is_float else np.int32)),
        ),
    )


KERNELS: Sequence[Kernel] = (
    PortableKernel("svdf", Svdf, _bind, lambda layer: layer.macs * _CYCLES_PER_MAC),
)
