# SPDX-License-Identifier: Apache-2.0
"""CAST.

Semantics: TFLM ``cast.cc``: C++ conversions. What they leave undefined (float32 beyond the range of
the integer) saturates to 32 bits and is then cut.
"""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinygen.ops.dtypes import SUFFIXES
from tinygen.ops.elementwise import elementwise, plain
from tinygen.ops.movement import Reshape
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

_SUFFIXES = {**SUFFIXES, DType.UINT32: "u32"}
_SOURCES = (
    DType.FLOAT32,
    DType.INT8,
    DType.INT16,
    DType.INT32,
    DType.UINT32,
    DType.BOOL,
)
_TARGETS = (DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32, DType.UINT32, DType.BOOL)


def _converted(values: AnyArray, target: DType) -> AnyArray:
    if values.dtype.kind != "f" or target in (DType.FLOAT32, DType.BOOL):
        return values.astype(target.numpy)
    low, high = (0, 2**32 - 1) if target is DType.UINT32 else (INT32_MIN, INT32_MAX)
    known = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=high, neginf=low)
    return np.clip(np.trunc(known), low, high).astype(np.int64).astype(target.numpy)


@operator("CAST")
def lower_cast(view: OperatorView) -> Layer:
    """Fold a CAST; the types are those of the tensors, not of the options."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, *_SOURCES)
    view.require_dtype(output, *_TARGETS)
    if values.dtype is output.dtype:
        view.require_shape(output, values.shape)
        return Reshape(
            **view.ports(values),
            output_shape=output.shape,
            dtype=output.dtype,
        )
    name = f"cast_{_SUFFIXES[values.dtype]}_{_SUFFIXES[output.dtype]}"
    return elementwise(view, plain(name, lambda x: _converted(x, output.dtype)), output)
