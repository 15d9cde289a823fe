# SPDX-License-Identifier: Apache-2.0
"""Estimated cycles of CMSIS-NN's kernels, for choosing among kernels.

Fitted to single layers measured by cycle-estimating emulation on a Cortex-M4 and a Cortex-M55 (two
studies that are no part of this repository): within about 20 % of each convolution, depthwise and fully
connected layer there. Of plain C (M0, M3) pools were measured; the other figures are estimates of the
inner loops.
"""

from __future__ import annotations

import math

from tinygen.hardware.cores import Core
from tinygen.kernels.costs import Costs
from tinygen.ops.arithmetic import Add, Mul
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.ops.movement import Concatenation
from tinygen.ops.pad import Pad
from tinygen.ops.pooling import Pool2D
from tinygen.ops.softmax import Softmax

_COSTS = Costs("cmsis_nn.costs")
_DSP = Costs("cmsis_nn.costs.dsp")
_MVE = Costs("cmsis_nn.costs.mve")
_PLAIN = Costs("cmsis_nn.costs.plain")


def _rates(core: Core) -> Costs:
    if core.mve:
        return _MVE
    return _DSP if core.dsp else _PLAIN


def _scaled(cycles: float, core: Core) -> float:
    return (cycles + _COSTS.call) * core.slower.cmsis_nn


def convolution(layer: Conv2D, core: Core) -> float:
    """``arm_convolve_wrapper_s8`` and ``arm_convolve_s8``."""
    rates = _rates(core)
    taps = layer.window.height.size * layer.window.width.size
    channels = layer.output_shape[3]
    outputs = math.prod(layer.output_shape)
    pixels = outputs // channels
    last = layer.macs / pixels if pixels % 2 else 0.0
    cycles = layer.macs * rates.conv_mac + outputs * rates.conv_output
    cycles += last * (rates.last_mac - rates.conv_mac)
    if taps > 1:
        depth = int(layer.weights.shape[3])
        per_column = taps * (rates.column_tap + rates.column_element * depth)
        cycles += pixels * layer.groups * per_column
    return _scaled(cycles, core)


def depthwise(layer: DepthwiseConv2D, core: Core) -> float:
    """``arm_depthwise_conv_wrapper_s8``."""
    rates = _rates(core)
    outputs = math.prod(layer.output_shape)
    undilated = layer.window.height.dilation == layer.window.width.dilation == 1
    if layer.depth_multiplier == 1 and undilated:
        per_mac = rates.depthwise_mac + rates.depthwise_row / layer.output_shape[3]
    else:
        per_mac = rates.depthwise_general_mac
    return _scaled(layer.macs * per_mac + outputs * rates.depthwise_output, core)


def fully_connected(layer: FullyConnected, core: Core) -> float:
    """``arm_fully_connected_s8`` and its per-channel sibling."""
    rates = _rates(core)
    outputs = layer.batches * int(layer.weights.shape[0])
    return _scaled(layer.macs * rates.fc_mac + outputs * rates.fc_output, core)


def pool(layer: Pool2D, core: Core) -> float:
    """``arm_avgpool_s8`` and ``arm_max_pool_s8``."""
    taps = layer.window.height.size * layer.window.width.size
    return _scaled(math.prod(layer.output_shape) * (taps + 3) * _rates(core).pool, core)


def add(layer: Add, core: Core) -> float:
    """``arm_elementwise_add_s8``."""
    return _scaled(math.prod(layer.output_shape) * _rates(core).add, core)


def multiply(layer: Mul, core: Core) -> float:
    """``arm_elementwise_mul_s8``."""
    return _scaled(math.prod(layer.output_shape) * _rates(core).multiply, core)


def pad(layer: Pad, core: Core) -> float:
    """``arm_pad_s8``."""
    return _scaled(math.prod(layer.output_shape) * _rates(core).moved_byte, core)


def concatenation(layer: Concatenation, core: Core) -> float:
    """``arm_concatenation_s8_x``, called once an operand."""
    rows = math.prod(layer.output_shape[: layer.axis]) * len(layer.operands)
    moved = math.prod(layer.output_shape) * _rates(core).moved_byte
    return _scaled(moved + rows * 20, core)


def softmax(layer: Softmax, core: Core) -> float:
    """``arm_softmax_s8``, which computes each exponential twice."""
    return _scaled(layer.rows * layer.depth * _COSTS.softmax_element, core)
