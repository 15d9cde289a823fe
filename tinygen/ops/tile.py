# SPDX-License-Identifier: Apache-2.0
"""TILE. Semantics: LiteRT ``tile.cc`` (TFLM does not have it)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ops.registry import operator
from tinygen.ops.strided import MAX_DIMENSIONS, Canvas, constant_integers, move_layer
from tinygen.ops.view import OperatorView

_DTYPES = (
    DType.FLOAT32,
    DType.INT8,
    DType.INT16,
    DType.INT32,
    DType.INT64,
    DType.UINT8,
    DType.UINT32,
    DType.BOOL,
)
_MOST_COPIES = 64
"""Copies that the dimensions beyond the kernel's loops may be written out in."""


@operator("TILE", moves=True)
def lower_tile(view: OperatorView) -> Layer:
    """Fold a TILE by constant multiples: two loops a dimension, over the tiles and within one."""
    values, output = view.in_and_out(*_DTYPES, inputs=(2,))
    multiples = constant_integers(view, 1, DType.INT32, DType.INT64)
    rank = len(values.shape)
    if len(multiples) != rank or any(multiple < 1 for multiple in multiples):
        view.invalid(f"{multiples} are no multiples of {rank} dimensions")
    view.require_shape(output, tuple(np.multiply(values.shape, multiples).tolist()))
    # Of too many loops, those over the fewest tiles are written out.
    written_out = sorted(range(rank), key=multiples.__getitem__)[
        : max(0, 2 * rank - MAX_DIMENSIONS)
    ]
    if np.prod([multiples[axis] for axis in written_out]) > _MOST_COPIES:
        view.unsupported(f"it repeats {rank} dimensions of {list(values.shape)} {multiples} times")
    canvas = Canvas([values.shape], [output.shape])
    pairs = zip(multiples, values.shape, strict=True)
    tiles = canvas.sinks[0].reshape([extent for pair in pairs for extent in pair])
    one = canvas.sources[0].reshape([n for extent in values.shape for n in (1, extent)])
    spread: AnyArray = np.broadcast_to(one, tiles.shape)
    choices: list[Sequence[int | slice]] = [
        range(multiple) if axis in written_out else (slice(None),)
        for axis, multiple in enumerate(multiples)
    ]
    for chosen in product(*choices):
        where = tuple(index for choice in chosen for index in (choice, slice(None)))
        canvas.copy(spread[where], tiles[where])
    return move_layer(view, canvas, [values])
