# SPDX-License-Identifier: Apache-2.0
"""The operators: one file a family, gathered in one table.

To add an operator: write its Layer and lowering in its family's file, enter it below, describe a
kernel for it in ``tinygen.kernels``, and test it in ``tests/ops``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinygen.numerics import Numerics
from tinygen.ops.binary import lower_add, lower_mul
from tinygen.ops.convolution import lower_conv2d, lower_depthwise_conv2d
from tinygen.ops.fully_connected import lower_fully_connected
from tinygen.ops.layer import Layer, OperatorView
from tinygen.ops.movement import lower_concatenation, lower_reshape
from tinygen.ops.pad import lower_pad
from tinygen.ops.pooling import lower_average_pool_2d, lower_max_pool_2d
from tinygen.ops.reduction import lower_mean
from tinygen.ops.requantize import lower_dequantize, lower_quantize, lower_relu, lower_relu6
from tinygen.ops.softmax import lower_softmax

Lowering = Callable[[OperatorView, Numerics], Layer]

OPERATORS: Mapping[str, Lowering] = {
    "ADD": lower_add,
    "AVERAGE_POOL_2D": lower_average_pool_2d,
    "CONCATENATION": lower_concatenation,
    "CONV_2D": lower_conv2d,
    "DEPTHWISE_CONV_2D": lower_depthwise_conv2d,
    "DEQUANTIZE": lower_dequantize,
    "FULLY_CONNECTED": lower_fully_connected,
    "MAX_POOL_2D": lower_max_pool_2d,
    "MEAN": lower_mean,
    "MUL": lower_mul,
    "PAD": lower_pad,
    "PADV2": lower_pad,
    "QUANTIZE": lower_quantize,
    "RELU": lower_relu,
    "RELU6": lower_relu6,
    "RESHAPE": lower_reshape,
    "SOFTMAX": lower_softmax,
}
"""How each supported operator is lowered, by its TFLite name."""
