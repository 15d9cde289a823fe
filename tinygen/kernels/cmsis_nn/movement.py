# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels that move elements: PAD (from 7.0.0 on) and CONCATENATION."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygen.hardware.cores import Core
from tinygen.ir.graph import DType
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Call, Constant, ConstantArgument, Field, TensorArgument
from tinygen.kernels.cmsis_nn import costs
from tinygen.kernels.cmsis_nn.base import CmsisNNKernel, dims
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.ops.movement import Concatenation
from tinygen.ops.pad import Pad

_PAD = "arm_pad_s8"
_CONCATENATION = "arm_concatenation_s8_x"
_PAD_RANK = 4
_MOST_BYTES = 65535


def _refuses_pad(
    declarations: Declarations,  # noqa: ARG001 - every release does the same
    layer: Pad,
    core: Core,  # noqa: ARG001 - as on every core
) -> str | None:
    rank = len(layer.input_shape)
    if rank > _PAD_RANK:
        return f"has at most {_PAD_RANK} dimensions, and this has {rank}"
    return None


def _bind_pad(
    declarations: Declarations,
    layer: Pad,
    core: Core,  # noqa: ARG001 - as on every core
) -> Binding:
    leading = _PAD_RANK - len(layer.input_shape)
    paddings = ((0, 0),) * leading + layer.paddings
    call = declarations.call(
        _PAD,
        {
            "input": TensorArgument(layer.inputs[0]),
            "output": TensorArgument(layer.outputs[0], writable=True),
            "pad_value": layer.value,
            "input_size": dims(declarations, "input_size", (1,) * leading + layer.input_shape),
            "pre_pad": dims(declarations, "pre_pad", [before for before, _ in paddings]),
            "post_pad": dims(declarations, "post_pad", [after for _, after in paddings]),
        },
    )
    return Binding(calls=(call,))


def _run_bytes(layer: Concatenation, shape: tuple[int, ...]) -> int:
    """Bytes of a tensor of that shape that stay together when it is concatenated."""
    return math.prod(shape[layer.axis :])


def _refuses_concatenation(
    declarations: Declarations,  # noqa: ARG001 - every release does the same
    layer: Concatenation,
    core: Core,  # noqa: ARG001 - as on every core
) -> str | None:
    if layer.dtype is not DType.INT8:
        return f"moves int8, and this is {layer.dtype.value}"
    largest = max(
        _run_bytes(layer, layer.output_shape), math.prod(layer.output_shape[: layer.axis])
    )
    if largest > _MOST_BYTES:
        return f"counts in 16 bits, and this joins {largest} bytes"
    return None


def _bind_concatenation(
    declarations: Declarations,
    layer: Concatenation,
    core: Core,  # noqa: ARG001 - as on every core
) -> Binding:
    rows = math.prod(layer.output_shape[: layer.axis])
    run_time = iter(layer.inputs)
    calls: list[Call] = []
    constants: list[Constant] = []
    offset = 0
    for number, operand in enumerate(layer.operands):
        data: Field
        if operand.constant is None:
            data = TensorArgument(next(run_time))
        else:
            constants.append(Constant(f"operand_{number}", operand.constant))
            data = ConstantArgument(f"operand_{number}")
        width = _run_bytes(layer, operand.shape)
        calls.append(
            declarations.call(
                _CONCATENATION,
                {
                    "input": data,
                    "input_x": width,
                    "input_y": rows,
                    "input_z": 1,
                    "input_w": 1,
                    "output": TensorArgument(layer.outputs[0], writable=True),
                    "output_x": _run_bytes(layer, layer.output_shape),
                    "offset_x": offset,
                },
            )
        )
        offset += width
    return Binding(calls=tuple(calls), constants=tuple(constants))


def kernels(declarations: Declarations) -> Sequence[Kernel]:
    """The kernels of this family in a tree."""
    return (
        CmsisNNKernel(declarations, _PAD, Pad, _refuses_pad, _bind_pad, costs.pad),
        CmsisNNKernel(
            declarations,
            _CONCATENATION,
            Concatenation,
            _refuses_concatenation,
            _bind_concatenation,
            costs.concatenation,
        ),
    )
