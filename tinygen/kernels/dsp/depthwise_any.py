# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with any filter: ``dsp/depthwise_any.h``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tinygen.graph import AnyArray
from tinygen.kernels.dsp.c_kernel import DspKernel
from tinygen.kernels.dsp.depthwise_requantization import folded_bias
from tinygen.kernels.kernel import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Kernel,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.portable.base import axis_struct
from tinygen.kernels.portable.convolution import image_overlaps
from tinygen.numerics.fitted import ExactForm, accumulator_bounds, exact_form
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.convolution import DepthwiseConv2D

_CYCLES_PER_PAIR = 8.0
"""Of taps, for one channel."""
_CYCLES_PER_OUTPUT = 26.0
_CYCLES_PER_LINE = 2.0
_CYCLES_PER_PIXEL = 45.0


def _lines(layer: DepthwiseConv2D) -> tuple[int, int]:
    """(lines, taps of a line): rows of the filter, or its one column."""
    rows, columns = layer.window.height.size, layer.window.width.size
    return (rows, columns) if columns > 1 else (1, rows)


def _packed_weights(layer: DepthwiseConv2D) -> AnyArray:
    """Bytes by group of four channels, line, pair of taps, two channels, tap, channel."""
    lines, taps = _lines(layer)
    channels = layer.input_shape[3]
    by_line = layer.weights.reshape(lines, taps, channels)
    padded = np.pad(by_line, ((0, 0), (0, taps % 2), (0, 0)))
    starts = list(range(0, channels - 3, 4))
    if channels % 4:
        starts.append(channels - 4)
    groups = np.stack([padded[:, :, start : start + 4] for start in starts])
    paired = groups.reshape(len(starts), lines, -1, 2, 2, 2)
    packed: AnyArray = np.ascontiguousarray(paired.transpose(0, 1, 2, 4, 3, 5)).reshape(-1)
    return packed


@lru_cache(maxsize=64)
def _scaling(layer: DepthwiseConv2D) -> ExactForm:
    """The two roundings; outputs are brought up so that the largest is 255."""
    by_channel = np.moveaxis(layer.weights, -1, 0)
    low, high = accumulator_bounds(by_channel, layer.bias, layer.input_zero_point)
    return exact_form(layer.requantization, low, high, 255 - layer.requantization.clamp_max)


def _bind(layer: DepthwiseConv2D) -> Binding:
    scaling = _scaling(layer)
    scales = np.stack([scaling.multipliers, scaling.factors], axis=1)
    q = layer.requantization
    lines, taps = _lines(layer)
    rows, columns = layer.window.height, layer.window.width
    shape = Struct(
        "tinygen_depthwise_conv2d_s8_params",
        (
            ("rows", axis_struct(rows)),
            ("columns", axis_struct(columns)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("depth_multiplier", 1),
            ("input_ring_rows", layer.input_shape[1]),
            ("padding", layer.input_zero_point),
            ("bias", ConstantArgument("bias")),
        ),
    )
    parameters = Struct(
        "tinygen_depthwise_any_params",
        (
            ("layer", shape),
            ("weights", ConstantArgument("weights")),
            ("scales", ConstantArgument("scales")),
            ("base", scaling.constant),
            ("shift", scaling.shift),
            ("cut", 255 - (q.clamp_max - q.clamp_min)),
            ("low", q.clamp_min),
            ("lines", lines),
            ("line_taps", taps),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_depthwise_any",
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                    ScratchArgument("int8_t"),
                ),
            ),
        ),
        headers=("dsp/depthwise_any.h",),
        constants=(
            Constant("weights", _packed_weights(layer)),
            Constant("bias", wrap_int32(folded_bias(layer))),
            Constant("scales", scales),
        ),
        scratch_bytes=rows.size * columns.size * layer.input_shape[3],
        overlaps=image_overlaps(layer),
    )


def _cycles(layer: DepthwiseConv2D) -> float:
    lines, taps = _lines(layer)
    channels = -(-layer.input_shape[3] // 4) * 4
    pixels = int(np.prod(layer.output_shape[:3]))
    pair = lines * ((taps + 1) // 2 * _CYCLES_PER_PAIR + _CYCLES_PER_LINE)
    return pixels * (_CYCLES_PER_PIXEL + channels * (pair + _CYCLES_PER_OUTPUT))


def _condition(layer: DepthwiseConv2D) -> str | None:
    if layer.depth_multiplier != 1:
        return f"the depth multiplier is {layer.depth_multiplier}, not 1"
    if layer.input_shape[3] < 4:
        return f"has {layer.input_shape[3]} channels, and 4 go together"
    if layer.requantization.clamp_min > layer.requantization.clamp_max:
        return "the range of its outputs is empty"
    if not _scaling(layer).valid.all():
        return "some channels need the general requantization"
    return None


KERNELS: Sequence[Kernel] = (
    DspKernel("depthwise_any", DepthwiseConv2D, _bind, _cycles, _condition),
)
