# SPDX-License-Identifier: Apache-2.0
"""Random layers for the Helium kernels: every form of windows, channel counts, quantizations.

Outputs are usable more often than in ``tests.ops.generators``: most scales let them fill their range,
most ReLUs have their zero point at an end, as trained models do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

_MOST_WEIGHTS = 12_000
_MOST_VALUES = 6_000


def _choice(rng: Rng, *options: int) -> int:
    return int(rng.choice(options))


def _weights(rng: Rng, shape: tuple[int, ...], axis: int) -> AnyArray:
    values = common.values(rng, shape)
    if common.chance(rng, 0.2):
        dead = rng.random(shape[axis]) < 0.3
        index: list[slice | AnyArray] = [slice(None)] * len(shape)
        index[axis] = dead
        values[tuple(index)] = 0
    return values


def _weighted(
    rng: Rng,
    opcode: str,
    input_shape: tuple[int, ...],
    weights: AnyArray,
    output_shape: tuple[int, ...],
    options: Mapping[str, int | str],
) -> Network:
    axis = 3 if opcode == "DEPTHWISE_CONV_2D" else 0
    channels = weights.shape[axis]
    taps = weights.size // channels
    spread_bits = _choice(rng, 0, 1, 3, 5, 12)
    per_tensor = spread_bits == 0
    spread = np.zeros(1) if per_tensor else rng.uniform(-spread_bits, 0, channels)
    weight_scales = (common.scale(rng) * 2.0**spread).astype(np.float32)
    input_scale = common.scale(rng)
    bias_most = _choice(rng, 100, 10_000, 1 << 20)
    accumulator = float(taps * 255 * 128 + bias_most)
    kind = rng.random()
    if kind < 0.2:
        factor = common.multiplier(rng, accumulator)
    elif kind < 0.35:
        # Hardly a shift to the right.
        factor = rng.uniform(0.2, 0.95)
    else:
        # Sums of random products grow with the root of their number.
        typical = math.sqrt(taps) * 74 * 74
        factor = min(0.9, 2.0 ** rng.uniform(-2, 2) * 128 / typical)
    activation = str(rng.choice(["NONE", "NONE", "RELU", "RELU", "RELU6", "RELU_N1_TO_1"]))
    point = common.zero_point(rng)
    if common.chance(rng, 0.8):
        point = int(rng.integers(-60, 60)) if activation == "NONE" else -128
    bias: AnyArray = np.asarray(rng.integers(-bias_most, bias_most + 1, channels), np.int32)
    if common.chance(rng, 0.05):
        # As some converters leave them for channels that are always 0.
        bias[rng.random(channels) < 0.3] = 1 << 30
    bias_scales = (input_scale * weight_scales.astype(np.float64)).astype(np.float32)
    builder = ModelBuilder()
    x = builder.tensor(input_shape, scale=input_scale, zero_point=common.zero_point(rng))
    w = builder.tensor(weights.shape, scale=weight_scales, axis=axis, data=weights)
    b = builder.tensor((channels,), "INT32", scale=bias_scales, data=bias)
    y = builder.tensor(
        output_shape,
        scale=common.float32(input_scale * float(weight_scales.max()) / factor),
        zero_point=point,
    )
    named: dict[str, Any] = {**options, "fused_activation_function": activation}
    builder.operator(opcode, [x, w, b], [y], version=3, **named)
    model = builder.inputs(x).outputs(y).build()
    return lower(read_model_bytes(model, f"{opcode} of {input_shape}"))


def _extent(
    rng: Rng, padding: str, size: int, stride: int, dilation: int, most_more: int = 14
) -> tuple[int, int]:
    """(input, output) along an axis."""
    reach = (size - 1) * dilation + 1
    least = reach if padding == "VALID" else 1
    inputs = least + int(rng.integers(0, most_more))
    if padding == "SAME":
        return inputs, -(-inputs // stride)
    return inputs, (inputs - reach) // stride + 1


def _windowed(
    rng: Rng,
    opcode: str,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    depths: tuple[int, int],
    most_more: tuple[int, int] = (14, 14),
) -> Network:
    """A layer whose image has up to ``most_more`` rows and columns more than it must have."""
    padding = str(rng.choice(["SAME", "VALID"]))
    depth, channels = depths
    while True:
        rows, columns = (
            _extent(rng, padding, *axis)
            for axis in zip(kernel, strides, dilations, most_more, strict=True)
        )
        batches = _choice(rng, 1, 1, 1, 2)
        values = batches * max(rows[0] * columns[0] * depth, rows[1] * columns[1] * channels)
        least = math.prod((size - 1) * d + 1 for size, d in zip(kernel, dilations, strict=True))
        if values <= max(_MOST_VALUES, 3 * least * max(depths)):
            break
    depthwise = opcode == "DEPTHWISE_CONV_2D"
    shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth)
    options: dict[str, int | str] = {
        "padding": padding,
        "stride_h": strides[0],
        "stride_w": strides[1],
        "dilation_h_factor": dilations[0],
        "dilation_w_factor": dilations[1],
    }
    if depthwise:
        options["depth_multiplier"] = channels // depth
    return _weighted(
        rng,
        opcode,
        (batches, rows[0], columns[0], depth),
        _weights(rng, shape, 3 if depthwise else 0),
        (batches, rows[1], columns[1], channels),
        options,
    )


def _channels(rng: Rng, taps: int) -> int:
    most = max(1, _MOST_WEIGHTS // taps)
    return min(most, _choice(rng, 1, 2, 3, 4, 5, 8, 11, 16, 17, 32))


def _pointwise(rng: Rng) -> Network:
    depth = _choice(rng, 1, 3, 4, 7, 8, 12, 15, 16, 17, 20, 24, 31, 32, 33, 48, 64, 65, 100, 128)
    stride = _choice(rng, 1, 1, 1, 2, 3)
    return _windowed(
        rng, "CONV_2D", (1, 1), (stride, stride), (1, 1), (depth, _channels(rng, depth))
    )


def _long(rng: Rng) -> Network:
    kernel = (_choice(rng, 1, 1, 3), _choice(rng, 1, 1, 2, 3))
    depth = _choice(rng, 208, 256, 260, 304, 512, 640, 644, 700, 1040)
    depth = max(16, depth // (kernel[0] * kernel[1]) // 4 * 4 * _choice(rng, 1, 1, 2))
    stride = _choice(rng, 1, 1, 2)
    return _windowed(
        rng, "CONV_2D", kernel, (stride, stride), (1, 1), (depth, _choice(rng, 1, 2, 3, 4))
    )


def _general(rng: Rng) -> Network:
    kernel = (_choice(rng, 1, 2, 3, 3, 5, 7), _choice(rng, 1, 2, 3, 3, 4, 5))
    strides = (_choice(rng, 1, 1, 2, 3), _choice(rng, 1, 1, 2, 3))
    dilations = (_choice(rng, 1, 1, 1, 2, 3), _choice(rng, 1, 1, 1, 2, 3))
    depth = _choice(rng, 1, 1, 2, 3, 3, 4, 5, 8, 13, 16, 16, 24, 32)
    taps = kernel[0] * kernel[1] * depth
    return _windowed(rng, "CONV_2D", kernel, strides, dilations, (depth, _channels(rng, taps)))


def _square(rng: Rng) -> Network:
    stride = _choice(rng, 1, 1, 2)
    depth = _choice(rng, 1, 3, 16, 16, 32, 48, 64)
    return _windowed(
        rng,
        "CONV_2D",
        (3, 3),
        (stride, stride),
        (1, _choice(rng, 1, 1, 1, 2)),
        (depth, _channels(rng, 9 * depth)),
    )


def random_convolution(rng: Rng) -> Network:
    """CONV_2D: pointwise, 3x3, any, and with more taps than are unrolled."""
    kinds: tuple[Callable[[Rng], Network], ...] = (_pointwise, _square, _general, _long)
    return kinds[int(rng.choice(4, p=[0.3, 0.25, 0.35, 0.1]))](rng)


def random_depthwise(rng: Rng) -> Network:
    """DEPTHWISE_CONV_2D: 3x3 half of the time, any size, stride, dilation and multiplier else."""
    depth = _choice(rng, 1, 2, 3, 5, 8, 11, 16, 16, 17, 24, 32, 33, 40, 128, 140)
    if common.chance(rng, 0.6):
        stride = _choice(rng, 1, 1, 1, 2)
        # Rows longer than are unrolled, one time in three.
        most_more = (4, 90) if common.chance(rng, 0.3) else (14, 14)
        depths = (depth, depth)
        strides = (stride, stride)
        return _windowed(rng, "DEPTHWISE_CONV_2D", (3, 3), strides, (1, 1), depths, most_more)
    kernel = (_choice(rng, 1, 2, 3, 4, 5, 8, 10), _choice(rng, 1, 2, 3, 4, 5, 7, 8, 9))
    strides = (_choice(rng, 1, 1, 2, 3), _choice(rng, 1, 1, 2, 3, 8))
    dilations = (_choice(rng, 1, 1, 1, 2, 3), _choice(rng, 1, 1, 1, 2, 3))
    multiplier = _choice(rng, 1, 1, 1, 2, 3, 8)
    return _windowed(
        rng, "DEPTHWISE_CONV_2D", kernel, strides, dilations, (depth, depth * multiplier)
    )


def random_fully_connected(rng: Rng) -> Network:
    """FULLY_CONNECTED of all sizes up to those of autoencoders."""
    depth = _choice(rng, 1, 2, 3, 8, 13, 15, 16, 17, 31, 32, 33, 47, 48, 64, 80, 127, 257, 640)
    channels = min(
        _MOST_WEIGHTS // depth, _choice(rng, 1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 24, 31, 40)
    )
    batches = _choice(rng, 1, 1, 2, 3)
    return _weighted(
        rng,
        "FULLY_CONNECTED",
        (batches, depth),
        _weights(rng, (channels, depth), 0),
        (batches, channels),
        {},
    )


def random_add(rng: Rng) -> Network:
    """ADD of two tensors of one shape, sometimes of a tensor with itself."""
    shape = (1, _choice(rng, 1, 2, 5), _choice(rng, 1, 3, 8), int(rng.integers(1, 40)))
    builder = ModelBuilder()
    scales = [common.scale(rng) for _ in range(2)]
    if common.chance(rng, 0.8):
        scales = [common.float32(0.05 * 2.0 ** rng.uniform(-2, 2)) for _ in range(2)]
    operands = [builder.tensor(shape, scale=s, zero_point=common.zero_point(rng)) for s in scales]
    activation = common.activation(rng)
    y = builder.tensor(
        shape,
        scale=common.float32(sum(scales) * 2.0 ** rng.uniform(-3, 1)),
        zero_point=common.zero_point(rng),
    )
    if common.chance(rng, 0.1):
        operands[1] = operands[0]
    builder.operator("ADD", operands, [y], version=2, fused_activation_function=activation)
    model = builder.inputs(*dict.fromkeys(operands)).outputs(y).build()
    return lower(read_model_bytes(model, f"ADD of {shape}"))


def _pool(rng: Rng, opcode: str) -> Network:
    padding = str(rng.choice(["SAME", "VALID"]))
    most = 16 if common.chance(rng, 0.1) else 5
    kernel = [int(rng.integers(1, most + 1)) for _ in range(2)]
    strides = [_choice(rng, 1, 1, 2, 3) for _ in range(2)]
    rows, columns = (
        _extent(rng, padding, size, stride, 1) for size, stride in zip(kernel, strides, strict=True)
    )
    if common.chance(rng, 0.2):
        kernel, rows, columns = [rows[0], columns[0]], (rows[0], 1), (columns[0], 1)
        padding = "VALID"
    channels = min(
        _choice(rng, 1, 3, 7, 8, 9, 15, 16, 17, 32, 40, 64),
        max(1, _MOST_VALUES // (rows[0] * columns[0])),
    )
    scale, point = common.scale(rng), common.zero_point(rng)
    builder = ModelBuilder()
    x = builder.tensor((1, rows[0], columns[0], channels), scale=scale, zero_point=point)
    y = builder.tensor((1, rows[1], columns[1], channels), scale=scale, zero_point=point)
    builder.operator(
        opcode,
        [x],
        [y],
        version=2,
        padding=padding,
        stride_h=strides[0],
        stride_w=strides[1],
        filter_height=kernel[0],
        filter_width=kernel[1],
        fused_activation_function=common.activation(rng),
    )
    model = builder.inputs(x).outputs(y).build()
    return lower(read_model_bytes(model, f"{opcode} of {rows} by {columns}"))


def random_average_pool(rng: Rng) -> Network:
    """AVERAGE_POOL_2D, one in five of them global."""
    return _pool(rng, "AVERAGE_POOL_2D")


def random_max_pool(rng: Rng) -> Network:
    """MAX_POOL_2D, one in five of them global."""
    return _pool(rng, "MAX_POOL_2D")


LAYERS: Mapping[str, Callable[[Rng], Network]] = {
    "convolution": random_convolution,
    "depthwise": random_depthwise,
    "fully connected": random_fully_connected,
    "add": random_add,
    "average pool": random_average_pool,
    "max pool": random_max_pool,
}
"""A generator for every family of kernels."""


def random_layer(family: str, seed: int) -> Network:
    """The family's layer number ``seed``."""
    return LAYERS[family](np.random.default_rng([seed, *family.encode()]))
