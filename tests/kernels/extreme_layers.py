# SPDX-License-Identifier: Apache-2.0
"""Layers of one model with everything at its extremes.

All kinds of outputs, any zero points, multipliers and accumulators at the ends of what is allowed, and
channels that assembly must leave to C.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.numerics.fixed_point import INT32_MAX, Int64Array, Requantization
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.passes.lowering import lower
from tinygen.requantize.fitted import accumulator_bounds
from tinygen.tflite.reader import read_model_bytes

_MULTIPLIERS = (1 << 30, (1 << 30) + 1, INT32_MAX, INT32_MAX - 1)


@dataclass(frozen=True)
class Shape:
    """A convolution: input, filter (height, width), per axis stride and dilation, output channels.

    One that is ``depthwise`` has as many output channels as a multiple of its input's.
    """

    input: tuple[int, int, int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str
    channels: int
    depthwise: bool = False

    def output(self, axis: int) -> int:
        """Output pixels along an axis; less than 1 if the window does not fit."""
        extent, stride = self.input[1 + axis], self.stride[axis]
        if self.padding == "SAME":
            return -(-extent // stride)
        return (extent - (self.size[axis] - 1) * self.dilation[axis] - 1) // stride + 1

    def network(self, source: str = "test model") -> Network:
        """A model of this one layer, whose weights are all 1."""
        opcode, filters = "CONV_2D", (self.channels, *self.size, self.input[3])
        multiplier: dict[str, Any] = {}
        if self.depthwise:
            opcode, filters = "DEPTHWISE_CONV_2D", (1, *self.size, self.channels)
            multiplier = {"depth_multiplier": self.channels // self.input[3]}
        builder = ModelBuilder()
        x = builder.tensor(self.input, scale=1.0)
        w = builder.tensor(filters, scale=1.0, data=np.ones(filters, np.int8))
        output = (self.input[0], self.output(0), self.output(1), self.channels)
        y = builder.tensor(output, scale=300.0)
        builder.operator(
            opcode,
            [x, w],
            [y],
            padding=self.padding,
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            dilation_h_factor=self.dilation[0],
            dilation_w_factor=self.dilation[1],
            **multiplier,
        )
        return lower(read_model_bytes(builder.inputs(x).outputs(y).build(), source))


def _weights(rng: Rng, shape: tuple[int, ...]) -> AnyArray:
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    if kind < 0.6:
        return rng.integers(-127, 128, shape, np.int8)
    values: AnyArray = np.clip(np.rint(rng.normal(0, 30, shape)), -128, 127).astype(np.int8)
    return values


def _output_kind(rng: Rng) -> tuple[int, int, int]:
    """(zero point, clamp) of a ReLU, linear or ReLU6 output."""
    zero_point = common.zero_point(rng)
    kind = int(rng.integers(6))
    if kind <= 1:
        return -128, -128, 127
    if kind == 2:
        return zero_point, -128, 127
    if kind == 3:
        return zero_point, zero_point, 127
    if kind == 4:
        return -128, -128, int(rng.integers(-128, 128))
    return zero_point, zero_point, int(rng.integers(zero_point, 128))


def _bias(rng: Rng, channels: int) -> Int64Array:
    most = int(rng.choice([1, 1000, 30_000, 1 << 20]))
    return rng.integers(-most, most + 1, channels)


def _requantization(
    rng: Rng, weights: AnyArray, bias: Int64Array, input_zero_point: int
) -> tuple[Requantization, AnyArray]:
    """A requantization whose outputs are not all at the ends, and the bias, made wilder."""
    channels = len(weights)
    low, high = accumulator_bounds(weights, bias.astype(np.int32), input_zero_point)
    reach = np.maximum(np.maximum(np.abs(low), np.abs(high)), 1)
    per_tensor = common.chance(rng, 0.3)
    spread = rng.uniform(-1, 5, channels)
    right = np.clip(np.floor(np.log2(reach / 256) - spread), 1, 20).astype(np.int64)
    multipliers = rng.integers(1 << 30, 1 << 31, channels)
    extreme = rng.random(channels) < 0.3
    multipliers[extreme] = rng.choice(_MULTIPLIERS, int(extreme.sum()))
    shifts = -right
    if per_tensor:
        shifts, multipliers = np.full(channels, shifts[0]), np.full(channels, multipliers[0])
    elif common.chance(rng, 0.25):
        wild = rng.random(channels) < 0.4
        shifts[wild] = rng.choice([-31, -28, -14, 0, 1, 3], int(wild.sum()))
        multipliers[rng.random(channels) < 0.1] = 0
    if common.chance(rng, 0.15):
        # As large as keeps left-shifted accumulators in range; beyond what two channels can share.
        room = np.where(shifts < 0, 1 << 30, 1 << 24)
        bias = np.where(rng.random(channels) < 0.4, rng.integers(-room, room), bias)
    zero_point, clamp_min, clamp_max = _output_kind(rng)
    return Requantization(
        multipliers.astype(np.int32), shifts.astype(np.int32), zero_point, clamp_min, clamp_max
    ), bias.astype(np.int32)


def with_extremes(network: Network, rng: Rng) -> Network:
    """The network of one layer with other weights, bias, input zero point and requantization."""
    (layer,) = network.layers
    assert isinstance(layer, Conv2D | DepthwiseConv2D | FullyConnected)
    weights = _weights(rng, layer.weights.shape)
    channels = np.moveaxis(weights, -1, 0) if isinstance(layer, DepthwiseConv2D) else weights
    input_zero_point = common.zero_point(rng)
    requantization, bias = _requantization(
        rng, channels, _bias(rng, len(channels)), input_zero_point
    )
    wilder = replace(
        layer,
        weights=weights,
        bias=bias,
        input_zero_point=input_zero_point,
        requantization=requantization,
    )
    return replace(network, layers=(wilder,))
