# SPDX-License-Identifier: Apache-2.0
"""ADD_N and CUMSUM of float32 and int8.

Semantics: TFLM ``add_n.cc`` and ``cumsum.cc``. Their int8 sums begin with what a value of 0 stands
for, less the zero point, as TFLM's do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.ops.quantized import INTEGER_RANGES, quantized_alike, requantization, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.strided import constant_integers
from tinygen.ops.view import OperatorView

_LEFT_SHIFT = 20


@dataclass(frozen=True, eq=False)
class Accumulation:
    """How int8 values come to the scale of the sum (twice theirs), and the sum to the output's."""

    input_zero_point: int
    multiplier: int
    shift: int
    requantization: fp.Requantization
    left_shift: int = _LEFT_SHIFT

    def scaled(self, values: AnyArray) -> fp.Int32Array:
        """Values less their zero point in the scale of the sum."""
        centred = values.astype(np.int64) - self.input_zero_point
        widened = fp.wrap_int32(centred << self.left_shift)
        return fp.multiply_by_quantized_multiplier(widened, self.multiplier, self.shift)

    @property
    def start(self) -> int:
        """What a sum begins with."""
        return int(self.scaled(np.zeros(1, dtype=np.int8))[0])


def _accumulation(view: OperatorView, values: Tensor, output: Tensor) -> Accumulation:
    twice = 2 * scale(view, values)
    multiplier, shift = fp.quantize_multiplier(scale(view, values) / twice)
    real = twice / ((1 << _LEFT_SHIFT) * scale(view, output))
    if real >= 1:
        view.unsupported(f"the scale of {output.name!r} is too fine for TFLM")
    folded = requantization(view, [real], output, INTEGER_RANGES[output.dtype])
    return Accumulation(zero_point(view, values), multiplier, shift, folded)


@dataclass(frozen=True, eq=False, kw_only=True)
class AddN(Layer):
    """The sum of all inputs, of one shape and type."""

    shape: tuple[int, ...]
    accumulation: Accumulation | None

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        if self.accumulation is None:
            total = np.zeros(self.shape, dtype=np.float32)
            for values in inputs:
                total = total + values
            return (total,)
        sums = np.full(self.shape, self.accumulation.start, dtype=np.int64)
        for values in inputs:
            sums = sums + self.accumulation.scaled(values)
        return (self.accumulation.requantization.apply(fp.wrap_int32(sums)).astype(np.int8),)


@dataclass(frozen=True, eq=False, kw_only=True)
class CumSum(Layer):
    """Running sums along an axis: ``outer`` × ``depth`` × ``inner`` elements."""

    shape: tuple[int, ...]
    outer: int
    depth: int
    inner: int
    reverse: bool
    exclusive: bool
    accumulation: Accumulation | None

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        lines = inputs[0].reshape(self.outer, self.depth, self.inner)
        start = 0.0 if self.accumulation is None else self.accumulation.start
        kind = np.float32 if self.accumulation is None else np.int64
        terms = lines if self.accumulation is None else self.accumulation.scaled(lines)
        sums = np.zeros(lines.shape, dtype=kind)
        total = np.full((self.outer, self.inner), start, dtype=kind)
        for d in range(self.depth):
            k = self.depth - 1 - d if self.reverse else d
            following = (total + terms[:, k]).astype(kind)
            sums[:, k] = total if self.exclusive else following
            total = following
        if self.accumulation is None:
            return (sums.reshape(self.shape),)
        outputs = self.accumulation.requantization.apply(fp.wrap_int32(sums))
        return (outputs.reshape(self.shape).astype(np.int8),)


@operator("ADD_N")
def lower_add_n(view: OperatorView) -> Layer:
    """Fold an ADD_N of computed tensors that are quantized alike."""
    count = len(view.operator.inputs)
    view.counts(range(2, max(count, 2) + 1))
    first, output = view.input(0), view.output()
    view.require_dtype(first, DType.FLOAT32, DType.INT8)
    view.require_dtype(output, first.dtype)
    view.require_shape(output, first.shape)
    tensors = [view.input(position) for position in range(count)]
    for tensor in tensors:
        view.require_dtype(tensor, first.dtype)
        view.require_shape(tensor, first.shape)
        if first.dtype is DType.INT8 and not quantized_alike(view, tensor, first):
            view.invalid("its inputs are quantized differently")
    return AddN(
        **view.ports(*tensors),
        shape=first.shape,
        accumulation=_accumulation(view, first, output) if first.dtype is DType.INT8 else None,
    )


@operator("CUMSUM")
def lower_cumsum(view: OperatorView) -> Layer:
    """Fold a CUMSUM along a constant axis."""
    values, output = view.in_and_out(DType.FLOAT32, DType.INT8, inputs=(2,))
    view.require_shape(output, values.shape)
    axes = constant_integers(view, 1)
    rank = len(values.shape)
    if len(axes) != 1 or not -rank <= axes[0] < rank:
        view.invalid(f"{axes} is no axis of {rank} dimensions")
    axis = axes[0] % rank
    return CumSum(
        **view.ports(values),
        shape=values.shape,
        outer=math.prod(values.shape[:axis]),
        depth=values.shape[axis],
        inner=math.prod(values.shape[axis + 1 :]),
        reverse=view.option("reverse", bool),
        exclusive=view.option("exclusive", bool),
        accumulation=_accumulation(view, values, output) if values.dtype is DType.INT8 else None,
    )
