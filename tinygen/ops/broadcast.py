# SPDX-License-Identifier: Apache-2.0
"""BROADCAST_TO. Semantics: TFLM ``broadcast_to.cc``."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ops.dtypes import BOOL, F32, I8, I16, I32, I64, U8
from tinygen.ops.registry import operator
from tinygen.ops.strided import Canvas, constant_integers, move_layer
from tinygen.ops.view import OperatorView


@operator("BROADCAST_TO", moves=True)
def lower_broadcast_to(view: OperatorView) -> Layer:
    """Fold a BROADCAST_TO a constant shape."""
    values, output = view.in_and_out(F32, I8, I16, I32, I64, U8, DType.UINT32, BOOL, inputs=(2,))
    view.require_shape(output, tuple(constant_integers(view, 1, I32, I64)))
    if len(output.shape) > 5:
        view.unsupported(
            f"tensor {output.name!r} has {len(output.shape)} dimensions, TFLM broadcasts to 5 at most"
        )
    canvas = Canvas([values.shape], [output.shape])
    try:
        spread: AnyArray = np.broadcast_to(canvas.sources[0], output.shape)
    except ValueError:
        view.invalid(f"{list(values.shape)} does not broadcast to {list(output.shape)}")
    canvas.copy(spread, canvas.sinks[0])
    return move_layer(view, canvas, [values])
