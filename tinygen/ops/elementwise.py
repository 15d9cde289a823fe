# SPDX-License-Identifier: Apache-2.0
"""Layers of elementwise operators: a function of one, two or three operands that broadcast.

A ``Function`` couples the NumPy semantics with the name of the C kernel that has the same; the
lowerings of the operators are in ``arithmetic`` (two operands), ``unary`` and ``lookup``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.ops.view import OperatorView

Parameters = Mapping[str, int | float]

Compute = Callable[..., AnyArray]
"""``compute(parameters, *operands)``: the operands broadcast, in their own types."""


@dataclass(frozen=True)
class Function:
    """An elementwise function.

    ``kernel`` is the C function without ``tinygen_`` and ``header`` where it is; ``parameters_type``
    is its parameter struct. ``tolerance_ulp`` is its distance from TFLM's result.
    """

    kernel: str
    header: str
    parameters_type: str
    compute: Compute
    tolerance_ulp: int = 0
    cycles: float = 20.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Elementwise(Layer):
    """out[i] = function(operands[i]), the operands broadcast to ``output_shape``.

    ``parameters`` are the fields of the C struct, in its order.
    """

    function: Function
    operands: tuple[Operand, ...]
    operand_dtypes: tuple[DType, ...]
    output_shape: tuple[int, ...]
    output_dtype: DType
    parameters: Parameters

    @property
    def tolerance_ulp(self) -> int:
        """That of the function."""
        return self.function.tolerance_ulp

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        values = operand_values(self.operands, inputs)
        spread = [np.broadcast_to(value, self.output_shape) for value in values]
        with np.errstate(all="ignore"):
            result = self.function.compute(self.parameters, *spread)
        return (np.ascontiguousarray(result.astype(self.output_dtype.numpy)),)


def elementwise(
    view: OperatorView, function: Function, output: Tensor, parameters: Parameters | None = None
) -> Elementwise:
    """The layer of an operator all of whose inputs are operands of the function."""
    operands, inputs = view.operands()
    tensors = [view.input(position) for position in range(len(operands))]
    if not inputs:
        view.unsupported("all of its operands are constants")
    try:
        shape = np.broadcast_shapes(*(tensor.shape for tensor in tensors))
    except ValueError:
        shapes = " and ".join(str(list(tensor.shape)) for tensor in tensors)
        view.invalid(f"operands of shapes {shapes} do not broadcast")
    view.require_shape(output, shape)
    return Elementwise(
        operator=view.operator,
        inputs=inputs,
        outputs=(output.index,),
        function=function,
        operands=operands,
        operand_dtypes=tuple(tensor.dtype for tensor in tensors),
        output_shape=shape,
        output_dtype=output.dtype,
        parameters=parameters or {"unused": 0},
    )
