# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite's operators as TensorFlow operations, on a batch of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.errors import UnsupportedError
from tinygen.ir.graph import Operator


@dataclass(frozen=True, eq=False)
class Call:
    """One operator, to be computed for a batch; ``shape`` is that of its output for a batch of 1.

    ``inputs`` are as in the file: constants in TensorFlow Lite's layout, None is left out.
    """

    tf: Any
    operator: Operator
    inputs: Sequence[Any]
    shape: tuple[int, ...]

    def option(self, name: str) -> Any:
        """An option under the schema's name."""
        return self.operator.options[name]

    @property
    def strides(self) -> list[int]:
        """As TensorFlow's convolutions and pools take them."""
        return [1, self.option("stride_h"), self.option("stride_w"), 1]

    @property
    def dilations(self) -> list[int]:
        """As TensorFlow's convolutions take them."""
        return [self.option("dilation_h_factor"), self.option("dilation_w_factor")]

    def biased(self, value: Any) -> Any:
        """The third input added, if there is one."""
        inputs = self.inputs
        return value if len(inputs) < 3 or inputs[2] is None else value + inputs[2]

    def activated(self, value: Any) -> Any:
        """The fused activation applied."""
        tf = self.tf
        activation = self.operator.options.get("fused_activation_function", "NONE")
        known: Mapping[Any, Callable[[Any], Any]] = {
            "NONE": lambda x: x,
            "RELU": tf.nn.relu,
            "RELU6": tf.nn.relu6,
            "RELU_N1_TO_1": lambda x: tf.clip_by_value(x, -1.0, 1.0),
            "TANH": tf.tanh,
        }
        if activation not in known:
            raise self.refused(f"the fused activation {activation!r}")
        return known[activation](value)

    def refused(self, what: str) -> UnsupportedError:
        """The error that says what of the operator is not known."""
        return UnsupportedError(
            f"quantization-aware training does not know {what} of {self.operator.label}.",
            "Quantize after training instead (without --qat).",
        )


Forward = Callable[[Call], Any]


def _convolution(call: Call) -> Any:
    value = call.tf.nn.conv2d(
        call.inputs[0],
        call.tf.transpose(call.inputs[1], (1, 2, 3, 0)),
        call.strides,
        call.option("padding"),
        dilations=call.dilations,
    )
    return call.activated(call.biased(value))


def _depthwise(call: Call) -> Any:
    _, height, width, _ = call.strides
    if height != width:
        raise call.refused(f"the unequal strides {height} and {width}")
    _, height, width, _ = call.inputs[1].shape
    channels = call.inputs[0].shape[-1]
    value = call.tf.nn.depthwise_conv2d(
        call.inputs[0],
        call.tf.reshape(call.inputs[1], (height, width, channels, -1)),
        call.strides,
        call.option("padding"),
        dilations=call.dilations,
    )
    return call.activated(call.biased(value))


def _fully_connected(call: Call) -> Any:
    tf = call.tf
    rows = tf.reshape(call.inputs[0], (-1, call.inputs[1].shape[1]))
    value = call.biased(tf.matmul(rows, call.inputs[1], transpose_b=True))
    return tf.reshape(call.activated(value), (-1, *call.shape[1:]))


def _pool(name: str) -> Forward:
    def forward(call: Call) -> Any:
        window = [1, call.option("filter_height"), call.option("filter_width"), 1]
        pool = getattr(call.tf.nn, name)
        return call.activated(pool(call.inputs[0], window, call.strides, call.option("padding")))

    return forward


def _binary(name: str) -> Forward:
    return lambda call: call.activated(getattr(call.tf, name)(call.inputs[0], call.inputs[1]))


def _mean(call: Call) -> Any:
    axes = [int(axis) for axis in np.atleast_1d(call.inputs[1])]
    return call.tf.reduce_mean(call.inputs[0], axes, keepdims=bool(call.option("keep_dims")))


def _reshape(call: Call) -> Any:
    """The batch stays: a float .tflite is made with a batch of 1."""
    return call.tf.reshape(call.inputs[0], (-1, *call.shape[1:]))


def _transpose(call: Call) -> Any:
    if call.inputs[1][0] != 0:
        raise call.refused("a transposed batch")
    return call.tf.transpose(call.inputs[0], call.inputs[1])


def _strided_slice(call: Call) -> Any:
    begin, end, strides = (np.array(one) for one in call.inputs[1:4])
    masks = [call.option(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis")]
    if (begin[0] != 0 and not masks[0] & 1) or strides[0] != 1:
        raise call.refused("a sliced batch")
    masks[:2] = masks[0] | 1, masks[1] | 1
    return call.tf.strided_slice(
        call.inputs[0], begin, end, strides, *masks, call.option("shrink_axis_mask")
    )


def _resize(method: str) -> Forward:
    def forward(call: Call) -> Any:
        options = {name: call.option(name) for name in ("align_corners", "half_pixel_centers")}
        return getattr(call.tf.raw_ops, method)(
            images=call.inputs[0], size=call.inputs[1], **options
        )

    return forward


FORWARD: Mapping[str, Forward] = {
    "ADD": _binary("add"),
    "AVERAGE_POOL_2D": _pool("avg_pool2d"),
    "CONCATENATION": lambda call: call.activated(
        call.tf.concat(list(call.inputs), call.option("axis"))
    ),
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "EXPAND_DIMS": _reshape,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": lambda call: call.inputs[0] * call.tf.nn.relu6(call.inputs[0] + 3.0) / 6.0,
    "LEAKY_RELU": lambda call: call.tf.nn.leaky_relu(call.inputs[0], call.option("alpha")),
    "LOGISTIC": lambda call: call.tf.sigmoid(call.inputs[0]),
    "MAXIMUM": _binary("maximum"),
    "MAX_POOL_2D": _pool("max_pool2d"),
    "MEAN": _mean,
    "MINIMUM": _binary("minimum"),
    "MUL": _binary("multiply"),
    "PAD": lambda call: call.tf.pad(call.inputs[0], call.inputs[1]),
    "RELU": lambda call: call.tf.nn.relu(call.inputs[0]),
    "RELU6": lambda call: call.tf.nn.relu6(call.inputs[0]),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize("ResizeBilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("ResizeNearestNeighbor"),
    "SOFTMAX": lambda call: call.tf.nn.softmax(call.inputs[0] * call.option("beta")),
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _binary("subtract"),
    "TANH": lambda call: call.tf.tanh(call.inputs[0]),
    "TRANSPOSE": _transpose,
}
"""By TensorFlow Lite's name; here, and not at the operators, because they are TensorFlow's operations.

UNIDIRECTIONAL_SEQUENCE_LSTM is ``lstm``.
"""

_GATES = 4


def lstm(call: Call, hidden_rounding: Callable[[Any], Any] | None) -> Any:
    """A sequence from a state of zeros, (batch, steps, units).

    The inputs are the sequence, four input weights, four recurrent weights, three peepholes, four
    biases, projection, states, four layer normalizations. ``hidden_rounding`` is applied to the hidden
    state of every step.
    """
    tf, inputs = call.tf, call.inputs
    if any(one is not None for one in (*inputs[9:12], *inputs[16:18], *inputs[20:])):
        raise call.refused("peepholes, projection or layer normalization")
    if call.option("time_major"):
        raise call.refused("the time-major order")
    sequence, weights, recurrent, biases = inputs[0], inputs[1:5], inputs[5:9], inputs[12:16]
    if weights[0] is None:
        raise call.refused("the coupled input gate")
    clip = call.option("cell_clip")
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
