# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE and REVERSE_V2. Semantics: the TFLM files of those names."""

from __future__ import annotations

import numpy as np

from tinygen.ir.layer import Layer
from tinygen.ops.dtypes import BOOL, F32, I8, I16, I32, I64, U8
from tinygen.ops.registry import operator
from tinygen.ops.strided import checked_axis, constant_integers, rearranged
from tinygen.ops.view import OperatorView


@operator("TRANSPOSE", moves=True, shares_scale=True)
def lower_transpose(view: OperatorView) -> Layer:
    """Fold a TRANSPOSE with a constant permutation."""
    values, output = view.in_and_out(F32, I8, I16, inputs=(2,))
    permutation = constant_integers(view, 1)
    rank = len(values.shape)
    if sorted(permutation) != list(range(rank)):
        view.invalid(f"{permutation} is no permutation of {rank} dimensions")
    if rank > 5:
        view.unsupported(f"tensor {values.name!r} has {rank} dimensions, TFLM transposes 5 at most")
    view.require_shape(output, tuple(values.shape[axis] for axis in permutation))
    return rearranged(view, values, lambda source: source.transpose(permutation))


@operator("REVERSE_V2", moves=True)
def lower_reverse_v2(view: OperatorView) -> Layer:
    """Fold a REVERSE_V2 along constant neighbouring axes."""
    values, output = view.in_and_out(F32, I8, I16, I32, I64, U8, BOOL, inputs=(2,))
    view.require_shape(output, values.shape)
    rank = len(values.shape)
    axes = sorted({checked_axis(view, axis, rank) for axis in constant_integers(view, 1)})
    if axes != list(range(axes[0], axes[0] + len(axes))):
        view.unsupported(f"the axes {axes} are not neighbours, which TFLM rejects")
    return rearranged(view, values, lambda source: np.flip(source, tuple(axes)))
