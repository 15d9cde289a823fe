# SPDX-License-Identifier: Apache-2.0
"""The operators: one file a family, gathered in one table.

To add an operator: write its Layer and lowering in its family's file, enter it below, describe a
kernel for it in ``tinygen.kernels``, and test it in ``tests/ops``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinygen.numerics import Numerics
from tinygen.ops.convolution import lower_conv2d, lower_depthwise_conv2d
from tinygen.ops.fully_connected import lower_fully_connected
from tinygen.ops.layer import Layer, OperatorView

Lowering = Callable[[OperatorView, Numerics], Layer]

OPERATORS: Mapping[str, Lowering] = {
    "CONV_2D": lower_conv2d,
    "DEPTHWISE_CONV_2D": lower_depthwise_conv2d,
    "FULLY_CONNECTED": lower_fully_connected,
}
"""How each supported operator is lowered, by its TFLite name."""
