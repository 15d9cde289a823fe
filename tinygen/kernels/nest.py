# SPDX-License-Identifier: Apache-2.0
"""``tinygen_nest``: loops over up to three arrays by strides."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygen.kernels.binding import Struct
from tinygen.kernels.structs import struct

OUTER = 5
"""Loops around the innermost."""
_ARRAYS = 3

Loop = tuple[int, tuple[int, ...]]
"""Extent of a loop, and the step of every array from one index to the next."""


def merged(loops: Sequence[Loop]) -> list[Loop]:
    """The same loops, without those of extent 1, and with those that continue each other joined."""
    result: list[Loop] = []
    for extent, steps in loops:
        if extent == 1:
            continue
        if result and all(
            outer == extent * inner for outer, inner in zip(result[-1][1], steps, strict=True)
        ):
            result[-1] = (result[-1][0] * extent, steps)
        else:
            result.append((extent, steps))
    return result


def nest_struct(loops: Sequence[Loop], label: str = "parameters") -> Struct:
    """The struct of these loops, outermost first; at most 6."""
    assert len(loops) <= OUTER + 1, loops
    *outer, inner = list(loops) or [(1, (0,))]
    padded = [(1, (0,))] * (OUTER - len(outer)) + outer

    def step(loop: Loop, array: int) -> int:
        return loop[1][array] if array < len(loop[1]) else 0

    return struct(
        "tinygen_nest",
        None,
        label,
        rows=math.prod(extent for extent, _ in outer),
        row_length=inner[0],
        row_step=[step(inner, k) for k in range(_ARRAYS)],
        extents=[extent for extent, _ in padded],
        steps=[[step(loop, k) for loop in padded] for k in range(_ARRAYS)],
    )


def broadcast_loops(
    output_shape: tuple[int, ...], operands: Sequence[tuple[int, ...]]
) -> list[Loop]:
    """Loops over the output in order, with the step of every operand: 0 where it is repeated."""
    rank = len(output_shape)
    steps = []
    for shape in operands:
        padded = (1,) * (rank - len(shape)) + tuple(shape)
        strides = [math.prod(padded[axis + 1 :]) for axis in range(rank)]
        steps.append(
            [0 if extent == 1 else stride for extent, stride in zip(padded, strides, strict=True)]
        )
    return merged(
        [(extent, tuple(step[axis] for step in steps)) for axis, extent in enumerate(output_shape)]
    )


def axis_loops(shape: tuple[int, ...], axes: Sequence[int]) -> list[Loop]:
    """Loops along some axes of an array."""
    return merged([(shape[axis], (math.prod(shape[axis + 1 :]),)) for axis in axes])
