# SPDX-License-Identifier: Apache-2.0
"""Random layers for the DSP kernels that multiply matrices, with everything at its extremes.

Shapes from 1 to odd primes, all kinds of outputs, any zero points, multipliers and accumulators at
the ends of what is allowed, and channels that the assembly must leave to C.
"""

from __future__ import annotations

import numpy as np

from tests.kernels.extreme_layers import Shape, with_extremes
from tests.models.builder import ModelBuilder
from tests.ops.comparison import lower_bytes
from tests.ops.generators.common import Rng
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.ops.convolution import Conv2D
from tinygen.ops.fully_connected import FullyConnected

CONVOLUTIONS = ("pointwise", "window", "first")
DENSE = ("fully connected", "one pixel")

_CHANNELS = (1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 17, 23, 32)
_DEPTHS = (1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 20, 28, 31, 32, 33, 37, 64, 65)


def _conv_shape(rng: Rng, kind: str) -> Shape:
    channels = int(rng.choice(_CHANNELS))
    batches = int(rng.choice([1, 1, 1, 2, 3]))
    if kind == "pointwise":
        extent = (int(rng.integers(1, 8)), int(rng.integers(1, 8)))
        depth = int(rng.choice(_DEPTHS))
        return Shape((batches, *extent, depth), (1, 1), (1, 1), (1, 1), "VALID", channels)
    if kind == "one pixel":
        size = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        depth = int(rng.choice(_DEPTHS))
        return Shape((batches, *size, depth), size, (1, 1), (1, 1), "VALID", channels)
    while True:
        depth = int(rng.choice([1, 3] if kind == "first" else [1, 2, 3, 4, 5, 8, 12, 16, 17]))
        shape = Shape(
            (batches, int(rng.integers(1, 12)), int(rng.integers(1, 12)), depth),
            (int(rng.integers(1, 6)), int(rng.integers(1, 6))),
            (int(rng.choice([1, 1, 2, 3])), int(rng.choice([1, 1, 2, 3]))),
            (int(rng.choice([1, 1, 1, 2])), int(rng.choice([1, 1, 1, 2, 3]))),
            str(rng.choice(["SAME", "VALID"])),
            channels,
        )
        if shape.output(0) > 0 and shape.output(1) > 0:
            return shape


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
    dense = kind == "fully connected"
    return with_extremes(_fully_connected(rng) if dense else _conv_shape(rng, kind).network(), rng)


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
