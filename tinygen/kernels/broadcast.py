# SPDX-License-Identifier: Apache-2.0
"""``tinygen_broadcast``: how ADD and MUL go through operands of different shapes."""

from __future__ import annotations

import math

from tinygen.kernels.binding import Struct
from tinygen.kernels.kernel import Refusal
from tinygen.kernels.nest import OUTER, Loop, broadcast_loops
from tinygen.kernels.structs import struct
from tinygen.ops.arithmetic import Binary


def _loops(layer: Binary) -> list[Loop]:
    return broadcast_loops(layer.output_shape, [layer.lhs.shape, layer.rhs.shape]) or [(1, (0, 0))]


def too_many_axes(layer: Binary) -> Refusal | None:
    """The refusal of a layer whose loops the struct cannot hold."""
    axes = len(_loops(layer))
    many = axes > OUTER + 1
    return Refusal(f"broadcasts along {axes} axes, of {OUTER + 1}") if many else None


def broadcast_struct(layer: Binary) -> Struct:
    """The struct of a layer that has no more axes than it holds."""
    *outer, (row_length, row_steps) = _loops(layer)
    outer = [(1, (0, 0))] * (OUTER - len(outer)) + outer
    return struct(
        "tinygen_broadcast",
        rows=math.prod(extent for extent, _ in outer),
        row_length=row_length,
        lhs_step=row_steps[0],
        rhs_step=row_steps[1],
        extents=[extent for extent, _ in outer],
        lhs_steps=[steps[0] for _, steps in outer],
        rhs_steps=[steps[1] for _, steps in outer],
    )
