# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL of float32, int8 and int16.

Semantics: TFLM ``batch_matmul.cc`` and ``reference_ops::BatchMatMul``; float32 is summed in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.numerics.fixed_point import Int32Array, Requantization, wrap_int32
from tinygen.ops.elementwise import two_operands
from tinygen.ops.quantized import INTEGER_RANGES, requantization, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView
from tinygen.ops.wide_convolution import scale_wide

_MAX_RANK = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchMatMul(Layer):
    """out[…,i,j] = requantize(bias[j] + Σ (lhs[…,i,k] - zero point) · (rhs[…,k,j] - zero point)).

    ``transposed`` says which operands have their last two axes exchanged; leading axes broadcast. Only
    int8 may have a bias.
    """

    operands: tuple[Operand, Operand]
    transposed: tuple[bool, bool]
    output_shape: tuple[int, ...]
    dtype: DType
    zero_points: tuple[int, int]
    requantization: Requantization | None
    bias: Int32Array | None = None

    @property
    def depth(self) -> int:
        """Terms of each sum."""
        return self.operands[0].shape[-2 if self.transposed[0] else -1]

    @property
    def macs(self) -> int:
        """One a term."""
        return int(np.prod(self.output_shape)) * self.depth

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        values = (
            value.reshape(operand.shape)
            for value, operand in zip(
                operand_values(self.operands, inputs), self.operands, strict=True
            )
        )
        lhs, rhs = (
            np.swapaxes(value, -1, -2) if turned else value
            for value, turned in zip(values, self.transposed, strict=True)
        )
        q = self.requantization
        if q is None:
            totals = np.zeros(self.output_shape, dtype=np.float32)
            with np.errstate(all="ignore"):
                for k in range(self.depth):
                    totals = totals + lhs[..., :, k : k + 1] * rhs[..., k : k + 1, :]
            return (totals,)
        sums = (lhs.astype(np.int64) - self.zero_points[0]) @ (
            rhs.astype(np.int64) - self.zero_points[1]
        )
        if self.dtype is DType.INT8:
            biased = sums if self.bias is None else sums + self.bias
            return (q.apply(wrap_int32(biased)).astype(np.int8),)
        scaled = wrap_int32(scale_wide(sums, q.multipliers, q.shifts) + q.zero_point)
        return (np.clip(scaled, q.clamp_min, q.clamp_max).astype(np.int16),)


@operator("BATCH_MATMUL")
def lower_batch_matmul(view: OperatorView) -> Layer:
    """Fold a BATCH_MATMUL."""
    lhs, rhs, output = two_operands(view, DType.FLOAT32, DType.INT8, DType.INT16)
    for tensor in (lhs, rhs):
        view.require_rank(tensor, *range(2, _MAX_RANK + 1))
    turned = view.option("adj_x", bool), view.option("adj_y", bool)
    shapes = [
        (*tensor.shape[:-2], *tensor.shape[:-3:-1]) if adjoint else tensor.shape
        for tensor, adjoint in zip((lhs, rhs), turned, strict=True)
    ]
    try:
        batches = np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2])
    except ValueError:
        view.invalid("the batches of its operands do not broadcast")
    if shapes[0][-1] != shapes[1][-2]:
        view.invalid(f"matrices of {shapes[0][-2:]} and {shapes[1][-2:]} do not multiply")
    view.require_shape(output, (*batches, shapes[0][-2], shapes[1][-1]))
    folded = None
    zero_points = (0, 0)
    if lhs.dtype is not DType.FLOAT32:
        zero_points = zero_point(view, lhs), zero_point(view, rhs)
        real = scale(view, lhs) * scale(view, rhs) / scale(view, output)
        folded = requantization(view, [real], output, INTEGER_RANGES[output.dtype])
        if lhs.dtype is DType.INT16 and (
            any(zero_points) or zero_point(view, output) or int(folded.shifts[0]) > 7
        ):
            view.invalid("an INT16 operand has a zero point other than 0, or too fine a scale")
    operands, inputs = view.operands()
    return BatchMatMul(
        operator=view.operator,
        inputs=inputs,
        outputs=(output.index,),
        operands=(operands[0], operands[1]),
        transposed=turned,
        output_shape=output.shape,
        dtype=lhs.dtype,
        zero_points=zero_points,
        requantization=folded,
    )
