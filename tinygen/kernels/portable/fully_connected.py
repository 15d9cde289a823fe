# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of FULLY_CONNECTED."""

from __future__ import annotations

from collections.abc import Sequence

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
from tinygen.kernels.portable.base import PortableKernel, requantization_struct
from tinygen.ops.fully_connected import FullyConnected

_CYCLES_PER_MAC = 7.0
_CYCLES_PER_OUTPUT = 50.0


def _bind(layer: FullyConnected) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    constants = [Constant("weights", layer.weights), Constant("bias", layer.bias), *arrays]
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
    function = "tinygen_fully_connected_s8"
    arguments: list[Field] = [parameters]
    if layer.requantization.fractions is not None:
        function += "_single_rounding"
        arguments.append(ConstantArgument("fractions"))
        constants.append(Constant("fractions", layer.requantization.fractions))
    arguments += [
        TensorArgument(layer.inputs[0]),
        TensorArgument(layer.outputs[0], writable=True),
    ]
    return Binding(
        calls=(Call(function, tuple(arguments)),),
        headers=("portable/fully_connected_s8.h",),
        constants=tuple(constants),
    )


def _cycles(layer: FullyConnected) -> float:
    outputs = layer.batches * int(layer.weights.shape[0])
    return layer.macs * _CYCLES_PER_MAC + outputs * _CYCLES_PER_OUTPUT


KERNELS: Sequence[Kernel] = (PortableKernel("fully_connected_s8", FullyConnected, _bind, _cycles),)
