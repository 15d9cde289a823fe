# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of ADD and MUL, which do not broadcast."""

from __future__ import annotations

import math

from tinygen.hardware.cores import Core
from tinygen.kernels.binding import Binding, Field, TensorArgument
from tinygen.kernels.cmsis_nn import costs
from tinygen.kernels.cmsis_nn.base import bound, library_function, rounds_otherwise
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import operand_arguments
from tinygen.ops.arithmetic import Add, Binary, Mul

_ADD = "arm_elementwise_add_s8"
_MUL = "arm_elementwise_mul_s8"


def _refusal(layer: Binary) -> Refusal | None:
    elements = math.prod(layer.output_shape)
    if any(math.prod(operand.shape) != elements for operand in (layer.lhs, layer.rhs)):
        return Refusal("cannot broadcast")
    return rounds_otherwise(layer.requantization)


def _binding(
    declarations: Declarations, function: str, layer: Binary, values: dict[str, Field]
) -> Binding:
    lhs, rhs = operand_arguments(layer, (layer.lhs, layer.rhs), ("operand_1", "operand_2"))
    q = layer.requantization
    call = declarations.call(
        function,
        {
            "input_1_vect": lhs,
            "input_2_vect": rhs,
            "input_1_offset": -layer.lhs_zero_point,
            "input_2_offset": -layer.rhs_zero_point,
            "output": TensorArgument(layer.outputs[0], writable=True),
            "out_offset": q.zero_point,
            "out_mult": int(q.multipliers[0]),
            "out_shift": int(q.shifts[0]),
            "out_activation_min": q.clamp_min,
            "out_activation_max": q.clamp_max,
            "block_size": math.prod(layer.output_shape),
            **values,
        },
    )
    return Binding(calls=(call,))


@library_function(_ADD, Add)
def add(declarations: Declarations, layer: Add, core: Core) -> Offer | Refusal:
    """Every release does the same."""
    values: dict[str, Field] = {
        "input_1_mult": layer.lhs_multiplier,
        "input_1_shift": layer.lhs_shift,
        "input_2_mult": layer.rhs_multiplier,
        "input_2_shift": layer.rhs_shift,
        "left_shift": layer.left_shift,
    }
    return _refusal(layer) or bound(
        costs.add(layer, core), _binding(declarations, _ADD, layer, values)
    )


@library_function(_MUL, Mul)
def mul(declarations: Declarations, layer: Mul, core: Core) -> Offer | Refusal:
    """Every release does the same."""
    return _refusal(layer) or bound(
        costs.multiply(layer, core), _binding(declarations, _MUL, layer, {})
    )


FUNCTIONS = (add, mul)
