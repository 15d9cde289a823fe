# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, Constant, ScratchArgument, Struct, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.lstm import pair_fields, sigmoid_positions
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.lstm import FloatGate, FloatLstm, Gate, Lstm
from tinygen.ops.quantized import INTEGER_RANGES

_COSTS = Costs("portable.lstm")
_GATE_BYTES = {"int16_t": 2, "float": 4}


def _gate(number: int, gate: Gate | FloatGate) -> Struct:
    arrays = {
        "weights": Constant(f"weights_{number}", gate.weights),
        "recurrent_weights": Constant(f"recurrent_weights_{number}", gate.recurrent_weights),
    }
    if isinstance(gate, FloatGate):
        bias = Constant(f"bias_{number}", gate.bias)
        return struct("tinygen_lstm_f32_gate", gate, **arrays, bias=bias)
    return struct(
        "tinygen_lstm_gate",
        gate,
        **arrays,
        bias=Constant(f"bias_{number}", gate.bias.astype(np.int64), alignment=8),
        input_pair=pair_fields(gate.input_pair),
        recurrent_pair=pair_fields(gate.recurrent_pair),
    )


def _parameters(layer: Lstm) -> Struct:
    low, high = INTEGER_RANGES[layer.dtype]
    return struct(
        "tinygen_lstm_params",
        layer,
        hidden_min=low,
        hidden_max=high,
        forget_pair=pair_fields(layer.forget_pair),
        update_pair=pair_fields(layer.update_pair),
        hidden_pair=pair_fields(layer.hidden_pair),
        **sigmoid_positions(layer),
        gates=[_gate(number, gate) for number, gate in enumerate(layer.gates)],
    )


def _binding(
    layer: Lstm | FloatLstm, function: str, header: str, parameters: Struct, gate_type: str
) -> Binding:
    """The call, with scratch memory for the values of three gates."""
    sequence, hidden, cell = layer.inputs
    call = Call(
        f"tinygen_{function}",
        (
            parameters,
            TensorArgument(sequence),
            TensorArgument(hidden, writable=True),
            TensorArgument(cell, writable=True),
            ScratchArgument(gate_type),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    scratch_bytes = 3 * _GATE_BYTES[gate_type] * layer.units
    return Binding(calls=(call,), headers=(header,), scratch_bytes=scratch_bytes)


@portable("lstm_f32", FloatLstm)
def lstm_f32(layer: FloatLstm) -> Offer:
    """Of float32."""

    def bind() -> Binding:
        parameters = struct(
            "tinygen_lstm_f32_params",
            layer,
            cell_clip=max(layer.cell_clip, 0.0),
            gates=[_gate(number, gate) for number, gate in enumerate(layer.gates)],
        )
        return _binding(layer, "lstm_f32", "portable/lstm_f32.h", parameters, "float")

    return Offer(layer.macs * _COSTS.per_mac, bind)


@portable("lstm", Lstm)
def lstm(layer: Lstm) -> Offer:
    """Of int8 or int16."""
    name = "lstm_s16" if layer.dtype is DType.INT16 else "lstm_s8"
    return Offer(
        layer.macs * _COSTS.per_mac,
        lambda: _binding(layer, name, "portable/lstm.h", _parameters(layer), "int16_t"),
    )


KERNELS = (lstm_f32, lstm)
