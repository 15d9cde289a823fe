# SPDX-License-Identifier: Apache-2.0
"""Random CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED models."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.ir.graph import AnyArray

_MOST_BIAS = 1 << 20


@dataclass(frozen=True)
class _Weighted:
    """The tensors that the three operators share; ``inputs`` are the model's."""

    inputs: tuple[int, ...]
    operands: tuple[int, ...]
    output: int


def _tensors(
    rng: Rng,
    builder: ModelBuilder,
    input_shape: tuple[int, ...],
    weights: AnyArray,
    axis: int,
    output_shape: tuple[int, ...],
    weight_type: str,
    form: str = "symmetric",
) -> _Weighted:
    """``form`` of the weights: symmetric, asymmetric (a zero point) or computed (an input)."""
    channels = int(weights.shape[axis])
    taps = weights.size // channels
    # TFLM's FULLY_CONNECTED takes one scale for weights of 4 bits, and for those with a zero point.
    per_channel = common.chance(rng, 0.6) and form == "symmetric"
    per_channel = per_channel and not (weight_type == "INT4" and weights.ndim == 2)
    weight_scale = common.scale(rng)
    spread = rng.uniform(-3, 0, channels) if per_channel else np.zeros(1)
    weight_scales = (weight_scale * 2.0**spread).astype(np.float32)
    input_scale = common.scale(rng)
    factor = common.multiplier(rng, taps * 255 * 128 + _MOST_BIAS)
    if common.chance(rng, 0.2):
        # Powers of two leave many results halfway between two outputs.
        input_scale, weight_scale, factor = (
            2.0 ** round(math.log2(value)) for value in (input_scale, weight_scale, factor)
        )
        weight_scales = (weight_scale * 2.0 ** np.round(spread)).astype(np.float32)
    if per_channel and common.chance(rng, 0.1):
        dead = int(rng.integers(channels))
        weights[(slice(None),) * (axis % weights.ndim) + (dead,)] = 0
        weight_scales[dead] = 0
    output_scale = common.float32(input_scale * weight_scale / factor)
    x = builder.tensor(input_shape, scale=input_scale, zero_point=common.zero_point(rng))
    if weight_type == "INT4":
        weights = weights >> 4
    w = builder.tensor(
        weights.shape,
        weight_type,
        scale=weight_scales,
        zero_point=0 if form == "symmetric" else common.zero_point(rng),
        axis=axis,
        data=None if form == "computed" else weights,
    )
    operands: tuple[int, ...] = (x, w)
    if common.chance(rng, 0.7):
        most = int(rng.choice([100, 10_000, _MOST_BIAS]))
        bias = rng.integers(-most, most + 1, channels).astype(np.int32)
        bias_scales = (input_scale * weight_scales.astype(np.float64)).astype(np.float32)
        operands += (builder.tensor((channels,), "INT32", scale=bias_scales, data=bias),)
    y = builder.tensor(output_shape, scale=output_scale, zero_point=common.zero_point(rng))
    return _Weighted((x, w) if form == "computed" else (x,), operands, y)


def _windows(rng: Rng) -> tuple[str, common.WindowAxis, common.WindowAxis]:
    padding = str(rng.choice(["SAME", "VALID"]))
    rows = common.window_axis(rng, padding, 5, dilate=True)
    return padding, rows, common.window_axis(rng, padding, 5, dilate=True)


def random_conv2d(rng: Rng, weight_type: str = "INT8") -> bytes:
    """CONV_2D, one in four of them grouped."""
    padding, rows, columns = _windows(rng)
    batches = int(rng.choice([1, 1, 2, 3]))
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    depth = common.extent(rng)
    channels = groups * common.extent(rng)
    builder = ModelBuilder()
    tensors = _tensors(
        rng,
        builder,
        (batches, rows.input, columns.input, groups * depth),
        common.values(rng, (channels, rows.size, columns.size, depth)),
        0,
        (batches, rows.output, columns.output, channels),
        weight_type,
    )
    builder.operator(
        "CONV_2D",
        tensors.operands,
        [tensors.output],
        version=3,
        padding=padding,
        stride_h=rows.stride,
        stride_w=columns.stride,
        dilation_h_factor=rows.dilation,
        dilation_w_factor=columns.dilation,
        fused_activation_function=common.activation(rng),
    )
    return builder.inputs(*tensors.inputs).outputs(tensors.output).build()


def random_depthwise_conv2d(rng: Rng, weight_type: str = "INT8") -> bytes:
    """DEPTHWISE_CONV_2D with a depth multiplier."""
    padding, rows, columns = _windows(rng)
    batches = int(rng.choice([1, 1, 2, 3]))
    depth = common.extent(rng, 23)
    depth_multiplier = int(rng.choice([1, 1, 2, 3, 8]))
    channels = depth * depth_multiplier
    builder = ModelBuilder()
    tensors = _tensors(
        rng,
        builder,
        (batches, rows.input, columns.input, depth),
        common.values(rng, (1, rows.size, columns.size, channels)),
        3,
        (batches, rows.output, columns.output, channels),
        weight_type,
    )
    builder.operator(
        "DEPTHWISE_CONV_2D",
        tensors.operands,
        [tensors.output],
        version=3,
        padding=padding,
        stride_h=rows.stride,
        stride_w=columns.stride,
        dilation_h_factor=rows.dilation,
        dilation_w_factor=columns.dilation,
        depth_multiplier=depth_multiplier,
        fused_activation_function=common.activation(rng),
    )
    return builder.inputs(*tensors.inputs).outputs(tensors.output).build()


def random_fully_connected(rng: Rng, weight_type: str = "INT8") -> bytes:
    """FULLY_CONNECTED over a matrix, a flattened image, or the last axis of a tensor."""
    channels = common.extent(rng, 23)
    kind = str(rng.choice(["matrix", "flattened", "last axis"]))
    input_shape = common.shape(rng, 2, 2) if kind == "matrix" else common.shape(rng, 3, 4)
    if kind == "flattened":
        depth = int(np.prod(input_shape[1:]))
        output_shape: tuple[int, ...] = (input_shape[0], channels)
    else:
        depth = input_shape[-1]
        output_shape = (*input_shape[:-1], channels)
    builder = ModelBuilder()
    weights = common.values(rng, (channels, depth))
    form = "symmetric"
    if weight_type == "INT8" and common.chance(rng, 0.06):
        form = str(rng.choice(["asymmetric", "computed"]))
    tensors = _tensors(rng, builder, input_shape, weights, 0, output_shape, weight_type, form)
    builder.operator(
        "FULLY_CONNECTED",
        tensors.operands,
        [tensors.output],
        version=4,
        keep_num_dims=kind == "last axis",
        fused_activation_function=common.activation(rng),
    )
    return builder.inputs(*tensors.inputs).outputs(tensors.output).build()
