# SPDX-License-Identifier: Apache-2.0
"""Operators on constants that TFLM has no kernels for, but converters leave in models.

Shape arithmetic in int32 and int64 (GATHER of a shape, REDUCE_PROD, ...), and the DEQUANTIZE of float16
weights. Semantics: LiteRT's reference kernels. Whatever does not fit together is not folded, and is
refused by lowering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Operator, Tensor

_INTEGERS = (DType.INT32, DType.INT64)


def integer_result(operator: Operator, inputs: Sequence[Tensor], output: Tensor) -> AnyArray | None:
    """The operator's one output, or None if it is not one of those here or contradicts itself.

    ``inputs`` are all constants.
    """
    if operator.opcode == "DEQUANTIZE":
        return _from_float16(inputs[0], output)
    evaluate = _EVALUATORS.get(operator.opcode)
    if evaluate is None or any(t.dtype not in _INTEGERS for t in (*inputs, output)):
        return None
    values = [tensor.data for tensor in inputs if tensor.data is not None]
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(evaluate(operator.options, *values))
    except (ValueError, IndexError, TypeError, ZeroDivisionError):
        return None
    if result.shape != output.shape:
        return None
    folded: AnyArray = result.astype(output.dtype.numpy)
    return folded


def _from_float16(values: Tensor, output: Tensor) -> AnyArray | None:
    fits = (values.dtype, output.dtype) == (DType.FLOAT16, DType.FLOAT32)
    if not fits or values.data is None or values.shape != output.shape:
        return None
    widened: AnyArray = values.data.astype(np.float32)
    return widened


Options = Mapping[str, Any]


def _reducing(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(options: Options, values: AnyArray, axes: AnyArray) -> Any:
        axis = tuple(int(a) for a in axes.reshape(-1))
        return reduce(values, axis=axis, keepdims=bool(options.get("keep_dims", False)))

    return evaluate


def _binary(compute: Callable[[AnyArray, AnyArray], Any]) -> Callable[..., Any]:
    return lambda options, a, b: compute(a, b)  # noqa: ARG005


def _gather(options: Options, values: AnyArray, indices: AnyArray) -> Any:
    if options.get("batch_dims", 0) != 0 or (indices < 0).any():
        raise ValueError
    return np.take(values, indices, axis=int(options.get("axis", 0)))


def _dividing(compute: Callable[[AnyArray, AnyArray], Any]) -> Callable[..., Any]:
    def evaluate(options: Options, a: AnyArray, b: AnyArray) -> Any:  # noqa: ARG001
        if (b == 0).any():
            raise ZeroDivisionError
        return compute(a, b)

    return evaluate


_EVALUATORS: Mapping[str, Callable[..., Any]] = {
    "EXPAND_DIMS": lambda options, values, axis: np.expand_dims(values, int(axis.reshape(()))),  # noqa: ARG005
    "FLOOR_DIV": _dividing(np.floor_divide),
    "FLOOR_MOD": _dividing(np.mod),
    "GATHER": _gather,
    "MAXIMUM": _binary(np.maximum),
    "MINIMUM": _binary(np.minimum),
    "MUL": _binary(np.multiply),
    "RANGE": lambda options, start, limit, step: np.arange(int(start), int(limit), int(step)),  # noqa: ARG005
    "REDUCE_MAX": _reducing(np.max),
    "REDUCE_MIN": _reducing(np.min),
    "REDUCE_PROD": _reducing(np.prod),
    "SUM": _reducing(np.sum),
    "TILE": lambda options, values, counts: np.tile(values, counts.reshape(-1)),  # noqa: ARG005
}
