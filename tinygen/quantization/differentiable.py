# SPDX-License-Identifier: Apache-2.0
"""A float .tflite as a differentiable function that rounds where the int8 model will.

Quantization-aware training works on the converted network itself, so batch normalization is folded
and activations are fused already, and the fake quantization sits exactly where TensorFlow's quantizer
puts its scales: on every activation one, on weights one an output channel. That holds for any source
(Keras 2 and 3, SavedModel, .tflite) and for LSTMs, which tensorflow-model-optimization does not cover.

Rounding passes gradients through, and the scale of an activation is learned as in Esser et al.,
"Learned step size quantization" (2020), its zero point kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.errors import UnsupportedError
from tinygen.ir.graph import ABSENT, AnyArray, DType, Graph, Operator
from tinygen.ops.registry import kind_of
from tinygen.quantization.calibration import Range
from tinygen.quantization.operators import FORWARD, Call, lstm
from tinygen.quantization.tensorflow_extra import tensorflow

Parameter = tuple[int, int]
"""An operator's index and the position among its inputs: a constant that is trained."""

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_HIDDEN_STATE = 18
"""Which input of an LSTM is its hidden state, kept between inferences."""

_HIDDEN_INTERMEDIATE = 4
"""Which tensor inside an LSTM is its hidden state before projection, as the calibrator names it."""

_LEVELS = 255
_INT8_MIN = -128
_TIE = 1e-3
_WEIGHT_LIMIT = 127

_CHANNEL_AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
"""The dimension of the weights that has one scale an index."""

_FIXED_RANGES: dict[str, Range] = {
    "SOFTMAX": (0.0, 255 / 256),
    "LOGISTIC": (0.0, 255 / 256),
    "TANH": (-1.0, 127 / 128),
}
"""Outputs whose scale TFLite prescribes."""


@dataclass(frozen=True, eq=False)
class Scale:
    """One learned scale: real = exp(``log_scale``) × (q - ``zero_point``), q from -128 to 127.

    ``tensors`` are those that share it.
    """

    tensors: tuple[int, ...]
    zero_point: int
    log_scale: Any

    @property
    def range(self) -> Range:
        """The smallest and largest value it can express."""
        step = float(np.exp(self.log_scale.numpy()))
        return (_INT8_MIN - self.zero_point) * step, (_WEIGHT_LIMIT - self.zero_point) * step


class DifferentiableModel:
    """The network as TensorFlow operations over variables.

    The ``graph`` is the float model's, with a batch of 1; the scales of activations begin at
    ``ranges``, by tensor name.

    Raises:
        UnsupportedError: an operator is none of those that can be trained through.
    """

    def __init__(self, graph: Graph, ranges: Mapping[str, Range]) -> None:
        self._tf = tensorflow()
        self._main = graph.main
        for operator in self._main.operators:
            if operator.opcode not in FORWARD and operator.opcode != LSTM:
                raise UnsupportedError(
                    f"{graph.source}: quantization-aware training does not know {operator.label}.",
                    "Quantize after training instead (without --qat).",
                )
        self.parameters: dict[Parameter, Any] = {
            (operator.index, slot): self._tf.Variable(self._main.tensors[tensor].data)
            for operator in self._main.operators
            for slot, tensor in enumerate(operator.inputs)
            if tensor != ABSENT and self._is_trained(operator, slot, tensor)
        }
        self.scales = self._scales(ranges)
        self._scale_of = {tensor: scale for scale in self.scales for tensor in scale.tensors}

    def _is_trained(self, operator: Operator, slot: int, tensor: int) -> bool:
        weighted = operator.opcode in _CHANNEL_AXES or operator.opcode == LSTM
        data = self._main.tensors[tensor].data
        return weighted and slot > 0 and data is not None and data.dtype == np.float32

    def _scales(self, ranges: Mapping[str, Range]) -> list[Scale]:
        """One scale a group of activations that int8 operators force to share it."""
        main = self._main
        group = {
            index: index
            for index in (*main.inputs, *(out for op in main.operators for out in op.outputs))
            if main.tensors[index].dtype is DType.FLOAT32
        }

        def root(index: int) -> int:
            while group[index] != index:
                index = group[index]
            return index

        fixed = {out for op in main.operators if op.opcode in _FIXED_RANGES for out in op.outputs}
        for operator in main.operators:
            kind = kind_of(operator)
            if kind is not None and kind.shares_scale:
                members = [
                    index
                    for index in (*operator.inputs, *operator.outputs)
                    if index in group and index not in fixed
                ]
                for index in members[1:]:
                    group[root(index)] = root(members[0])
        scales = []
        for top in {root(index): None for index in group if index not in fixed}:
            tensors = tuple(index for index in group if root(index) == top)
            known = [ranges[name] for name in self._names(tensors) if name in ranges]
            low = min((low for low, _ in known), default=0.0)
            high = max((high for _, high in known), default=0.0)
            if high > low:
                step = (max(high, 0.0) - min(low, 0.0)) / _LEVELS
                zero_point = int(np.rint(_INT8_MIN - min(low, 0.0) / step))
                variable = self._tf.Variable(np.float32(np.log(step)))
                scales.append(Scale(tensors, zero_point, variable))
        return scales

    def _names(self, tensors: Sequence[int]) -> list[str]:
        return [self._main.tensors[index].name for index in tensors]

    @property
    def variables(self) -> list[Any]:
        """Everything that is trained."""
        return [*self.parameters.values(), *(scale.log_scale for scale in self.scales)]

    @property
    def last_opcodes(self) -> tuple[str, ...]:
        """The operator that computes each output of the model."""
        producer = {out: op.opcode for op in self._main.operators for out in op.outputs}
        return tuple(producer.get(index, "") for index in self._main.outputs)

    def ranges(self) -> dict[str, Range]:
        """The learned ranges by tensor name, for ``calibration.with_ranges``."""
        learned = {
            name: scale.range for scale in self.scales for name in self._names(scale.tensors)
        }
        for operator in self._main.operators:
            output = self._main.tensors[operator.outputs[0]].name
            if operator.opcode == LSTM and output in learned:
                state = self._main.tensors[operator.inputs[_HIDDEN_STATE]].name
                learned[state] = learned[output]
                learned[f"intermediate_{operator.index}_{_HIDDEN_INTERMEDIATE}"] = learned[output]
        return learned

    def __call__(
        self, inputs: Sequence[Any], *, rounded: bool = True, raw_outputs: bool = False
    ) -> list[Any]:
        """Run a batch: one tensor an input, (batch, …shape of the input without its 1).

        ``rounded`` as the int8 model, otherwise as the float one; ``raw_outputs`` leaves out a softmax
        or logistic function that computes an output.
        """
        main = self._main
        values: dict[int, Any] = {}
        for index, value in zip(main.inputs, inputs, strict=True):
            values[index] = self._activation(index, value) if rounded else value
        skipped = set(main.outputs) if raw_outputs else set()
        for operator in main.operators:
            arguments = [
                None
                if tensor == ABSENT
                else self._argument(operator, slot, tensor, values, rounded)
                for slot, tensor in enumerate(operator.inputs)
            ]
            output = operator.outputs[0]
            if output in skipped and operator.opcode in ("SOFTMAX", "LOGISTIC"):
                values[output] = arguments[0]
                continue
            call = Call(self._tf, operator, arguments, main.tensors[output].shape)
            if operator.opcode == LSTM:
                hidden = (lambda value, at=output: self._activation(at, value)) if rounded else None
                values[output] = lstm(call, hidden)
                continue
            value = FORWARD[operator.opcode](call)
            values[output] = self._produced(operator, output, value) if rounded else value
        return [values[index] for index in main.outputs]

    def _argument(
        self, operator: Operator, slot: int, tensor: int, values: Mapping[int, Any], rounded: bool
    ) -> Any:
        if tensor in values:
            return values[tensor]
        parameter = self.parameters.get((operator.index, slot))
        if parameter is None:
            return self._main.tensors[tensor].data
        is_bias = len(parameter.shape) == 1
        if is_bias or not rounded:
            return parameter
        axis = _CHANNEL_AXES.get(operator.opcode)
        return self._weights(parameter, axis)

    def _weights(self, weights: Any, axis: int | None) -> Any:
        """Symmetric rounding to ±127 steps of the largest magnitude: of a channel, or of all."""
        tf = self._tf
        others = [one for one in range(len(weights.shape)) if one != axis]
        largest = tf.reduce_max(tf.abs(weights), axis=others, keepdims=True)
        step = tf.stop_gradient(tf.maximum(largest, 1e-12) / _WEIGHT_LIMIT)
        return self._round(weights / step) * step

    def _produced(self, operator: Operator, index: int, value: Any) -> Any:
        if operator.opcode == "AVERAGE_POOL_2D" and index in self._scale_of:
            value = self._ties_away(self._scale_of[index], value)
        fixed = _FIXED_RANGES.get(operator.opcode)
        if fixed is None:
            return self._activation(index, value)
        step = (fixed[1] - fixed[0]) / _LEVELS
        return self._tf.clip_by_value(self._round(value / step) * step, *fixed)

    def _ties_away(self, scale: Scale, value: Any) -> Any:
        """Halves, which means of few integers often are, away from the integer zero as TFLM rounds."""
        step = self._tf.stop_gradient(self._tf.exp(scale.log_scale))
        integer = self._tf.stop_gradient(value) / step + scale.zero_point
        return value + _TIE * step * self._tf.sign(integer)

    def _activation(self, index: int, value: Any) -> Any:
        """int8 at the tensor's scale; the gradient reaches the scale too."""
        scale = self._scale_of.get(index)
        if scale is None:
            return value
        step = self._tf.exp(scale.log_scale)
        low, high = _INT8_MIN - scale.zero_point, _WEIGHT_LIMIT - scale.zero_point
        steps = self._tf.clip_by_value(value / step, float(low), float(high))
        return self._round(steps) * step

    def _round(self, value: Any) -> Any:
        """Rounds forward, and is the identity backward."""
        return value + self._tf.stop_gradient(self._tf.round(value) - value)

    def snapshot(self) -> list[AnyArray]:
        """The values of all variables."""
        return [variable.numpy() for variable in self.variables]

    def restore(self, values: Sequence[AnyArray]) -> None:
        """Sets all variables."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
