# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite's operators as TensorFlow operations, on a batch of any size.

Each takes TensorFlow, the operator, its inputs (constants in TensorFlow Lite's layout) and the shape
of its output for a batch of 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygen.errors import UnsupportedError
from tinygen.ir.graph import Operator

Forward = Callable[[Any, Operator, Sequence[Any], tuple[int, ...]], Any]


def _activated(tf: Any, operator: Operator, value: Any) -> Any:
    activation = operator.options.get("fused_activation_function", "NONE")
    if activation == "NONE":
        return value
    known: dict[Any, Callable[[Any], Any]] = {
        "RELU": tf.nn.relu,
        "RELU6": tf.nn.relu6,
        "RELU_N1_TO_1": lambda x: tf.clip_by_value(x, -1.0, 1.0),
        "TANH": tf.tanh,
    }
    if activation not in known:
        raise _refused(operator, f"the fused activation {activation!r}")
    return known[activation](value)


def _refused(operator: Operator, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"quantization-aware training does not know {what} of {operator.label}.",
        "Quantize after training instead (without --qat).",
    )


def _number(operator: Operator, name: str) -> int:
    value = operator.options[name]
    assert isinstance(value, int)
    return value


def _strides(operator: Operator) -> list[int]:
    return [1, _number(operator, "stride_h"), _number(operator, "stride_w"), 1]


def _dilations(operator: Operator) -> list[int]:
    return [_number(operator, "dilation_h_factor"), _number(operator, "dilation_w_factor")]


def _biased(value: Any, inputs: Sequence[Any]) -> Any:
    return value if len(inputs) < 3 or inputs[2] is None else value + inputs[2]


def _convolution(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    value = tf.nn.conv2d(
        inputs[0],
        tf.transpose(inputs[1], (1, 2, 3, 0)),
        _strides(operator),
        operator.options["padding"],
        dilations=_dilations(operator),
    )
    return _activated(tf, operator, _biased(value, inputs))


def _depthwise(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    strides, dilations = _strides(operator), _dilations(operator)
    if strides[1] != strides[2]:
        raise _refused(operator, f"the unequal strides {strides[1]} and {strides[2]}")
    _, height, width, _ = inputs[1].shape
    channels = inputs[0].shape[-1]
    value = tf.nn.depthwise_conv2d(
        inputs[0],
        tf.reshape(inputs[1], (height, width, channels, -1)),
        strides,
        operator.options["padding"],
        dilations=dilations,
    )
    return _activated(tf, operator, _biased(value, inputs))


def _fully_connected(
    tf: Any, operator: Operator, inputs: Sequence[Any], shape: tuple[int, ...]
) -> Any:
    rows = tf.reshape(inputs[0], (-1, inputs[1].shape[1]))
    value = _biased(tf.matmul(rows, inputs[1], transpose_b=True), inputs)
    return tf.reshape(_activated(tf, operator, value), (-1, *shape[1:]))


def _pool(kind: str) -> Forward:
    def forward(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
        window = [1, _number(operator, "filter_height"), _number(operator, "filter_width"), 1]
        pool = tf.nn.max_pool2d if kind == "max" else tf.nn.avg_pool2d
        value = pool(inputs[0], window, _strides(operator), operator.options["padding"])
        return _activated(tf, operator, value)

    return forward


def _binary(name: str) -> Forward:
    def forward(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
        return _activated(tf, operator, getattr(tf, name)(inputs[0], inputs[1]))

    return forward


def _unary(function: Callable[[Any, Any], Any]) -> Forward:
    def forward(tf: Any, _: Operator, inputs: Sequence[Any], __: tuple[int, ...]) -> Any:
        return function(tf, inputs[0])

    return forward


def _leaky_relu(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    return tf.nn.leaky_relu(inputs[0], operator.options["alpha"])


def _softmax(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    return tf.nn.softmax(inputs[0] * operator.options["beta"])


def _mean(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    axes = [int(axis) for axis in np.atleast_1d(inputs[1])]
    return tf.reduce_mean(inputs[0], axes, keepdims=bool(operator.options["keep_dims"]))


def _reshape(tf: Any, _: Operator, inputs: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """The batch stays: a float .tflite is made with a batch of 1."""
    return tf.reshape(inputs[0], (-1, *shape[1:]))


def _pad(tf: Any, _: Operator, inputs: Sequence[Any], __: tuple[int, ...]) -> Any:
    return tf.pad(inputs[0], inputs[1])


def _concatenation(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    return _activated(tf, operator, tf.concat(list(inputs), _number(operator, "axis")))


def _transpose(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    if inputs[1][0] != 0:
        raise _refused(operator, "a transposed batch")
    return tf.transpose(inputs[0], inputs[1])


def _strided_slice(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
    begin, end, strides = (np.array(one) for one in inputs[1:4])
    begin_mask, end_mask = _number(operator, "begin_mask"), _number(operator, "end_mask")
    if (begin[0] != 0 and not begin_mask & 1) or strides[0] != 1:
        raise _refused(operator, "a sliced batch")
    return tf.strided_slice(
        inputs[0],
        begin,
        end,
        strides,
        begin_mask | 1,
        end_mask | 1,
        _number(operator, "ellipsis_mask"),
        _number(operator, "new_axis_mask"),
        _number(operator, "shrink_axis_mask"),
    )


def _resize(method: str) -> Forward:
    def forward(tf: Any, operator: Operator, inputs: Sequence[Any], _: tuple[int, ...]) -> Any:
        options = {
            "align_corners": operator.options["align_corners"],
            "half_pixel_centers": operator.options["half_pixel_centers"],
        }
        return getattr(tf.raw_ops, method)(images=inputs[0], size=inputs[1], **options)

    return forward


FORWARD: dict[str, Forward] = {
    "ADD": _binary("add"),
    "AVERAGE_POOL_2D": _pool("average"),
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "EXPAND_DIMS": _reshape,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _unary(lambda tf, x: x * tf.nn.relu6(x + 3.0) / 6.0),
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": _unary(lambda tf, x: tf.sigmoid(x)),
    "MAXIMUM": _binary("maximum"),
    "MAX_POOL_2D": _pool("max"),
    "MEAN": _mean,
    "MINIMUM": _binary("minimum"),
    "MUL": _binary("multiply"),
    "PAD": _pad,
    "RELU": _unary(lambda tf, x: tf.nn.relu(x)),
    "RELU6": _unary(lambda tf, x: tf.nn.relu6(x)),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize("ResizeBilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("ResizeNearestNeighbor"),
    "SOFTMAX": _softmax,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _binary("subtract"),
    "TANH": _unary(lambda tf, x: tf.tanh(x)),
    "TRANSPOSE": _transpose,
}
"""By TensorFlow Lite's name. UNIDIRECTIONAL_SEQUENCE_LSTM is ``lstm``."""

_GATES = 4


def lstm(
    tf: Any, operator: Operator, inputs: Sequence[Any], hidden_rounding: Callable[[Any], Any] | None
) -> Any:
    """A sequence from a state of zeros, (batch, steps, units).

    Args:
        tf: TensorFlow.
        operator: its options.
        inputs: as in the file: the sequence, four input weights, four recurrent weights, three
            peepholes, four biases, projection, states, four layer normalizations.
        hidden_rounding: applied to the hidden state of every step.
    """
    if any(one is not None for one in (*inputs[9:12], *inputs[16:18], *inputs[20:])):
        raise _refused(operator, "peepholes, projection or layer normalization")
    if operator.options["time_major"]:
        raise _refused(operator, "the time-major order")
    sequence, weights, recurrent, biases = inputs[0], inputs[1:5], inputs[5:9], inputs[12:16]
    if weights[0] is None:
        raise _refused(operator, "the coupled input gate")
    clip = operator.options["cell_clip"]
    assert isinstance(clip, float)
    batch, units = tf.shape(sequence)[0], recurrent[0].shape[1]
    hidden = cell = tf.zeros((batch, units))
    outputs = []
    for step in range(sequence.shape[1]):
        x = sequence[:, step]
        sums = [
            tf.matmul(x, weights[gate], transpose_b=True)
            + tf.matmul(hidden, recurrent[gate], transpose_b=True)
            + biases[gate]
            for gate in range(_GATES)
        ]
        cell = tf.sigmoid(sums[1]) * cell + tf.sigmoid(sums[0]) * tf.tanh(sums[2])
        if clip:
            cell = tf.clip_by_value(cell, -clip, clip)
        hidden = tf.sigmoid(sums[3]) * tf.tanh(cell)
        hidden = hidden_rounding(hidden) if hidden_rounding else hidden
        outputs.append(hidden)
    return tf.stack(outputs, axis=1)
