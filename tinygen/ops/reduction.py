# SPDX-License-Identifier: Apache-2.0
"""MEAN, int8, over any axes.

Semantics: TFLM ``reference_ops::QuantizedMeanOrSum``: the division by the number of elements is
folded into the multiplier, truncated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Numerics
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import Requantization, wrap_int32
from tinygen.ops.quantized import rescale, zero_point
from tinygen.ops.view import OperatorView


@dataclass(frozen=True, eq=False, kw_only=True)
class Mean(Layer):
    """out = requantize(Σ over ``axes`` (in - input_zero_point)), ``axes`` ascending, each once.

    ``requantization`` divides by the number of elements summed; ``output_shape`` is the output
    tensor's, with or without the axes that were reduced.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    axes: tuple[int, ...]
    input_zero_point: int
    requantization: Requantization

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 tensor."""
        (values,) = inputs
        centred = values.astype(np.int64) - self.input_zero_point
        sums = wrap_int32(np.asarray(centred.sum(axis=self.axes)))
        return (self.requantization.apply(sums).reshape(self.output_shape).astype(np.int8),)


def _axes(view: OperatorView, rank: int) -> tuple[int, ...]:
    tensor = view.input(1)
    view.require_dtype(tensor, DType.INT32)
    axes = set()
    for axis in view.require_constant(tensor).reshape(-1).tolist():
        if not -rank <= axis < rank:
            view.invalid(f"the axis {axis} is outside the {rank} dimensions of its input")
        axes.add(axis % rank)
    return tuple(sorted(axes))


def divided(requantization: Requantization, count: int) -> Requantization:
    """Fold the division by ``count`` into a multiplier, as TFLM does."""
    multiplier = int(requantization.multipliers[0])
    shift = int(requantization.shifts[0])
    left = min(count.bit_length() - 1, 32, 31 + shift)
    return Requantization(
        multipliers=np.array([(multiplier << left) // count], dtype=np.int32),
        shifts=np.array([shift - left], dtype=np.int32),
        zero_point=requantization.zero_point,
        clamp_min=requantization.clamp_min,
        clamp_max=requantization.clamp_max,
    )


def lower_mean(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a MEAN with constant axes."""
    view.counts((2,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.INT8)
    view.require_dtype(output, DType.INT8)
    shape = values.shape
    axes = _axes(view, len(shape))
    keep = view.option("keep_dims", bool)
    view.require_shape(
        output,
        tuple(
            1 if axis in axes else extent
            for axis, extent in enumerate(shape)
            if keep or axis not in axes
        ),
    )
    return Mean(
        operator=view.operator,
        inputs=(view.require_activation(values),),
        outputs=(output.index,),
        input_shape=shape,
        output_shape=output.shape,
        axes=axes,
        input_zero_point=zero_point(view, values),
        requantization=divided(
            rescale(view, values, output), math.prod(shape[axis] for axis in axes)
        ),
    )
