# SPDX-License-Identifier: Apache-2.0
"""ADD with Helium: ``mve/add_s8.h``."""

from __future__ import annotations

import numpy as np

from tinygen.kernels.binding import Binding, Call, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.mve.base import helium
from tinygen.kernels.overlap import same_place
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import multiply_by_quantized_multiplier
from tinygen.ops.arithmetic import Add
from tinygen.requantize.fitted_sum import FittedSum, fit_sum

_MOST_SHIFT = 24
_COSTS = Costs("mve.add")


def _fit(layer: Add) -> FittedSum | None:
    every = np.arange(-128, 128, dtype=np.int32)
    scaled = [
        multiply_by_quantized_multiplier(
            (every - np.int32(zero_point)) << layer.left_shift, multiplier, shift
        )
        for zero_point, multiplier, shift in (
            (layer.lhs_zero_point, layer.lhs_multiplier, layer.lhs_shift),
            (layer.rhs_zero_point, layer.rhs_multiplier, layer.rhs_shift),
        )
    ]
    q = layer.requantization
    outputs = q.apply((scaled[0][:, None] + scaled[1][None, :])[..., None])[..., 0]
    last = float(q.multipliers[0]) * 2.0 ** (int(q.shifts[0]) - 31)
    lhs, rhs = (
        multiplier * 2.0 ** (shift - 31 + layer.left_shift) * last
        for multiplier, shift in (
            (layer.lhs_multiplier, layer.lhs_shift),
            (layer.rhs_multiplier, layer.rhs_shift),
        )
    )
    addend = q.zero_point + 0.5 - layer.lhs_zero_point * lhs - layer.rhs_zero_point * rhs
    return fit_sum(
        outputs.astype(np.int64), (lhs, rhs), addend, (q.clamp_min, q.clamp_max), _MOST_SHIFT
    )


def _count(layer: Add) -> int:
    return int(np.prod(layer.output_shape, dtype=np.int64))


def _bind(layer: Add, found: FittedSum) -> Binding:
    parameters = struct(
        "tinygen_mve_add_s8_params",
        layer.requantization,
        count=_count(layer),
        lhs_multiplier=found.lhs,
        rhs_multiplier=found.rhs,
        addend=found.addend,
        left=_MOST_SHIFT - found.shift,
    )
    lhs, rhs = layer.inputs
    (output,) = layer.outputs
    return Binding(
        calls=(
            Call(
                "tinygen_mve_add_s8",
                (
                    parameters,
                    TensorArgument(lhs),
                    TensorArgument(rhs),
                    TensorArgument(output, writable=True),
                ),
            ),
        ),
        headers=("mve/add_s8.h",),
        overlaps=tuple(same_place(tensor, output) for tensor in sorted({lhs, rhs})),
        notes=("requantization: fitted, checked for all 65,536 pairs of operands",),
    )


@helium("add_s8", Add)
def add_s8(layer: Add) -> Offer | Refusal:
    """Two tensors of one shape."""
    if len(layer.inputs) != 2 or layer.lhs.shape != layer.rhs.shape:
        return Refusal("neither broadcasts nor adds constants")
    if layer.requantization.clamp_min > layer.requantization.clamp_max:
        return Refusal("no empty activation range")
    found = _fit(layer)
    if found is None:
        return Refusal("no constants were found for its requantization")
    instructions = _COSTS.call_instructions + _COSTS.instructions * _count(layer)
    return Offer(instructions * _COSTS.per_instruction, lambda: _bind(layer, found))


KERNELS = (add_s8,)
