# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM: float32, or int8 and int16 with int8 weights and an int16 cell.

Semantics: TFLM ``lstm_eval.h`` and ``lstm_eval_common.cc``; float32 with this project's exponential and
hyperbolic tangent, sums in the same order. Hidden and cell state are kept between inferences. One
sequence at a time: a batch of several is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.numerics import real_functions
from tinygen.ops.quantized import INTEGER_RANGES, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.sigmoids import logistic_of_positions, tanh_of_positions
from tinygen.ops.view import OperatorView
from tinygen.ops.wide_convolution import scale_wide

_GATE_SCALE = 2.0**-12
_ACTIVATION_SCALE = 2.0**-15
_POSITIONS_PER_STEP = 3
_FLOAT_TOLERANCE_ULP = 8

Pair = tuple[int, int]
"""A multiplier and its shift."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SequenceLstm(Layer):
    """``inputs`` and ``outputs`` end with the states, hidden and cell."""

    steps: int
    depth: int
    units: int
    output_shape: tuple[int, ...]

    @property
    def macs(self) -> int:
        """Of the eight matrices, every step."""
        return self.steps * 4 * self.units * (self.depth + self.units)


@dataclass(frozen=True, eq=False)
class Gate:
    """activation(scale(bias + Σ input · weights) + scale(Σ hidden · recurrent weights))."""

    weights: AnyArray
    recurrent_weights: AnyArray
    bias: AnyArray
    input_pair: Pair
    recurrent_pair: Pair
    is_tanh: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Lstm(SequenceLstm):
    """``gates`` are input, forget, cell and output.

    The cell's tanh takes positions cell · ``cell_multiplier`` >> ``cell_shift``, rounded.
    """

    dtype: DType
    gates: tuple[Gate, Gate, Gate, Gate]
    input_zero_point: int
    hidden_zero_point: int
    forget_pair: Pair
    update_pair: Pair
    hidden_pair: Pair
    cell_clip: int
    cell_multiplier: int
    cell_shift: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        sequence, hidden_tensor, cell_tensor = inputs
        hidden = hidden_tensor.reshape(-1).astype(np.int64)
        cell = cell_tensor.reshape(-1).astype(np.int64)
        low, high = INTEGER_RANGES[self.dtype]
        rows = []
        for values in sequence.reshape(self.steps, self.depth).astype(np.int64):
            taken, forgotten, new = (self._gate(gate, values, hidden) for gate in self.gates[:3])
            kept = _product(forgotten, cell, self.forget_pair)
            cell = np.clip(kept + _product(taken, new, self.update_pair), -32768, 32767)
            if self.cell_clip > 0:
                cell = np.clip(cell, -self.cell_clip, self.cell_clip)
            given = self._gate(self.gates[3], values, hidden)
            half = 1 << (self.cell_shift - 1) if self.cell_shift > 0 else 0
            positions = (cell * self.cell_multiplier + half) >> self.cell_shift
            squashed = tanh_of_positions(positions).astype(np.int64)
            scaled = fp.multiply_by_quantized_multiplier(
                fp.wrap_int32(squashed * given), *self.hidden_pair
            )
            hidden = np.clip(scaled.astype(np.int64) + self.hidden_zero_point, low, high)
            rows.append(hidden)
        dtype = self.dtype.numpy
        return (
            np.stack(rows).reshape(self.output_shape).astype(dtype),
            hidden.reshape(hidden_tensor.shape).astype(dtype),
            cell.reshape(cell_tensor.shape).astype(np.int16),
        )

    def _gate(self, gate: Gate, values: AnyArray, hidden: AnyArray) -> AnyArray:
        sums = gate.weights.astype(np.int64) @ (values - self.input_zero_point) + gate.bias
        recurrent = gate.recurrent_weights.astype(np.int64) @ (hidden - self.hidden_zero_point)
        total = self._scaled(sums, gate.input_pair) + self._scaled(recurrent, gate.recurrent_pair)
        positions = np.clip(total, -32768, 32767) * _POSITIONS_PER_STEP
        function = tanh_of_positions if gate.is_tanh else logistic_of_positions
        return function(positions).astype(np.int64)

    def _scaled(self, sums: AnyArray, pair: Pair) -> AnyArray:
        if self.dtype is DType.INT16:
            multiplier, shift = (np.array([part], dtype=np.int32) for part in pair)
            scaled: AnyArray = scale_wide(sums, multiplier, shift)
        else:
            scaled = fp.multiply_by_quantized_multiplier(fp.wrap_int32(sums), *pair).astype(
                np.int64
            )
        return np.clip(scaled, -32768, 32767)


def _product(lhs: AnyArray, rhs: AnyArray, pair: Pair) -> AnyArray:
    scaled = fp.multiply_by_quantized_multiplier(fp.wrap_int32(lhs * rhs), *pair)
    return np.clip(scaled, -32768, 32767).astype(np.int64)


@dataclass(frozen=True, eq=False)
class FloatGate:
    """activation(bias + Σ input · weights + Σ hidden · recurrent weights)."""

    weights: AnyArray
    recurrent_weights: AnyArray
    bias: AnyArray
    is_tanh: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatLstm(SequenceLstm):
    """``gates`` are input, forget, cell and output."""

    gates: tuple[FloatGate, FloatGate, FloatGate, FloatGate]
    cell_clip: float

    @property
    def tolerance_ulp(self) -> int:
        """The functions' distance, carried through the steps, in last places of 1."""
        return _FLOAT_TOLERANCE_ULP

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
            taken, forgotten, new = (_float_gate(gate, values, hidden) for gate in self.gates[:3])
            cell = forgotten * cell + taken * new
            if self.cell_clip > 0:
                clip = np.float32(self.cell_clip)
                cell = np.clip(cell, -clip, clip)
            given = _float_gate(self.gates[3], values, hidden)
            hidden = real_functions.tanh(cell) * given
            rows.append(hidden)
        return (
            np.stack(rows).reshape(self.output_shape),
            hidden.reshape(hidden_tensor.shape),
            cell.reshape(cell_tensor.shape),
        )


def _products(weights: AnyArray, values: AnyArray) -> AnyArray:
    """Sums of products, element after element, each rounded."""
    total = np.zeros(len(weights), dtype=np.float32)
    for k, value in enumerate(values):
        total = total + weights[:, k] * value
    return total


def _float_gate(gate: FloatGate, values: AnyArray, hidden: AnyArray) -> AnyArray:
    own = _products(gate.weights, values) + gate.bias
    total = own + _products(gate.recurrent_weights, hidden)
    return real_functions.tanh(total) if gate.is_tanh else real_functions.logistic(total)


def _folded(view: OperatorView, real: float) -> Pair:
    multiplier, shift = fp.quantize_multiplier(real)
    if shift > 7:
        view.unsupported("one of its scales is over 128 times finer than its operands'")
    return multiplier, shift


WEIGHTS = (1, 2, 3, 4)
RECURRENT = (5, 6, 7, 8)
BIASES = (12, 13, 14, 15)
_ABSENT = (9, 10, 11, 16, 17, 20, 21, 22, 23)
HIDDEN, CELL = 18, 19


def _matrix(view: OperatorView, position: int, shape: tuple[int, int]) -> AnyArray:
    tensor = view.input(position)
    view.require_dtype(tensor, DType.INT8)
    view.require_shape(tensor, shape)
    if zero_point(view, tensor) != 0:
        view.unsupported(f"tensor {tensor.name!r} has asymmetric weights (zero point not 0)")
    return view.require_constant(tensor)


def initial_state(view: OperatorView, tensor: Tensor, size: int) -> Tensor:
    """A state tensor with its value after a reset: every byte 0, or an int8 zero point."""
    if tensor.elements != size:
        view.unsupported(f"tensor {tensor.name!r} has {tensor.elements} elements, not {size}")
    value = zero_point(view, tensor) if tensor.dtype is DType.INT8 else 0
    return view.variable(tensor, np.full(tensor.shape, value, dtype=tensor.dtype.numpy))


def sequence_of(view: OperatorView) -> tuple[int, int, int]:
    """Steps, depth and units of an LSTM without peepholes, projection or layer normalization.

    Checks what all types have in common.
    """
    view.counts((24,))
    values, output = view.input(0), view.output()
    view.require_dtype(output, values.dtype)
    view.require_rank(values, 3)
    for position in _ABSENT:
        if view.has_input(position):
            view.unsupported(f"its optional input {position} is not supported, nor in TFLM")
    time_major = view.option("time_major", bool)
    steps, batches = values.shape[:2] if time_major else values.shape[1::-1]
    if batches != 1:
        view.unsupported(
            f"it keeps a state for each of {batches} sequences of a batch, and one is supported",
            "Convert the model with a batch of 1.",
        )
    view.require_rank(view.input(1), 2)
    units = view.input(1).shape[0]
    view.require_shape(output, (*values.shape[:2], units))
    view.require_dtype(view.input(HIDDEN), values.dtype)
    activation = view.activation
    if activation not in ("TANH", "SIGMOID"):
        view.unsupported(f"the activation {activation} is neither TANH nor SIGMOID")
    return steps, values.shape[2], units


def _float_matrix(view: OperatorView, position: int, shape: tuple[int, ...]) -> AnyArray:
    tensor = view.input(position)
    view.require_dtype(tensor, DType.FLOAT32)
    view.require_shape(tensor, shape)
    return view.require_constant(tensor)


def lower_float_lstm(view: OperatorView) -> Layer:
    """Fold a UNIDIRECTIONAL_SEQUENCE_LSTM of float32."""
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.FLOAT32)
    steps, depth, units = sequence_of(view)
    view.require_dtype(view.input(CELL), DType.FLOAT32)
    is_tanh = view.activation == "TANH"
    gates = [
        FloatGate(
            weights=_float_matrix(view, WEIGHTS[number], (units, depth)),
            recurrent_weights=_float_matrix(view, RECURRENT[number], (units, units)),
            bias=_float_matrix(view, BIASES[number], (units,)),
            is_tanh=number == 2 and is_tanh,
        )
        for number in range(4)
    ]
    hidden = initial_state(view, view.input(HIDDEN), units)
    cell = initial_state(view, view.input(CELL), units)
    return FloatLstm(
        **view.ports(values, states=(hidden, cell)),
        steps=steps,
        depth=depth,
        units=units,
        output_shape=output.shape,
        gates=(gates[0], gates[1], gates[2], gates[3]),
        cell_clip=view.option("cell_clip", float),
    )


@operator("UNIDIRECTIONAL_SEQUENCE_LSTM", types={DType.FLOAT32: lower_float_lstm}, stateful=True)
def lower_lstm(view: OperatorView) -> Layer:
    """Fold a UNIDIRECTIONAL_SEQUENCE_LSTM of int8 or int16."""
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.INT8, DType.INT16)
    steps, depth, units = sequence_of(view)
    hidden_tensor, cell_tensor = view.input(HIDDEN), view.input(CELL)
    view.require_dtype(cell_tensor, DType.INT16)
    activation = view.activation
    input_scale, hidden_scale = scale(view, values), scale(view, hidden_tensor)
    bias_type = DType.INT64 if values.dtype is DType.INT16 else DType.INT32
    gates = []
    for number in range(4):
        bias = view.input(BIASES[number])
        view.require_dtype(bias, bias_type)
        view.require_shape(bias, (units,))
        weights = view.input(WEIGHTS[number])
        recurrent = view.input(RECURRENT[number])
        gates.append(
            Gate(
                weights=_matrix(view, WEIGHTS[number], (units, depth)),
                recurrent_weights=_matrix(view, RECURRENT[number], (units, units)),
                bias=view.require_constant(bias).astype(np.int64),
                input_pair=_folded(view, input_scale * scale(view, weights) / _GATE_SCALE),
                recurrent_pair=_folded(view, hidden_scale * scale(view, recurrent) / _GATE_SCALE),
                is_tanh=number == 2 and activation == "TANH",
            )
        )
    cell_scale = scale(view, cell_tensor)
    power = fp.round_half_away(float(np.log2(np.float32(cell_scale))))
    clip = view.option("cell_clip", float)
    hidden = initial_state(view, hidden_tensor, units)
    cell = initial_state(view, cell_tensor, units)
    shift = 15 + power - 3
    return Lstm(
        **view.ports(values, states=(hidden, cell)),
        steps=steps,
        depth=depth,
        units=units,
        output_shape=output.shape,
        dtype=values.dtype,
        gates=(gates[0], gates[1], gates[2], gates[3]),
        input_zero_point=zero_point(view, values),
        hidden_zero_point=zero_point(view, hidden_tensor),
        forget_pair=_folded(view, _ACTIVATION_SCALE * cell_scale / cell_scale),
        update_pair=_folded(view, _ACTIVATION_SCALE * _ACTIVATION_SCALE / cell_scale),
        hidden_pair=_folded(view, _ACTIVATION_SCALE * _ACTIVATION_SCALE / hidden_scale),
        cell_clip=int(min(max(clip / cell_scale, -32768.0), 32767.0)) if clip > 0 else 0,
        cell_multiplier=_POSITIONS_PER_STEP << max(shift, 0),
        cell_shift=max(-shift, 0),
    )
