# SPDX-License-Identifier: Apache-2.0
"""CONV_2D and FULLY_CONNECTED of int16 in 16-bit SIMD: ``dsp/conv2d_s16.h``."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.window import Axis, Window
from tinygen.kernels.binding import Binding, Call, Constant, ScratchArgument, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import INT32_MAX, Int64Array, Requantization
from tinygen.ops.wide_convolution import Int16Conv2D

_COSTS = Costs("dsp.convolution_s16")
_STEP = 4
"""Values of a column that the inner loop takes at once."""
_SAFE_DEPTH = 508
"""``TINYGEN_DSP_SAFE_DEPTH_S16``."""


def _depth(layer: Int16Conv2D) -> int:
    """Values of a column in whole steps."""
    return -(-int(layer.weights[0].size) // _STEP) * _STEP


def _in_place(layer: Int16Conv2D) -> bool:
    """Whether a column is what lies in the input."""
    axes = layer.window.height, layer.window.width
    points = all(axis.size == 1 and axis.pad == 0 for axis in axes)
    return points and layer.weights[0].size == _depth(layer)


def _rows_as_pixels(layer: Int16Conv2D) -> Int16Conv2D:
    """A fully connected layer's batches as the pixels of one row, so that two go together."""
    batches, height, width, channels = layer.input_shape
    if (height, width) != (1, 1) or layer.weights.shape[1:3] != (1, 1):
        return layer
    point = layer.window.height
    pixels = Axis(input=batches, output=batches, size=1, stride=1, dilation=1, pad=0)
    return replace(
        layer,
        input_shape=(1, 1, batches, channels),
        window=Window(replace(point, stride=1), pixels),
    )


def packed(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Weights (out channels, values of a window) as [pairs of channels][values in fours][2]."""
    channels, values = weights.shape
    whole = np.zeros((-(-channels // 2) * 2, -(-values // _STEP) * _STEP), np.int8)
    whole[:channels, :values] = weights
    return np.ascontiguousarray(whole.reshape(-1, 2, whole.shape[1]).transpose(0, 2, 1))


def _most(layer: Int16Conv2D) -> Int64Array:
    """The largest magnitude of each channel's sums of products."""
    magnitudes = np.abs(layer.weights.astype(np.int64)).reshape(len(layer.weights), -1)
    sums: Int64Array = magnitudes.sum(axis=1) << 15
    return sums


def _suffix(layer: Int16Conv2D) -> str:
    """Of the function for the layer's sums."""
    if layer.narrow:
        return "_narrow"
    return "_long" if _most(layer).max() > INT32_MAX else ""


def _fitted(layer: Int16Conv2D) -> tuple[Int64Array, Requantization] | None:
    """Biases and requantization of ``conv2d_s16.h``; None where 64 bits do not hold what they give.

    ``scale_wide`` multiplies bias and sum by 16 bits, adds half a unit, and shifts. With a power of two
    times all that, the shift begins at a word.
    """
    q = layer.requantization
    if layer.narrow:
        return layer.bias.astype(np.int64), q
    multipliers, shifts = q.multipliers.astype(np.int64), 15 - q.shifts.astype(np.int64)
    reduced = np.minimum((multipliers + (1 << 15)) >> 16, 0x7FFF)
    half = np.int64(1) << (shifts - 1)
    reach = (_most(layer) + np.abs(layer.bias).astype(np.float64)) * reduced + half
    more = min(16, 62 - int(np.ceil(np.log2(reach.max()))))
    if more < 0 or shifts.min() + more < 32 or shifts.max() + more > 63:
        return None
    offsets = (layer.bias.astype(np.int64) * reduced + half) << more
    fitted = replace(
        q,
        multipliers=(reduced << more).astype(np.int32),
        shifts=(shifts + more - 32).astype(q.shifts.dtype),
    )
    return offsets, fitted


def _cycles(layer: Int16Conv2D) -> float:
    batches, rows, columns, channels = layer.output_shape
    pairs = batches * rows * (columns // 2)
    singles = batches * rows * (columns % 2)
    blocks, depth = -(-channels // 2), _depth(layer)
    parts = -(-depth // _SAFE_DEPTH) if _suffix(layer) == "_long" else 1
    rows_of_window = layer.window.height.size
    column = _COSTS.column + rows_of_window * _COSTS.row + depth * _COSTS.value
    output = _COSTS.output_narrow if layer.narrow else _COSTS.output
    return (
        pairs * blocks * (parts * _COSTS.pair + _COSTS.pair_step * (depth // _STEP))
        + singles * blocks * (parts * _COSTS.single + _COSTS.single_step * (depth // _STEP))
        + (2 * pairs + singles) * column * (not _in_place(layer))
        + math.prod(layer.output_shape) * output
    )


def _bind(layer: Int16Conv2D) -> Binding:
    work = _rows_as_pixels(layer)
    fitted = _fitted(layer)
    assert fitted is not None
    bias, requantization = fitted
    channels = len(layer.weights)
    parameters = struct(
        "tinygen_conv2d_s16_params",
        work,
        shape=struct(
            "tinygen_conv2d_shape",
            work,
            group_depth=layer.weights.shape[3],
            channels_per_group=channels,
        ),
        weights=packed(layer.weights.reshape(channels, -1).astype(np.int8)),
        bias=Constant("bias", bias, alignment=8),
        requantization=requantization,
    )
    call = Call(
        f"tinygen_dsp_conv2d_s16{_suffix(layer)}",
        (
            struct(
                "tinygen_dsp_conv2d_s16_params",
                work,
                layer=parameters,
                depth=_depth(layer),
                in_place=int(_in_place(layer)),
            ),
            TensorArgument(layer.inputs[0]),
            ScratchArgument("int16_t"),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("dsp/conv2d_s16.h",),
        scratch_bytes=0 if _in_place(layer) else 2 * 2 * _depth(layer),
        overlaps=image_overlaps(layer, 2),
    )


@dsp("conv2d_s16", Int16Conv2D)
def conv2d_s16(layer: Int16Conv2D) -> Offer | Refusal:
    """Of int16."""
    if layer.groups != 1:
        return Refusal("is for one group")
    if _fitted(layer) is None:
        return Refusal("its bias or its scale is too large")
    return Offer(_cycles(_rows_as_pixels(layer)), lambda: _bind(layer))


KERNELS = (conv2d_s16,)
