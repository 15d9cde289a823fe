# SPDX-License-Identifier: Apache-2.0
"""Random depthwise layers for the DSP kernels, with everything at its extremes.

Shapes from 1 to odd primes, all kinds of outputs, any zero points, multipliers and accumulators at
the ends of what is allowed, and channels that the assembly must leave to C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tests.kernels.dsp_gemm_layers import _bias, _requantization, _weights
from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.ir.network import Network
from tinygen.ops.convolution import DepthwiseConv2D
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

KINDS = ("3x3", "wide", "single", "any")
"""3x3 filters; the same with long rows; one input channel and a column stride of 2; anything with
four channels or more."""

_EXTENTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17, 19, 23)
_MOST_VALUES = 1500
"""Of an input, so that many layers run in a short time."""
_CHANNELS = (1, 2, 3, 4, 5, 7, 8, 12, 13, 16)


@dataclass(frozen=True)
class _Shape:
    """A depthwise layer: input (NHWC), filter, and per axis stride and dilation."""

    input: tuple[int, int, int, int]
    multiplier: int
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str

    def output(self, axis: int) -> int:
        """Output pixels along an axis; less than 1 if the window does not fit."""
        extent, stride = self.input[1 + axis], self.stride[axis]
        if self.padding == "SAME":
            return -(-extent // stride)
        return (extent - (self.size[axis] - 1) * self.dilation[axis] - 1) // stride + 1


def _pick(rng: Rng, *values: int) -> int:
    return int(rng.choice(values))


def _drawn(rng: Rng, kind: str) -> _Shape:
    batches = _pick(rng, 1, 1, 1, 2)
    rows, columns = _pick(rng, *_EXTENTS), _pick(rng, *_EXTENTS)
    padding = str(rng.choice(["SAME", "VALID"]))
    if kind == "3x3":
        channels, step = _pick(rng, *_CHANNELS), _pick(rng, 1, 2)
        image = (batches, rows, columns, channels)
        return _Shape(image, 1, (3, 3), (step, step), (1, 1), padding)
    if kind == "wide":
        image = (1, _pick(rng, 3, 4, 5), _pick(rng, 67, 131, 150, 270, 1030), _pick(rng, 1, 4, 5))
        step = _pick(rng, 1, 2)
        return _Shape(image, 1, (3, 3), (step, step), (1, 1), padding)
    if kind == "single":
        size = _pick(rng, 1, 2, 3, 4, 5, 7, 10), _pick(rng, 1, 2, 3, 4, 5, 7, 8)
        stride = _pick(rng, 1, 2, 3), 2
        return _Shape(
            (batches, rows, columns, 1), _pick(rng, *_CHANNELS), size, stride, (1, 1), padding
        )
    size = _pick(rng, 1, 2, 3, 5, 7, 9), _pick(rng, 1, 1, 2, 3, 5, 7)
    stride = _pick(rng, 1, 1, 2, 3), _pick(rng, 1, 1, 2, 3)
    dilation = _pick(rng, 1, 1, 2), _pick(rng, 1, 1, 2, 3)
    image = (batches, rows, columns, _pick(rng, 4, 5, 6, 7, 8, 11, 12, 16))
    return _Shape(image, 1, size, stride, dilation, padding)


def _suits(shape: _Shape, most_values: int) -> bool:
    values = max(math.prod(shape.input), math.prod(shape.input[:3]) * shape.multiplier)
    return shape.output(0) > 0 and shape.output(1) > 0 and values <= most_values


def _network(shape: _Shape, source: str) -> Network:
    channels = shape.input[3] * shape.multiplier
    filters = (1, *shape.size, channels)
    builder = ModelBuilder()
    x = builder.tensor(shape.input, scale=1.0)
    w = builder.tensor(filters, scale=1.0, data=np.ones(filters, np.int8))
    output = (shape.input[0], shape.output(0), shape.output(1), channels)
    y = builder.tensor(output, scale=300.0)
    builder.operator(
        "DEPTHWISE_CONV_2D",
        [x, w],
        [y],
        padding=shape.padding,
        stride_h=shape.stride[0],
        stride_w=shape.stride[1],
        dilation_h_factor=shape.dilation[0],
        dilation_w_factor=shape.dilation[1],
        depth_multiplier=shape.multiplier,
    )
    return lower(read_model_bytes(builder.inputs(x).outputs(y).build(), source))


def random_depthwise(kind: str, seed: int) -> Network:
    """The network of one layer, number ``seed`` of a kind in ``KINDS``."""
    rng = np.random.default_rng([seed, *kind.encode()])
    shape = _drawn(rng, kind)
    while not _suits(shape, 6 * _MOST_VALUES if kind == "wide" else _MOST_VALUES):
        shape = _drawn(rng, kind)
    network = _network(shape, f"{kind} {seed}")
    (layer,) = network.layers
    assert isinstance(layer, DepthwiseConv2D)
    weights = _weights(rng, layer.weights.shape)
    by_channel = np.moveaxis(weights, -1, 0)
    input_zero_point = common.zero_point(rng)
    requantization, bias = _requantization(
        rng, by_channel, _bias(rng, len(by_channel)), input_zero_point
    )
    wilder = replace(
        layer,
        weights=weights,
        bias=bias,
        input_zero_point=input_zero_point,
        requantization=requantization,
    )
    return replace(network, layers=(wilder,))
