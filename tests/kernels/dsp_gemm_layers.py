# SPDX-License-Identifier: Apache-2.0
"""Random layers for the DSP kernels that multiply matrices, with everything at its extremes.

Shapes from 1 to odd primes, all kinds of outputs, any zero points, multipliers and accumulators at
the ends of what is allowed, and channels that the assembly must leave to C.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.comparison import lower_bytes
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.numerics.fixed_point import INT32_MAX, Int64Array, Requantization
from tinygen.ops.convolution import Conv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.requantize.fitted import accumulator_bounds

CONVOLUTIONS = ("pointwise", "window", "first")
DENSE = ("fully connected", "one pixel")

_CHANNELS = (1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 17, 23, 32)
_DEPTHS = (1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 20, 28, 31, 32, 33, 37, 64, 65)
_MULTIPLIERS = (1 << 30, (1 << 30) + 1, INT32_MAX, INT32_MAX - 1)


@dataclass(frozen=True)
class _Shape:
    """A convolution: input, filter (height, width), and per axis stride and dilation."""

    input: tuple[int, int, int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str
    channels: int

    def output(self, axis: int) -> int:
        """Output pixels along an axis; less than 1 if the window does not fit."""
        extent, stride = self.input[1 + axis], self.stride[axis]
        if self.padding == "SAME":
            return -(-extent // stride)
        return (extent - (self.size[axis] - 1) * self.dilation[axis] - 1) // stride + 1


def _conv_shape(rng: Rng, kind: str) -> _Shape:
    channels = int(rng.choice(_CHANNELS))
    batches = int(rng.choice([1, 1, 1, 2, 3]))
    if kind == "pointwise":
        extent = (int(rng.integers(1, 8)), int(rng.integers(1, 8)))
        depth = int(rng.choice(_DEPTHS))
        return _Shape((batches, *extent, depth), (1, 1), (1, 1), (1, 1), "VALID", channels)
    if kind == "one pixel":
        size = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        depth = int(rng.choice(_DEPTHS))
        return _Shape((batches, *size, depth), size, (1, 1), (1, 1), "VALID", channels)
    while True:
        depth = int(rng.choice([1, 3] if kind == "first" else [1, 2, 3, 4, 5, 8, 12, 16, 17]))
        shape = _Shape(
            (batches, int(rng.integers(1, 12)), int(rng.integers(1, 12)), depth),
            (int(rng.integers(1, 6)), int(rng.integers(1, 6))),
            (int(rng.choice([1, 1, 2, 3])), int(rng.choice([1, 1, 2, 3]))),
            (int(rng.choice([1, 1, 1, 2])), int(rng.choice([1, 1, 1, 2, 3]))),
            str(rng.choice(["SAME", "VALID"])),
            channels,
        )
        if shape.output(0) > 0 and shape.output(1) > 0:
            return shape


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


def _convolution(shape: _Shape) -> Network:
    builder = ModelBuilder()
    filters = (shape.channels, *shape.size, shape.input[3])
    output = (shape.input[0], shape.output(0), shape.output(1), shape.channels)
    x = builder.tensor(shape.input, scale=1.0)
    w = builder.tensor(filters, scale=1.0, data=np.ones(filters, np.int8))
    y = builder.tensor(output, scale=300.0)
    builder.operator(
        "CONV_2D",
        [x, w],
        [y],
        padding=shape.padding,
        stride_h=shape.stride[0],
        stride_w=shape.stride[1],
        dilation_h_factor=shape.dilation[0],
        dilation_w_factor=shape.dilation[1],
    )
    return lower_bytes(builder.inputs(x).outputs(y).build())


def _fully_connected(rng: Rng) -> Network:
    builder = ModelBuilder()
    batches, depth = (
        int(rng.choice([1, 1, 2, 3])),
        int(rng.choice(_DEPTHS)) * int(rng.choice([1, 3])),
    )
    channels = int(rng.choice([*_CHANNELS, 40, 48]))
    x = builder.tensor((batches, depth), scale=1.0)
    w = builder.tensor((channels, depth), scale=1.0, data=np.ones((channels, depth), np.int8))
    y = builder.tensor((batches, channels), scale=300.0)
    builder.operator("FULLY_CONNECTED", [x, w], [y])
    return lower_bytes(builder.inputs(x).outputs(y).build())


def random_layer(kind: str, seed: int) -> Network:
    """The network of one layer, number ``seed`` of a kind in ``CONVOLUTIONS`` or ``DENSE``."""
    rng = np.random.default_rng([seed, *kind.encode()])
    if kind == "fully connected":
        network = _fully_connected(rng)
    else:
        network = _convolution(_conv_shape(rng, kind))
    (layer,) = network.layers
    assert isinstance(layer, Conv2D | FullyConnected)
    weights = _weights(rng, layer.weights.shape)
    input_zero_point = common.zero_point(rng)
    requantization, bias = _requantization(rng, weights, _bias(rng, len(weights)), input_zero_point)
    wilder = replace(
        layer,
        weights=weights,
        bias=bias,
        input_zero_point=input_zero_point,
        requantization=requantization,
    )
    return replace(network, layers=(wilder,))


def inputs_at_the_edge(network: Network, rng: Rng) -> AnyArray:
    """Inputs whose windows bring a channel's accumulator to the end of its range, where they fit.

    Windows of one pixel, or of the whole input, get the extreme inputs of a random channel each.
    """
    (layer,) = network.layers
    assert isinstance(layer, Conv2D | FullyConnected)
    tensor = network.tensors[layer.inputs[0]]
    taps = layer.weights.reshape(len(layer.weights), -1)
    if tensor.elements % taps.shape[1] != 0:
        return rng.choice(np.array([-128, 127], np.int8), tensor.shape)
    windows = tensor.elements // taps.shape[1]
    chosen = taps[rng.integers(0, len(taps), windows)]
    upwards = rng.random((windows, 1)) < 0.5
    values: AnyArray = np.where((chosen > 0) == upwards, 127, -128).astype(np.int8)
    return values.reshape(tensor.shape)
