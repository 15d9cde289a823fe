# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of UNIDIRECTIONAL_SEQUENCE_LSTM."""

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
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.portable.base import PortableKernel
from tinygen.numerics.tables import tflm_table
from tinygen.ops.lstm import FloatLstm, Lstm, Pair
from tinygen.ops.quantized import INTEGER_RANGES

_CYCLES_PER_MAC = 6.0
_GATE_BYTES = {"int16_t": 2, "float": 4}


def _pair(pair: Pair) -> Struct:
    return Struct("tinygen_pair", (("multiplier", pair[0]), ("shift", pair[1])))


def _positions(layer: Lstm, multiplier: int, shift: int) -> Struct:
    return Struct(
        "tinygen_sigmoid_s16_params",
        (
            ("count", layer.units),
            ("multiplier", multiplier),
            ("shift", shift),
            ("table", ConstantArgument("table")),
        ),
    )


def _bind(layer: Lstm) -> Binding:
    low, high = INTEGER_RANGES[layer.dtype]
    fields: list[tuple[str, Field]] = [
        ("steps", layer.steps),
        ("depth", layer.depth),
        ("units", layer.units),
        ("input_zero_point", layer.input_zero_point),
        ("hidden_zero_point", layer.hidden_zero_point),
        ("hidden_min", low),
        ("hidden_max", high),
        ("cell_clip", layer.cell_clip),
        ("forget_pair", _pair(layer.forget_pair)),
        ("update_pair", _pair(layer.update_pair)),
        ("hidden_pair", _pair(layer.hidden_pair)),
        ("gate_positions", _positions(layer, 3, 0)),
        ("cell_positions", _positions(layer, layer.cell_multiplier, layer.cell_shift)),
    ]
    constants = [Constant("table", tflm_table("sigmoid"), alignment=2)]
    for number, gate in enumerate(layer.gates):
        names = [f"{what}_{number}" for what in ("weights", "recurrent_weights", "bias")]
        constants += [
            Constant(names[0], gate.weights),
            Constant(names[1], gate.recurrent_weights),
            Constant(names[2], gate.bias.astype(np.int64), alignment=8),
        ]
        struct = Struct(
            "tinygen_lstm_gate",
            (
                ("weights", ConstantArgument(names[0])),
                ("recurrent_weights", ConstantArgument(names[1])),
                ("bias", ConstantArgument(names[2])),
                ("input_pair", _pair(gate.input_pair)),
                ("recurrent_pair", _pair(gate.recurrent_pair)),
                ("is_tanh", int(gate.is_tanh)),
            ),
        )
        fields.append((f"gates[{number}]", struct))
    name = "lstm_s16" if layer.dtype is DType.INT16 else "lstm_s8"
    parameters = Struct("tinygen_lstm_params", tuple(fields))
    return _binding(layer, name, "portable/lstm.h", parameters, constants, "int16_t")


def _bind_float(layer: FloatLstm) -> Binding:
    fields: list[tuple[str, Field]] = [
        ("steps", layer.steps),
        ("depth", layer.depth),
        ("units", layer.units),
        ("cell_clip", float(max(layer.cell_clip, 0.0))),
    ]
    constants = []
    for number, gate in enumerate(layer.gates):
        arrays = {
            "weights": gate.weights,
            "recurrent_weights": gate.recurrent_weights,
            "bias": gate.bias,
        }
        constants += [Constant(f"{name}_{number}", values) for name, values in arrays.items()]
        members: list[tuple[str, Field]] = [
            (name, ConstantArgument(f"{name}_{number}")) for name in arrays
        ]
        struct = Struct("tinygen_lstm_f32_gate", (*members, ("is_tanh", int(gate.is_tanh))))
        fields.append((f"gates[{number}]", struct))
    parameters = Struct("tinygen_lstm_f32_params", tuple(fields))
    return _binding(layer, "lstm_f32", "portable/lstm_f32.h", parameters, constants, "float")


def _binding(
    layer: Lstm | FloatLstm,
    function: str,
    header: str,
    parameters: Struct,
    constants: Sequence[Constant],
    gate_type: str,
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
    return Binding(
        calls=(call,),
        headers=(header,),
        constants=tuple(constants),
        scratch_bytes=3 * _GATE_BYTES[gate_type] * layer.units,
    )


KERNELS: Sequence[Kernel] = (
    PortableKernel("lstm_f32", FloatLstm, _bind_float, lambda layer: layer.macs * _CYCLES_PER_MAC),
    PortableKernel("lstm", Lstm, _bind, lambda layer: layer.macs * _CYCLES_PER_MAC),
)
