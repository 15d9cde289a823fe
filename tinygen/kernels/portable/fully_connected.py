# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of FULLY_CONNECTED."""

from __future__ import annotations

from tinygen.kernels.binding import Binding, Call, Constant, Field
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.fully_connected import FullyConnected

_COSTS = Costs("portable.fully_connected")


@portable("fully_connected_s8", FullyConnected)
def fully_connected(layer: FullyConnected) -> Offer:
    """With weights of one scale or one a channel, and either rounding."""
    outputs, inputs = (int(extent) for extent in layer.weights.shape)

    def bind() -> Binding:
        function = "tinygen_fully_connected_s8"
        parameters = struct(
            "tinygen_fully_connected_s8_params",
            layer,
            inputs=inputs,
            outputs=outputs,
            input_offset=-layer.input_zero_point,
            weights=layer.weights,
            bias=layer.bias,
        )
        arguments: list[Field] = [parameters]
        if layer.requantization.fractions is not None:
            function += "_single_rounding"
            arguments.append(Constant("fractions", layer.requantization.fractions))
        return Binding(
            calls=(Call(function, (*arguments, *in_and_out(layer))),),
            headers=("portable/fully_connected_s8.h",),
        )

    cycles = layer.macs * _COSTS.per_mac + layer.batches * outputs * _COSTS.per_output
    return Offer(cycles, bind)


KERNELS = (fully_connected,)
