# SPDX-License-Identifier: Apache-2.0
"""PAD and PADV2, int8.

Semantics: TFLM ``pad_common.cc`` and ``reference_ops::Pad``. PAD writes the output's zero point,
PADV2 its constant, which must be quantized as the output is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ops.padding import PLAIN_PADS
from tinygen.ops.quantized import scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Layer):
    """The input with ``paddings[axis] = (before, after)`` elements of ``value`` around it."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    paddings: tuple[tuple[int, int], ...]
    value: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 tensor."""
        (values,) = inputs
        return (np.pad(values, self.paddings, constant_values=self.value),)


def _paddings(view: OperatorView, rank: int) -> tuple[tuple[int, int], ...]:
    tensor = view.input(1)
    view.require_dtype(tensor, DType.INT32)
    values = view.require_constant(tensor).reshape(-1).tolist()
    if len(values) != 2 * rank:
        view.invalid(f"tensor {tensor.name!r} has {len(values)} paddings for {rank} dimensions")
    if any(value < 0 for value in values):
        view.invalid(f"tensor {tensor.name!r} has a negative padding")
    return tuple(zip(values[0::2], values[1::2], strict=True))


def _value(view: OperatorView) -> int:
    output = view.output()
    if len(view.operator.inputs) == 2:
        return zero_point(view, output)
    constant = view.input(2)
    view.require_dtype(constant, DType.INT8)
    values = view.require_constant(constant)
    if values.size != 1:
        view.invalid(f"tensor {constant.name!r} has {values.size} elements where one is expected")
    if zero_point(view, constant) != zero_point(view, output) or scale(view, constant) != scale(
        view, output
    ):
        view.invalid(f"tensors {constant.name!r} and {output.name!r} are quantized differently")
    return int(values.reshape(-1)[0])


@operator("PAD", types=PLAIN_PADS, moves=True, shares_scale=True)
@operator("PADV2", types=PLAIN_PADS, moves=True)
def lower_pad(view: OperatorView) -> Layer:
    """Fold a PAD or PADV2 with constant paddings and value."""
    view.counts((2, 3))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.INT8)
    view.require_dtype(output, DType.INT8)
    view.require_rank(values, *range(6))
    paddings = _paddings(view, len(values.shape))
    view.require_shape(
        output,
        tuple(
            before + extent + after
            for extent, (before, after) in zip(values.shape, paddings, strict=True)
        ),
    )
    return Pad(
        operator=view.operator,
        inputs=(view.require_activation(values),),
        outputs=(output.index,),
        input_shape=values.shape,
        output_shape=output.shape,
        paddings=paddings,
        value=_value(view),
    )
