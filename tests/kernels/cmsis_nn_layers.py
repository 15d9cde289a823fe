# SPDX-License-Identifier: Apache-2.0
"""Random layers of the sizes and shapes at which CMSIS-NN's kernels change their ways.

Blocks of 124 channels, columns of 4 and 16 elements, single rows, pointwise kernels with strides:
rare in the small models of ``tests.ops.generators``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, WindowAxis
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

WIDE = ("pointwise", "one row", "wide", "depthwise", "one channel", "fully connected")
"""Kinds of layers that ``wide_layer`` draws."""


def _axis(padding: str, inputs: int, size: int, stride: int) -> WindowAxis:
    outputs = -(-inputs // stride) if padding == "SAME" else (inputs - size) // stride + 1
    return WindowAxis(inputs, size, stride, 1, outputs)


def _weighted(
    rng: Rng,
    opcode: str,
    input_shape: tuple[int, ...],
    weights: AnyArray,
    output_shape: tuple[int, ...],
    options: Mapping[str, Any],
) -> Network:
    axis = 3 if opcode == "DEPTHWISE_CONV_2D" else 0
    channels = weights.shape[axis]
    taps = weights.size // channels
    per_tensor = opcode == "FULLY_CONNECTED" and common.chance(rng, 0.5)
    spread = np.zeros(1) if per_tensor else rng.uniform(-3, 0, channels)
    weight_scales = (common.scale(rng) * 2.0**spread).astype(np.float32)
    input_scale = common.scale(rng)
    largest_bias = 10_000
    factor = common.multiplier(rng, taps * 255 * 128 + largest_bias)
    bias: AnyArray = rng.integers(-largest_bias, largest_bias + 1, (channels,), dtype=np.int32)
    bias_scales = (input_scale * weight_scales.astype(np.float64)).astype(np.float32)
    builder = ModelBuilder()
    x = builder.tensor(input_shape, scale=input_scale, zero_point=common.zero_point(rng))
    w = builder.tensor(weights.shape, scale=weight_scales, axis=axis, data=weights)
    b = builder.tensor((channels,), "INT32", scale=bias_scales, data=bias)
    y = builder.tensor(
        output_shape,
        scale=common.float32(input_scale * float(weight_scales.max()) / factor),
        zero_point=common.zero_point(rng),
    )
    builder.operator(opcode, [x, w, b], [y], **options)
    model = builder.inputs(x).outputs(y).build()
    return lower(read_model_bytes(model, f"{opcode} of {input_shape}"))


def _windowed(
    rng: Rng, opcode: str, rows: WindowAxis, columns: WindowAxis, depths: tuple[int, int], pad: str
) -> Network:
    depth, channels = depths
    kernel = (rows.size, columns.size)
    depthwise = opcode == "DEPTHWISE_CONV_2D"
    shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth)
    batches = int(rng.choice([1, 1, 1, 2]))
    options: dict[str, Any] = {
        "padding": pad,
        "stride_h": rows.stride,
        "stride_w": columns.stride,
        "fused_activation_function": common.activation(rng),
    }
    if depthwise:
        options["depth_multiplier"] = channels // depth
    return _weighted(
        rng,
        opcode,
        (batches, rows.input, columns.input, depth),
        common.values(rng, shape),
        (batches, rows.output, columns.output, channels),
        options,
    )


def wide_layer(kind: str, seed: int) -> Network:
    """The layer number ``seed`` of a kind in ``WIDE``."""
    rng = np.random.default_rng([seed, *kind.encode()])
    pad = str(rng.choice(["SAME", "VALID"]))
    if kind == "pointwise":
        stride = int(rng.choice([1, 1, 2]))
        rows, columns = (_axis(pad, int(rng.integers(2, 9)), 1, stride) for _ in range(2))
        depths = (int(rng.choice([8, 15, 16, 32, 33, 64])), int(rng.choice([3, 8, 16, 33])))
        return _windowed(rng, "CONV_2D", rows, columns, depths, pad)
    if kind == "one row":
        rows = _axis(pad, 1, 1, int(rng.choice([1, 1, 2])))
        size, stride = int(rng.integers(1, 8)), int(rng.choice([1, 1, 2, 3, 4]))
        columns = _axis(pad, int(rng.integers(size, 24)), size, stride)
        depths = (int(rng.choice([1, 2, 4, 8, 12, 20])), int(rng.choice([1, 4, 7, 16])))
        return _windowed(rng, "CONV_2D", rows, columns, depths, pad)
    if kind == "wide":
        rows, columns = (
            _axis(pad, int(rng.integers(4, 8)), int(rng.integers(2, 5)), int(rng.choice([1, 2])))
            for _ in range(2)
        )
        depths = (int(rng.choice([16, 20, 32, 40])), int(rng.choice([8, 17, 32])))
        return _windowed(rng, "CONV_2D", rows, columns, depths, pad)
    if kind == "depthwise":
        size = int(rng.choice([2, 3, 3, 5]))
        rows, columns = (
            _axis(pad, int(rng.integers(5, 7)), size, int(rng.choice([1, 2]))) for _ in range(2)
        )
        depth = int(rng.choice([16, 64, 123, 124, 125, 130, 250]))
        return _windowed(rng, "DEPTHWISE_CONV_2D", rows, columns, (depth, depth), pad)
    if kind == "one channel":
        rows = _axis(pad, int(rng.integers(1, 9)), 1, int(rng.choice([1, 2])))
        size = int(rng.integers(1, 5))
        columns = _axis(pad, int(rng.integers(4, 12)), size, int(rng.choice([1, 2, 4])))
        return _windowed(
            rng, "DEPTHWISE_CONV_2D", rows, columns, (1, int(rng.choice([1, 2, 8, 9, 16]))), pad
        )
    assert kind == "fully connected", kind
    batches, depth = int(rng.choice([1, 1, 3])), int(rng.choice([8, 31, 64, 128, 257, 640]))
    channels = int(rng.choice([1, 4, 10, 12, 17, 35]))
    return _weighted(
        rng,
        "FULLY_CONNECTED",
        (batches, depth),
        common.values(rng, (channels, depth)),
        (batches, channels),
        {"fused_activation_function": common.activation(rng)},
    )
