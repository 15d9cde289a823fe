# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of FULLY_CONNECTED."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.kernel import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Kernel,
    Struct,
    TensorArgument,
)
from tinygen.kernels.portable.base import PortableKernel, requantization_struct
from tinygen.numerics.fixed_point import Rounding
from tinygen.ops.fully_connected import FullyConnected

_CYCLES_PER_MAC = 7.0
_CYCLES_PER_OUTPUT = 50.0


def _bind(layer: FullyConnected) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    single = layer.requantization.rounding is Rounding.SINGLE
    outputs, inputs = layer.weights.shape
    parameters = Struct(
        "tinygen_fully_connected_s8_params",
        (
            ("batches", layer.batches),
            ("inputs", int(inputs)),
            ("outputs", int(outputs)),
            ("input_offset", -layer.input_zero_point),
            ("weights", ConstantArgument("weights")),
            ("bias", ConstantArgument("bias")),
            ("requantization", requantization),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_fully_connected_s8" + ("_single_rounding" if single else ""),
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("portable/fully_connected_s8.h",),
        constants=(Constant("weights", layer.weights), Constant("bias", layer.bias), *arrays),
    )


def _cycles(layer: FullyConnected) -> float:
    outputs = layer.batches * int(layer.weights.shape[0])
    return layer.macs * _CYCLES_PER_MAC + outputs * _CYCLES_PER_OUTPUT


KERNELS: Sequence[Kernel] = (PortableKernel("fully_connected_s8", FullyConnected, _bind, _cycles),)
