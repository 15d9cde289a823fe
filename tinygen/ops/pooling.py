# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D of int8, int16 and float32, L2_POOL_2D of float32.

Semantics: TFLM ``reference_ops`` and ``reference_integer_ops`` in ``pooling.h``; float32 is summed in
the same order. Padding takes no part: it is neither averaged nor counted. Nothing is rescaled, so input
and output must be quantized alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis, Window
from tinygen.ops.elementwise import clamp_float, float_clamp
from tinygen.ops.quantized import activation_range, quantized_alike, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView
from tinygen.ops.window import window

_SCALE_TOLERANCE = 1e-6
"""How far the scales of input and output may differ (TFLM ``PoolingPrepare``)."""
_KINDS = {"AVERAGE_POOL_2D": "average", "MAX_POOL_2D": "max", "L2_POOL_2D": "l2"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool2D(Layer):
    """What both pools have: an NHWC window and the output's clamp."""

    input_shape: tuple[int, int, int, int]
    output_shape: tuple[int, int, int, int]
    window: Window
    clamp_min: int
    clamp_max: int

    @property
    def row_axes(self) -> tuple[Axis, ...] | None:
        """The window's rows, of one image."""
        return (self.window.height,) if self.input_shape[0] == 1 else None


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragePool2D(Pool2D):
    """out = clamp(Σ inside the image / number inside), halves away from zero."""

    @property
    def accumulates(self) -> bool:
        """Whether its only window is the whole image."""
        return self.input_shape[0] == 1 and all(
            (axis.size, axis.output, axis.pad) == (axis.input, 1, 0)
            for axis in (self.window.height, self.window.width)
        )

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 NHWC image."""
        (image,) = inputs
        sums = self.window.patches(image.astype(np.int64), 0).sum(axis=(3, 4))
        inside = np.ones((1, *self.input_shape[1:3], 1), dtype=np.int64)
        counts = self.window.patches(inside, 0).sum(axis=(3, 4))
        magnitudes = (np.abs(sums) + counts // 2) // counts
        averages = np.where(sums > 0, magnitudes, -magnitudes)
        return (np.clip(averages, self.clamp_min, self.clamp_max).astype(np.int8),)


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool2D(Pool2D):
    """out = clamp(max inside the image)."""

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 NHWC image."""
        (image,) = inputs
        largest = self.window.patches(image, -128).max(axis=(3, 4))
        return (np.clip(largest, self.clamp_min, self.clamp_max).astype(np.int8),)


@dataclass(frozen=True, eq=False, kw_only=True)
class WidePool2D(Layer):
    """The mean, the largest, or the root of the mean square (``kind``) under each window."""

    input_shape: tuple[int, int, int, int]
    window: Window
    kind: str
    dtype: DType
    clamp_min: float
    clamp_max: float

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """NHWC."""
        rows, columns = self.window.height.output, self.window.width.output
        return self.input_shape[0], rows, columns, self.input_shape[3]

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (image,) = inputs
        patches = self.window.patches(image, 0)
        inside = self.window.patches(np.ones(image.shape, dtype=np.bool_), 0)
        height, width = self.window.height.size, self.window.width.size
        taps = [
            (patches[:, :, :, y, x], inside[:, :, :, y, x])
            for y in range(height)
            for x in range(width)
        ]
        counts = inside.sum(axis=(3, 4))
        if self.kind == "max":
            lowest = -3.402823466e38 if self.dtype is DType.FLOAT32 else -32768
            result = np.full(counts.shape, lowest, dtype=image.dtype)
            for values, there in taps:
                result = np.where(there & (result < values), values, result)
        elif self.dtype is DType.FLOAT32:
            sums = np.zeros(counts.shape, dtype=np.float32)
            for values, there in taps:
                term = values * values if self.kind == "l2" else values
                sums = np.where(there, sums + term, sums)
            result = sums / counts.astype(np.float32)
            result = np.sqrt(result) if self.kind == "l2" else result
        else:
            sums = patches.astype(np.int64).sum(axis=(3, 4))
            away = np.where(sums > 0, sums + counts // 2, sums - counts // 2)
            result = np.sign(away) * (np.abs(away) // counts)
        if self.dtype is DType.FLOAT32:
            limits = {"clamp_min": self.clamp_min, "clamp_max": self.clamp_max}
            return (clamp_float(limits, result),)
        return (np.clip(result, int(self.clamp_min), int(self.clamp_max)).astype(np.int16),)


@operator("L2_POOL_2D")
def lower_wide_pool(view: OperatorView) -> Layer:
    """Fold a pool of float32 or int16."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    opcode = view.operator.opcode
    view.require_dtype(values, DType.FLOAT32, *((DType.INT16,) if opcode != "L2_POOL_2D" else ()))
    view.require_dtype(output, values.dtype)
    view.require_rank(values, 4)
    n, h, w, c = values.shape
    size = view.option("filter_height", int), view.option("filter_width", int)
    geometry = window(view, values.shape, size)
    view.require_shape(output, (n, geometry.height.output, geometry.width.output, c))
    if values.dtype is DType.FLOAT32:
        clamp = float_clamp(view)
        low, high = clamp["clamp_min"], clamp["clamp_max"]
    else:
        if not quantized_alike(view, values, output):
            view.invalid("its input and output are quantized differently")
        low, high = activation_range(view, view.activation, output)
    return WidePool2D(
        **view.ports(values),
        input_shape=(n, h, w, c),
        window=geometry,
        kind=_KINDS[opcode],
        dtype=values.dtype,
        clamp_min=low,
        clamp_max=high,
    )


_WIDE_POOLS = dict.fromkeys((DType.FLOAT32, DType.INT16), lower_wide_pool)


def _lower(view: OperatorView, layer: type[AveragePool2D] | type[MaxPool2D]) -> Layer:
    image, output = view.in_and_out(DType.INT8)
    view.require_rank(image, 4)
    n, h, w, c = image.shape
    difference = abs(np.float32(scale(view, image)) - np.float32(scale(view, output)))
    if float(difference) > _SCALE_TOLERANCE or zero_point(view, image) != zero_point(view, output):
        view.unsupported(
            f"tensors {image.name!r} and {output.name!r} are quantized differently, and a pool "
            "does not rescale"
        )
    size = view.option("filter_height", int), view.option("filter_width", int)
    geometry = window(view, (n, h, w, c), size)
    output_shape = (n, geometry.height.output, geometry.width.output, c)
    view.require_shape(output, output_shape)
    clamp_min, clamp_max = activation_range(view, view.activation, output)
    return layer(
        **view.ports(image),
        input_shape=(n, h, w, c),
        output_shape=output_shape,
        window=geometry,
        clamp_min=clamp_min,
        clamp_max=clamp_max,
    )


@operator("AVERAGE_POOL_2D", types=_WIDE_POOLS, ends_in_clamp=True, shares_scale=True)
def lower_average_pool_2d(view: OperatorView) -> Layer:
    """Fold an AVERAGE_POOL_2D."""
    return _lower(view, AveragePool2D)


@operator("MAX_POOL_2D", types=_WIDE_POOLS, ends_in_clamp=True, shares_scale=True)
def lower_max_pool_2d(view: OperatorView) -> Layer:
    """Fold a MAX_POOL_2D."""
    return _lower(view, MaxPool2D)
