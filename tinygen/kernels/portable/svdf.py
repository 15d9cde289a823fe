# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of SVDF."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, Constant, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.quantized import INTEGER_RANGES
from tinygen.ops.svdf import Svdf

_COSTS = Costs("portable.svdf")


def _bind(layer: Svdf) -> Binding:
    filters, size = (int(extent) for extent in layer.features.shape)
    shape = struct(
        "tinygen_svdf_shape",
        layer,
        inputs=size,
        units=filters // layer.rank,
        memory=layer.times.shape[1],
    )
    if layer.feature_pair is None or layer.output_pair is None:
        function = "tinygen_svdf_f32"
        parameters = struct(
            "tinygen_svdf_f32_params",
            layer,
            shape=shape,
            features=layer.features,
            bias=layer.bias.astype(np.float32),
        )
    else:
        function = f"tinygen_svdf_s8_{'s16' if layer.state_dtype is DType.INT16 else 's8'}"
        low, high = INTEGER_RANGES[layer.state_dtype]
        parameters = struct(
            "tinygen_svdf_s8_params",
            layer,
            shape=shape,
            features=layer.features,
            bias=layer.bias.astype(np.int32),
            state_min=low,
            state_max=high,
            feature_multiplier=layer.feature_pair[0],
            feature_shift=layer.feature_pair[1],
            output_multiplier=layer.output_pair[0],
            output_shift=layer.output_pair[1],
        )
    values, state = layer.inputs
    call = Call(
        function,
        (
            parameters,
            Constant("times", layer.times),
            TensorArgument(values),
            TensorArgument(state, writable=True),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(calls=(call,), headers=("portable/svdf.h",))


@portable("svdf", Svdf)
def svdf(layer: Svdf) -> Offer:
    """Quantized or float32."""
    return Offer(layer.macs * _COSTS.per_mac, lambda: _bind(layer))


KERNELS = (svdf,)
