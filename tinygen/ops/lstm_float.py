# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM of float32.

Semantics: TFLM ``lstm_eval.h`` and ``lstm_eval_common.cc``, with this project's exponential and
hyperbolic tangent; sums in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Numerics
from tinygen.ir.layer import Layer
from tinygen.numerics import real_functions
from tinygen.ops.lstm import BIASES, CELL, HIDDEN, RECURRENT, WEIGHTS, initial_state, sequence_of
from tinygen.ops.view import OperatorView

_TOLERANCE_ULP = 8


@dataclass(frozen=True, eq=False)
class FloatGate:
    """activation(bias + Σ input · weights + Σ hidden · recurrent weights)."""

    weights: AnyArray
    recurrent_weights: AnyArray
    bias: AnyArray
    is_tanh: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatLstm(Layer):
    """``gates`` are input, forget, cell and output; ``inputs`` and ``outputs`` end with the states."""

    steps: int
    depth: int
    units: int
    output_shape: tuple[int, ...]
    gates: tuple[FloatGate, FloatGate, FloatGate, FloatGate]
    cell_clip: float

    @property
    def macs(self) -> int:
        """Of the eight matrices, every step."""
        return self.steps * 4 * self.units * (self.depth + self.units)

    @property
    def tolerance_ulp(self) -> int:
        """The functions' distance, carried through the steps, in last places of 1."""
        return _TOLERANCE_ULP

    @property
    def tolerance_from(self) -> float:
        """The outputs' bound: the gates' sums cancel."""
        return 1.0

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        sequence, hidden_tensor, cell_tensor = inputs
        hidden, cell = hidden_tensor.reshape(-1), cell_tensor.reshape(-1)
        rows = []
        for values in sequence.reshape(self.steps, self.depth):
            taken, forgotten, new = (_gate(gate, values, hidden) for gate in self.gates[:3])
            cell = forgotten * cell + taken * new
            if self.cell_clip > 0:
                clip = np.float32(self.cell_clip)
                cell = np.clip(cell, -clip, clip)
            given = _gate(self.gates[3], values, hidden)
            hidden = _tanh(cell) * given
            rows.append(hidden)
        return (
            np.stack(rows).reshape(self.output_shape),
            hidden.reshape(hidden_tensor.shape),
            cell.reshape(cell_tensor.shape),
        )


def _tanh(x: AnyArray) -> AnyArray:
    return real_functions.float32(real_functions.tanh(x.astype(np.float64)))


def _products(weights: AnyArray, values: AnyArray) -> AnyArray:
    """Sums of products, element after element, each rounded."""
    total = np.zeros(len(weights), dtype=np.float32)
    for k, value in enumerate(values):
        total = total + weights[:, k] * value
    return total


def _gate(gate: FloatGate, values: AnyArray, hidden: AnyArray) -> AnyArray:
    own = _products(gate.weights, values) + gate.bias
    total = own + _products(gate.recurrent_weights, hidden)
    return _tanh(total) if gate.is_tanh else real_functions.logistic(total)


def _matrix(view: OperatorView, position: int, shape: tuple[int, ...]) -> AnyArray:
    tensor = view.input(position)
    view.require_dtype(tensor, DType.FLOAT32)
    view.require_shape(tensor, shape)
    return view.require_constant(tensor)


def lower_float_lstm(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a UNIDIRECTIONAL_SEQUENCE_LSTM of float32."""
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.FLOAT32)
    steps, depth, units = sequence_of(view)
    view.require_dtype(view.input(CELL), DType.FLOAT32)
    is_tanh = view.option("fused_activation_function", str) == "TANH"
    gates = [
        FloatGate(
            weights=_matrix(view, WEIGHTS[number], (units, depth)),
            recurrent_weights=_matrix(view, RECURRENT[number], (units, units)),
            bias=_matrix(view, BIASES[number], (units,)),
            is_tanh=number == 2 and is_tanh,
        )
        for number in range(4)
    ]
    hidden = initial_state(view, view.input(HIDDEN), units)
    cell = initial_state(view, view.input(CELL), units)
    return FloatLstm(
        operator=view.operator,
        inputs=(view.require_activation(values), hidden.index, cell.index),
        outputs=(output.index, hidden.index, cell.index),
        states=(hidden, cell),
        steps=steps,
        depth=depth,
        units=units,
        output_shape=output.shape,
        gates=(gates[0], gates[1], gates[2], gates[3]),
        cell_clip=view.option("cell_clip", float),
    )
