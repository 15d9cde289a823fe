# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of ADD and MUL, which do not broadcast."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygen.hardware.cores import Core
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Constant, ConstantArgument, Field, TensorArgument
from tinygen.kernels.cmsis_nn import costs
from tinygen.kernels.cmsis_nn.base import CmsisNNKernel, rounds_otherwise
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.ops.binary import Add, Binary, Mul

_ADD = "arm_elementwise_add_s8"
_MUL = "arm_elementwise_mul_s8"


def _refuses(
    declarations: Declarations,  # noqa: ARG001 - every release does the same
    layer: Binary,
    core: Core,  # noqa: ARG001 - as on every core
) -> str | None:
    elements = math.prod(layer.output_shape)
    if any(math.prod(operand.shape) != elements for operand in (layer.lhs, layer.rhs)):
        return "cannot broadcast"
    return rounds_otherwise(layer.requantization)


def _bind(
    declarations: Declarations, function: str, layer: Binary, values: dict[str, Field]
) -> Binding:
    constants: list[Constant] = []
    run_time = iter(layer.inputs)
    operands: dict[str, Field] = {}
    for number, operand in enumerate((layer.lhs, layer.rhs), 1):
        name = f"input_{number}_vect"
        if operand.constant is None:
            operands[name] = TensorArgument(next(run_time))
        else:
            constants.append(Constant(f"operand_{number}", operand.constant))
            operands[name] = ConstantArgument(f"operand_{number}")
    q = layer.requantization
    call = declarations.call(
        function,
        {
            **operands,
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
    return Binding(calls=(call,), constants=tuple(constants))


def _bind_add(
    declarations: Declarations,
    layer: Add,
    core: Core,  # noqa: ARG001 - as on every core
) -> Binding:
    return _bind(
        declarations,
        _ADD,
        layer,
        {
            "input_1_mult": layer.lhs_multiplier,
            "input_1_shift": layer.lhs_shift,
            "input_2_mult": layer.rhs_multiplier,
            "input_2_shift": layer.rhs_shift,
            "left_shift": layer.left_shift,
        },
    )


def _bind_mul(
    declarations: Declarations,
    layer: Mul,
    core: Core,  # noqa: ARG001 - as on every core
) -> Binding:
    return _bind(declarations, _MUL, layer, {})


def kernels(declarations: Declarations) -> Sequence[Kernel]:
    """The kernels of this family in a tree."""
    return (
        CmsisNNKernel(declarations, _ADD, Add, _refuses, _bind_add, costs.add),
        CmsisNNKernel(declarations, _MUL, Mul, _refuses, _bind_mul, costs.multiply),
    )
