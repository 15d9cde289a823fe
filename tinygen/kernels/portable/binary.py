# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of ADD and MUL."""

from __future__ import annotations

import math

from tinygen.kernels.binding import Binding
from tinygen.kernels.broadcast import broadcast_struct, too_many_axes
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import binary_binding
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.arithmetic import Add, Mul

_COSTS = Costs("portable.binary")


def _bind_add(layer: Add) -> Binding:
    parameters = struct(
        "tinygen_add_s8_params",
        layer,
        broadcast=broadcast_struct(layer),
        lhs={
            "offset": -layer.lhs_zero_point,
            "multiplier": layer.lhs_multiplier,
            "shift": layer.lhs_shift,
        },
        rhs={
            "offset": -layer.rhs_zero_point,
            "multiplier": layer.rhs_multiplier,
            "shift": layer.rhs_shift,
        },
    )
    return binary_binding(layer, "tinygen_add_s8", "portable/add_s8.h", parameters)


def _bind_mul(layer: Mul) -> Binding:
    parameters = struct(
        "tinygen_mul_s8_params",
        layer,
        broadcast=broadcast_struct(layer),
        lhs_offset=-layer.lhs_zero_point,
        rhs_offset=-layer.rhs_zero_point,
    )
    return binary_binding(layer, "tinygen_mul_s8", "portable/mul_s8.h", parameters)


@portable("add_s8", Add)
def add(layer: Add) -> Offer | Refusal:
    """ADD of int8 that broadcasts."""
    cycles = math.prod(layer.output_shape) * _COSTS.add_per_output
    return too_many_axes(layer) or Offer(cycles, lambda: _bind_add(layer))


@portable("mul_s8", Mul)
def mul(layer: Mul) -> Offer | Refusal:
    """MUL of int8 that broadcasts."""
    cycles = math.prod(layer.output_shape) * _COSTS.mul_per_output
    return too_many_axes(layer) or Offer(cycles, lambda: _bind_mul(layer))


KERNELS = (add, mul)
