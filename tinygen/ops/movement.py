# SPDX-License-Identifier: Apache-2.0
"""CONCATENATION and RESHAPE: elements are moved, not computed, whatever their type.

Semantics: TFLM ``concatenation.cc`` and ``reshape_common.cc``. CONCATENATION does not rescale:
quantized inputs must have the output's scale and zero point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.ops.dtypes import BOOL, F32, I8, I16, I32, I64
from tinygen.ops.quantized import quantized_alike
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


@dataclass(frozen=True, eq=False, kw_only=True)
class Concatenation(Layer):
    """The operands one after the other along ``axis``; ``inputs`` has those that are no constants."""

    operands: tuple[Operand, ...]
    output_shape: tuple[int, ...]
    axis: int
    dtype: DType

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        return (np.concatenate(operand_values(self.operands, inputs), axis=self.axis),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(Layer):
    """The same elements in the same order under another shape."""

    output_shape: tuple[int, ...]
    dtype: DType

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (values,) = inputs
        return (values.reshape(self.output_shape).copy(),)


_CONCATENATED = (F32, I8, I16, I32, I64, BOOL)


def _check_quantized_alike(view: OperatorView, tensor: Tensor, output: Tensor) -> None:
    if output.dtype is DType.INT8 and not quantized_alike(view, tensor, output):
        view.unsupported(
            f"tensors {tensor.name!r} and {output.name!r} are quantized differently, and a "
            "concatenation does not rescale"
        )
    for one in (tensor, output):
        if one.dtype is DType.INT16 and one.quantization and any(one.quantization.zero_points):
            view.unsupported(f"tensor {one.name!r} is INT16 with a zero point other than 0")


@operator("CONCATENATION", moves=True, shares_scale=True)
def lower_concatenation(view: OperatorView) -> Layer:
    """Fold a CONCATENATION of one or more tensors, constants among them."""
    view.counts(range(1, len(view.operator.inputs) + 1))
    output = view.output()
    view.require_dtype(output, *_CONCATENATED)
    if view.activation != "NONE":
        view.unsupported("a fused activation is not supported")
    rank = len(output.shape)
    axis = view.option("axis", int)
    if not -rank <= axis < rank:
        view.invalid(f"the axis {axis} is outside the {rank} dimensions of its output")
    axis %= rank
    operands, inputs = view.operands()
    for position in range(len(operands)):
        tensor = view.input(position)
        view.require_dtype(tensor, output.dtype)
        _check_quantized_alike(view, tensor, output)
        if len(tensor.shape) != rank or any(
            extent != output.shape[i] for i, extent in enumerate(tensor.shape) if i != axis
        ):
            view.invalid(
                f"tensor {tensor.name!r} of shape {list(tensor.shape)} does not fit into "
                f"{output.name!r} of shape {list(output.shape)} along axis {axis}"
            )
    total = sum(operand.shape[axis] for operand in operands)
    view.require_shape(output, (*output.shape[:axis], total, *output.shape[axis + 1 :]))
    view.require_activation(output)
    return Concatenation(
        operator=view.operator,
        inputs=inputs,
        outputs=(output.index,),
        operands=operands,
        output_shape=output.shape,
        axis=axis,
        dtype=output.dtype,
    )


@operator("RESHAPE", moves=True, shares_scale=True)
def lower_reshape(view: OperatorView) -> Layer:
    """Fold a RESHAPE; the output tensor's shape decides, as in TFLM, not the shape operand."""
    view.counts((1, 2))
    values, output = view.input(0), view.output()
    view.require_dtype(output, values.dtype)
    if values.elements != output.elements:
        view.invalid(
            f"tensor {values.name!r} of shape {list(values.shape)} cannot take the shape "
            f"{list(output.shape)}"
        )
    return Reshape(**view.ports(values), output_shape=output.shape, dtype=output.dtype)
