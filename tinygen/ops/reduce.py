# SPDX-License-Identifier: Apache-2.0
"""SUM, MEAN, REDUCE_MAX, REDUCE_MIN, REDUCE_ALL, ARG_MAX and ARG_MIN.

Semantics: TFLM ``reduce_common.cc``, ``reference_ops::ReduceGeneric`` and ``QuantizedMeanOrSum``,
``arg_min_max.cc``. float32 is summed in the order of memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Numerics, Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis
from tinygen.numerics.fixed_point import Requantization, wrap_int32
from tinygen.ops.quantized import quantized_alike, rescale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.strided import constant_integers
from tinygen.ops.view import OperatorView


@dataclass(frozen=True, eq=False, kw_only=True)
class Reduce(Layer):
    """One output from all elements along ``axes`` (ascending, each once).

    ``kind`` is sum, max, min, all, arg_max or arg_min. Quantized sums are requantized, float32 ones
    divided by ``divisor``.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    axes: tuple[int, ...]
    kind: str
    dtype: DType
    divisor: float = 1.0
    input_zero_point: int = 0
    requantization: Requantization | None = None

    @property
    def terms(self) -> int:
        """Elements that each output is made of."""
        return math.prod(self.input_shape[axis] for axis in self.axes)

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (values,) = inputs
        kept = [axis for axis in range(values.ndim) if axis not in self.axes]
        rows = values.transpose([*kept, *self.axes]).reshape(-1, self.terms)
        result = _KINDS[self.kind](self, rows)
        return (np.ascontiguousarray(result).reshape(self.output_shape),)


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

    @property
    def row_axes(self) -> tuple[Axis, ...] | None:
        """All rows go into the one of the output, where it is a mean over height and width."""
        if len(self.input_shape) != 4 or self.input_shape[0] != 1 or self.axes != (1, 2):
            return None
        height = self.input_shape[1]
        return (Axis(height, 1, height, 1, 1, 0),)

    @property
    def accumulates(self) -> bool:
        """Whether it has rows."""
        return self.row_axes is not None

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 tensor."""
        (values,) = inputs
        centred = values.astype(np.int64) - self.input_zero_point
        sums = wrap_int32(np.asarray(centred.sum(axis=self.axes)))
        return (self.requantization.apply(sums).reshape(self.output_shape).astype(np.int8),)


def _sum(layer: Reduce, rows: AnyArray) -> AnyArray:
    if layer.requantization is not None:
        centred = rows.astype(np.int64).sum(axis=1) - layer.input_zero_point * layer.terms
        return layer.requantization.apply(wrap_int32(centred)).astype(layer.dtype.numpy)
    total = np.zeros(len(rows), dtype=np.float32)
    with np.errstate(all="ignore"):
        for c in range(rows.shape[1]):
            total = total + rows[:, c]
        divided: AnyArray = total / np.float32(layer.divisor)
    return divided


_KINDS: dict[str, Callable[[Reduce, AnyArray], AnyArray]] = {
    "sum": _sum,
    "max": lambda layer, rows: rows.max(axis=1),  # noqa: ARG005
    "min": lambda layer, rows: rows.min(axis=1),  # noqa: ARG005
    "all": lambda layer, rows: np.asarray(rows.all(axis=1)),  # noqa: ARG005
    "arg_max": lambda layer, rows: rows.argmax(axis=1).astype(np.int32),  # noqa: ARG005
    "arg_min": lambda layer, rows: rows.argmin(axis=1).astype(np.int32),  # noqa: ARG005
}


def _axes(view: OperatorView, rank: int) -> tuple[int, ...]:
    axes = set()
    for axis in constant_integers(view, 1):
        if not -rank <= axis < rank:
            view.invalid(f"the axis {axis} is outside the {rank} dimensions of its input")
        axes.add(axis % rank)
    return tuple(sorted(axes))


def _checked(view: OperatorView, *dtypes: DType) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    values, output = view.in_and_out(*dtypes, inputs=(2,))
    axes = _axes(view, len(values.shape))
    keep = view.option("keep_dims", bool)
    view.require_shape(
        output,
        tuple(
            1 if axis in axes else extent
            for axis, extent in enumerate(values.shape)
            if keep or axis not in axes
        ),
    )
    return values, output, axes


def _layer(view: OperatorView, axes: tuple[int, ...], kind: str, **others: object) -> Reduce:
    values, output = view.input(0), view.output()
    return Reduce(
        **view.ports(values),
        input_shape=values.shape,
        output_shape=output.shape,
        axes=axes,
        kind=kind,
        dtype=values.dtype,
        **others,  # type: ignore[arg-type]
    )


def _divided(requantization: Requantization, count: int) -> Requantization:
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


@operator("SUM")
def lower_sum(view: OperatorView) -> Layer:
    """Fold a SUM, or a MEAN of float32 or int16."""
    is_mean = view.operator.opcode == "MEAN"
    values, output, axes = _checked(view, DType.FLOAT32, DType.INT8, DType.INT16)
    terms = math.prod(values.shape[axis] for axis in axes)
    if values.dtype is DType.FLOAT32:
        return _layer(view, axes, "sum", divisor=float(terms) if is_mean else 1.0)
    if view.numerics is Numerics.LITERT and not is_mean:
        view.unsupported(
            f"LiteRT's reference computes a SUM of {values.dtype.value} in floating point, which is "
            "not built",
            "Compile it with --numerics tflm.",
        )
    folded = rescale(view, values, output)
    return _layer(
        view,
        axes,
        "sum",
        input_zero_point=zero_point(view, values),
        requantization=_divided(folded, terms) if is_mean else folded,
    )


@operator("MEAN", types={DType.FLOAT32: lower_sum, DType.INT16: lower_sum})
def lower_int8_mean(view: OperatorView) -> Layer:
    """Fold a MEAN of int8 with constant axes."""
    values, output, axes = _checked(view, DType.INT8)
    return Mean(
        **view.ports(values),
        input_shape=values.shape,
        output_shape=output.shape,
        axes=axes,
        input_zero_point=zero_point(view, values),
        requantization=_divided(
            rescale(view, values, output), math.prod(values.shape[axis] for axis in axes)
        ),
    )


@operator("REDUCE_MAX", "REDUCE_MIN")
def lower_reduce_extremum(view: OperatorView) -> Layer:
    """Fold a REDUCE_MAX or REDUCE_MIN, whose output is quantized as its input."""
    values, output, axes = _checked(view, DType.FLOAT32, DType.INT8)
    if values.dtype is DType.INT8 and not quantized_alike(view, values, output):
        view.invalid("its input and output are quantized differently")
    return _layer(view, axes, "max" if view.operator.opcode == "REDUCE_MAX" else "min")


@operator("REDUCE_ALL")
def lower_reduce_all(view: OperatorView) -> Layer:
    """Fold a REDUCE_ALL of booleans."""
    _, _, axes = _checked(view, DType.BOOL)
    return _layer(view, axes, "all")


@operator("ARG_MAX", "ARG_MIN")
def lower_arg_extremum(view: OperatorView) -> Layer:
    """Fold an ARG_MAX or ARG_MIN along one constant axis, to int32; the first of equals wins."""
    view.counts((2,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.FLOAT32, DType.INT8)
    view.require_dtype(output, DType.INT32)
    axes = _axes(view, len(values.shape))
    if len(axes) != 1:
        view.invalid(f"it takes one axis, not {list(axes)}")
    view.require_shape(output, values.shape[: axes[0]] + values.shape[axes[0] + 1 :])
    return _layer(view, axes, "arg_max" if view.operator.opcode == "ARG_MAX" else "arg_min")
