# SPDX-License-Identifier: Apache-2.0
"""Random convolutions, pools, reductions and functions of rows in types other than int8."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common, weighted
from tests.ops.generators.common import Rng, TypedGenerator
from tests.ops.generators.rearrange import tensor


def _weighted(
    rng: Rng,
    opcode: str,
    dtype: str,
    input_shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    axis: int,
    **options: Any,
) -> bytes:
    channels = weights_shape[axis]
    with_bias = common.chance(rng, 0.7) or opcode == "DEPTHWISE_CONV_2D"
    builder = ModelBuilder()
    if dtype == "FLOAT32":
        x = builder.tensor(input_shape, dtype)
        weights = rng.uniform(-1, 1, weights_shape).astype(np.float32)
        operands = [x, builder.tensor(weights_shape, dtype, data=weights)]
        if with_bias:
            real = rng.uniform(-1, 1, channels).astype(np.float32)
            operands.append(builder.tensor((channels,), dtype, data=real))
        y = builder.tensor(output_shape, dtype)
    else:
        taps = math.prod(weights_shape) // channels
        input_scale, weight_scale = common.scale(rng), common.scale(rng)
        per_channel = common.chance(rng, 0.6)
        spread = rng.uniform(-3, 0, channels) if per_channel else np.zeros(1)
        weight_scales = (weight_scale * 2.0**spread).astype(np.float32)
        reach = taps * 32768.0 * 128
        output_scale = common.float32(
            input_scale * weight_scale * reach / 65536 * 2.0 ** rng.uniform(-4, 3)
        )
        x = builder.tensor(input_shape, dtype, scale=input_scale)
        w = builder.tensor(
            weights_shape,
            "INT8",
            scale=weight_scales,
            axis=axis,
            data=common.values(rng, weights_shape),
        )
        operands = [x, w]
        if with_bias:
            kind = "INT64"
            if opcode != "DEPTHWISE_CONV_2D" and taps < 200 and common.chance(rng, 0.4):
                kind = "INT32"
            bias = rng.integers(-(1 << 20), 1 << 20, channels)
            scales = (input_scale * weight_scales.astype(np.float64)).astype(np.float32)
            operands.append(builder.tensor((channels,), kind, scale=scales, data=bias))
        y = builder.tensor(output_shape, dtype, scale=output_scale)
    builder.operator(
        opcode,
        operands,
        [y],
        version=4,
        fused_activation_function=common.activation(rng),
        **options,
    )
    return builder.inputs(x).outputs(y).build()


def _windows(rng: Rng) -> tuple[str, common.WindowAxis, common.WindowAxis]:
    padding = str(rng.choice(["SAME", "VALID"]))
    rows = common.window_axis(rng, padding, 4, dilate=True)
    return padding, rows, common.window_axis(rng, padding, 4, dilate=True)


def _window_options(
    padding: str, rows: common.WindowAxis, columns: common.WindowAxis
) -> dict[str, Any]:
    return {
        "padding": padding,
        "stride_h": rows.stride,
        "stride_w": columns.stride,
        "dilation_h_factor": rows.dilation,
        "dilation_w_factor": columns.dilation,
    }


def random_conv2d(rng: Rng, dtype: str) -> bytes:
    """CONV_2D, some of them grouped."""
    padding, rows, columns = _windows(rng)
    batches, groups = int(rng.choice([1, 1, 2])), int(rng.choice([1, 1, 2, 3]))
    depth = common.extent(rng, 8)
    channels = groups * common.extent(rng, 5)
    return _weighted(
        rng,
        "CONV_2D",
        dtype,
        (batches, rows.input, columns.input, groups * depth),
        (channels, rows.size, columns.size, depth),
        (batches, rows.output, columns.output, channels),
        0,
        **_window_options(padding, rows, columns),
    )


def random_depthwise_conv2d(rng: Rng, dtype: str) -> bytes:
    """DEPTHWISE_CONV_2D with a depth multiplier."""
    padding, rows, columns = _windows(rng)
    batches, depth = int(rng.choice([1, 1, 2])), common.extent(rng, 11)
    factor = int(rng.choice([1, 1, 2, 3]))
    return _weighted(
        rng,
        "DEPTHWISE_CONV_2D",
        dtype,
        (batches, rows.input, columns.input, depth),
        (1, rows.size, columns.size, depth * factor),
        (batches, rows.output, columns.output, depth * factor),
        3,
        depth_multiplier=factor,
        **_window_options(padding, rows, columns),
    )


def random_fully_connected(rng: Rng, dtype: str) -> bytes:
    """FULLY_CONNECTED over a matrix."""
    batches, depth, channels = (common.extent(rng, most) for most in (5, 23, 23))
    return _weighted(
        rng, "FULLY_CONNECTED", dtype, (batches, depth), (channels, depth), (batches, channels), 0
    )


def random_pool(opcode: str) -> Callable[[Rng, str], bytes]:
    """A pool."""

    def generate(rng: Rng, dtype: str) -> bytes:
        padding = str(rng.choice(["SAME", "VALID"]))
        rows = common.window_axis(rng, padding, 5, dilate=False)
        columns = common.window_axis(rng, padding, 5, dilate=False)
        batches, channels = int(rng.choice([1, 1, 2])), common.extent(rng, 11)
        builder = ModelBuilder()
        x = tensor(builder, (batches, rows.input, columns.input, channels), dtype)
        y = tensor(builder, (batches, rows.output, columns.output, channels), dtype)
        builder.operator(
            opcode,
            [x],
            [y],
            version=3,
            padding=padding,
            stride_h=rows.stride,
            stride_w=columns.stride,
            filter_height=rows.size,
            filter_width=columns.size,
            fused_activation_function=common.activation(rng),
        )
        return builder.inputs(x).outputs(y).build()

    return generate


def _quantized_rows(rng: Rng, opcode: str) -> bytes:
    shape = common.shape(rng, 1, 4)
    builder = ModelBuilder()
    scale, point = common.float32(10.0 ** rng.uniform(-6, 1)), common.zero_point(rng)
    x = builder.tensor(shape, "INT8", scale=scale, zero_point=point)
    output = (1 / 16, 127) if opcode == "LOG_SOFTMAX" else (1 / 128, 0)
    y = builder.tensor(shape, "INT8", scale=output[0], zero_point=output[1])
    builder.operator(opcode, [x], [y])
    return builder.inputs(x).outputs(y).build()


def random_rows(opcode: str) -> Callable[[Rng, str], bytes]:
    """SOFTMAX, LOG_SOFTMAX or L2_NORMALIZATION: of float32, of inputs up to 20; or of int8."""

    def generate(rng: Rng, dtype: str) -> bytes:
        if dtype == "INT8":
            return _quantized_rows(rng, opcode)
        shape = common.shape(rng, 1, 4)
        builder = ModelBuilder()
        x, scaled, y = (builder.tensor(shape, dtype) for _ in range(3))
        by = np.array([20 * 10.0 ** rng.uniform(-2, 0)], dtype=np.float32)
        c = builder.tensor((1,), dtype, data=by)
        builder.operator("MUL", [x, c], [scaled])
        options: dict[str, Any] = {"beta": float(rng.choice([1.0, rng.uniform(0.1, 3)]))}
        builder.operator(opcode, [scaled], [y], **(options if opcode == "SOFTMAX" else {}))
        return builder.inputs(x).outputs(y).build()

    return generate


def _reduced(rng: Rng, shape: tuple[int, ...]) -> tuple[list[int], bool, tuple[int, ...]]:
    rank = len(shape)
    axes = [int(axis) for axis in rng.permutation(rank)[: int(rng.integers(1, rank + 1))]]
    keep = common.chance(rng, 0.5)
    output = tuple(
        1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes
    )
    return [a - rank * int(common.chance(rng, 0.3)) for a in axes], keep, output


def random_reduction(opcode: str) -> Callable[[Rng, str], bytes]:
    """SUM, MEAN, REDUCE_MAX, REDUCE_MIN or REDUCE_ALL over any axes."""

    def generate(rng: Rng, dtype: str) -> bytes:
        shape = common.shape(rng, 1, 5)
        axes, keep, output_shape = _reduced(rng, shape)
        quantized = dtype in ("INT8", "INT16")
        scales: list[float | None] = [None, None]
        points = [0, 0]
        if quantized:
            scales = [0.25, 0.25]
            points = [common.zero_point(rng, dtype)] * 2
            if opcode in ("SUM", "MEAN"):
                terms = math.prod(shape[axis] for axis in axes)
                reach = terms * (255.0 if dtype == "INT8" else 65535.0)
                factor = common.multiplier(rng, reach, 256.0 if dtype == "INT8" else 65536.0)
                factor *= terms if opcode == "MEAN" else 1
                source = common.scale(rng)
                scales = [source, common.float32(source / factor)]
                points[1] = common.zero_point(rng, dtype)
        builder = ModelBuilder()
        x = builder.tensor(shape, dtype, scale=scales[0], zero_point=points[0])
        a = builder.tensor((len(axes),), "INT32", data=axes)
        y = builder.tensor(output_shape, dtype, scale=scales[1], zero_point=points[1])
        builder.operator(opcode, [x, a], [y], version=2, keep_dims=keep)
        return builder.inputs(x).outputs(y).build()

    return generate


def random_arg_extremum(opcode: str) -> Callable[[Rng, str], bytes]:
    """ARG_MAX or ARG_MIN along one axis."""

    def generate(rng: Rng, dtype: str) -> bytes:
        shape = common.shape(rng, 2, 5)
        axis = int(rng.integers(len(shape)))
        builder = ModelBuilder()
        x = tensor(builder, shape, dtype)
        named = axis - len(shape) if common.chance(rng, 0.3) else axis
        a = builder.tensor((1,), "INT32", data=[named])
        y = builder.tensor(shape[:axis] + shape[axis + 1 :], "INT32")
        builder.operator(opcode, [x, a], [y], output_type="INT32")
        return builder.inputs(x).outputs(y).build()

    return generate


_WIDE = ("FLOAT32", "INT16")

_WEIGHTS = (*_WIDE, "INT4")
"""INT4 stands for weights of 4 bits, and activations of int8."""


def _or_int4(
    wide: Callable[[Rng, str], bytes], narrow: Callable[[Rng, str], bytes]
) -> Callable[[Rng, str], bytes]:
    def generate(rng: Rng, dtype: str) -> bytes:
        return narrow(rng, dtype) if dtype == "INT4" else wide(rng, dtype)

    return generate


TYPED: dict[str, TypedGenerator] = {
    "CONV_2D": (_or_int4(random_conv2d, weighted.random_conv2d), _WEIGHTS),
    "DEPTHWISE_CONV_2D": (
        _or_int4(random_depthwise_conv2d, weighted.random_depthwise_conv2d),
        _WEIGHTS,
    ),
    "FULLY_CONNECTED": (
        _or_int4(random_fully_connected, weighted.random_fully_connected),
        _WEIGHTS,
    ),
    "AVERAGE_POOL_2D": (random_pool("AVERAGE_POOL_2D"), _WIDE),
    "MAX_POOL_2D": (random_pool("MAX_POOL_2D"), _WIDE),
    "L2_POOL_2D": (random_pool("L2_POOL_2D"), ("FLOAT32",)),
    "SOFTMAX": (random_rows("SOFTMAX"), ("FLOAT32",)),
    "LOG_SOFTMAX": (random_rows("LOG_SOFTMAX"), ("FLOAT32", "INT8")),
    "L2_NORMALIZATION": (random_rows("L2_NORMALIZATION"), ("FLOAT32", "INT8")),
    "SUM": (random_reduction("SUM"), ("FLOAT32", "INT8", "INT16")),
    "MEAN": (random_reduction("MEAN"), _WIDE),
    "REDUCE_MAX": (random_reduction("REDUCE_MAX"), ("FLOAT32", "INT8")),
    "REDUCE_MIN": (random_reduction("REDUCE_MIN"), ("FLOAT32", "INT8")),
    "REDUCE_ALL": (random_reduction("REDUCE_ALL"), ("BOOL",)),
    "ARG_MAX": (random_arg_extremum("ARG_MAX"), ("FLOAT32", "INT8")),
    "ARG_MIN": (random_arg_extremum("ARG_MIN"), ("FLOAT32", "INT8")),
}
"""For each operator its generator and the types it takes."""
