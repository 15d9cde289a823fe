# SPDX-License-Identifier: Apache-2.0
"""Layers of elementwise operators: a function of one, two or three operands that broadcast.

A ``Function`` is the NumPy semantics under a name; the C function of that name has the same, of which
``kernels.portable.elementwise`` knows the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.ir.window import Axis
from tinygen.ops.view import OperatorView

Parameters = Mapping[str, int | float]

Compute = Callable[..., AnyArray]
"""``compute(parameters, *operands)``: the operands broadcast, in their own types."""


@dataclass(frozen=True)
class Function:
    """An elementwise function.

    ``name`` is the C function's, without ``tinygen_``; it ends with the type. ``tolerance_ulp`` and
    ``tolerance_from`` are its distance from TFLM's result: 0 unless it evaluates real functions.
    """

    name: str
    compute: Compute
    tolerance_ulp: int = 0
    tolerance_from: float = 0.0


_IMAGE_RANK = 4


def _is_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == _IMAGE_RANK and shape[0] == 1


def _row_for_row(layer: Layer, shape: tuple[int, ...]) -> tuple[Axis, ...] | None:
    """Every run-time input is read at the output's own row."""
    if not _is_image(shape):
        return None
    return tuple(Axis(shape[1], shape[1], 1, 1, 1, 0) for _ in layer.inputs)


def _row_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], 1, *shape[2:])


def _row_operand(operand: Operand) -> Operand | None:
    """The operand of one row; None for a constant that differs from row to row."""
    shape = operand.shape
    if operand.constant is None:
        return Operand(_row_of(shape), None)
    height_axis = len(shape) - (_IMAGE_RANK - 1)
    return operand if height_axis < 0 or shape[height_axis] == 1 else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Pointwise(Layer):
    """A function of each element of one tensor."""

    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class RowByRow(Pointwise):
    """One that can be computed a row at a time."""

    @property
    def row_axes(self) -> tuple[Axis, ...] | None:
        """Row for row."""
        return _row_for_row(self, self.shape)

    def one_row(self) -> Layer | None:
        """All rows are computed alike."""
        return replace(self, shape=_row_of(self.shape)) if _is_image(self.shape) else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Broadcast(Layer):
    """A function of the elements of ``operands``, which broadcast to ``output_shape``.

    ``inputs`` has just the operands that are no constants, in order.
    """

    operands: tuple[Operand, ...]
    output_shape: tuple[int, ...]

    @property
    def row_axes(self) -> tuple[Axis, ...] | None:
        """Row for row, unless a run-time operand is spread."""
        shapes = {operand.shape for operand in self.operands if operand.constant is None}
        return _row_for_row(self, self.output_shape) if shapes == {self.output_shape} else None

    def one_row(self) -> Layer | None:
        """All rows are computed alike but for constants that differ from row to row."""
        rows = tuple(row for row in map(_row_operand, self.operands) if row is not None)
        if self.row_axes is None or len(rows) != len(self.operands):
            return None
        return replace(self, operands=rows, output_shape=_row_of(self.output_shape))


@dataclass(frozen=True, eq=False, kw_only=True)
class Elementwise(Broadcast):
    """out[i] = function(operands[i]), the operands broadcast to ``output_shape``.

    ``parameters`` are the fields of the C struct, in its order.
    """

    function: Function
    operand_dtypes: tuple[DType, ...]
    output_dtype: DType
    parameters: Parameters

    @property
    def tolerance_ulp(self) -> int:
        """That of the function."""
        return self.function.tolerance_ulp

    @property
    def tolerance_from(self) -> float:
        """That of the function."""
        return self.function.tolerance_from

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
        parameters=parameters or {},
    )


def plain(
    name: str,
    compute: Callable[..., AnyArray],
    tolerance_ulp: int = 0,
    tolerance_from: float = 0.0,
) -> Function:
    """A function without parameters: ``compute(*operands)``."""
    return Function(name, lambda _, *x: compute(*x), tolerance_ulp, tolerance_from)


def one_operand(view: OperatorView, *dtypes: DType) -> tuple[Tensor, Tensor]:
    """The only operand, of one type among those given, and the output of the same type and shape."""
    values, output = view.in_and_out(*dtypes)
    view.require_shape(output, values.shape)
    return values, output


def two_operands(
    view: OperatorView, *dtypes: DType, to: DType | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Both operands, of one type among those given, and the output, of theirs too or of ``to``."""
    view.counts((2,))
    lhs, rhs, output = view.input(0), view.input(1), view.output()
    view.require_dtype(lhs, *dtypes)
    view.require_dtype(rhs, lhs.dtype)
    view.require_dtype(output, to or lhs.dtype)
    return lhs, rhs, output


def wide(a: AnyArray) -> AnyArray:
    """The values as int64, in which no sum or product of two of them overflows."""
    return a.astype(np.int64)


_FLOAT_MAX = float(np.finfo(np.float32).max)
_FLOAT_CLAMPS = {
    "NONE": (-_FLOAT_MAX, _FLOAT_MAX),
    "RELU": (0.0, _FLOAT_MAX),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def float_clamp(view: OperatorView) -> dict[str, float]:
    """The clamp of a fused activation of float32; NONE still limits to finite values."""
    activation = view.activation
    if activation not in _FLOAT_CLAMPS:
        view.unsupported(f"the fused activation {activation} is not supported")
    low, high = _FLOAT_CLAMPS[activation]
    return {"clamp_min": low, "clamp_max": high}


def clamp_float(p: Parameters, values: AnyArray) -> AnyArray:
    """Limit float32 values as C++ ``min(max(x, low), high)``: NaN stays."""
    low, high = np.float32(p["clamp_min"]), np.float32(p["clamp_max"])
    raised = np.where(values < low, low, values)
    return np.where(high < raised, high, raised).astype(np.float32)
