# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels that move elements: PAD (from 7.0.0 on) and CONCATENATION."""

from __future__ import annotations

import math

from tinygen.hardware.cores import Core
from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, TensorArgument
from tinygen.kernels.cmsis_nn import costs
from tinygen.kernels.cmsis_nn.base import bound, dims, library_function
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out, operand_arguments
from tinygen.ops.movement import Concatenation
from tinygen.ops.pad import Pad

_PAD = "arm_pad_s8"
_CONCATENATION = "arm_concatenation_s8_x"
_PAD_RANK = 4
_MOST_BYTES = 65535


@library_function(_PAD, Pad)
def pad(declarations: Declarations, layer: Pad, core: Core) -> Offer | Refusal:
    """Of up to four dimensions."""
    rank = len(layer.input_shape)
    if rank > _PAD_RANK:
        return Refusal(f"has at most {_PAD_RANK} dimensions, and this has {rank}")
    leading = _PAD_RANK - rank
    paddings = ((0, 0),) * leading + layer.paddings
    source, sink = in_and_out(layer)
    call = declarations.call(
        _PAD,
        {
            "input": source,
            "output": sink,
            "pad_value": layer.value,
            "input_size": dims(declarations, "input_size", (1,) * leading + layer.input_shape),
            "pre_pad": dims(declarations, "pre_pad", [before for before, _ in paddings]),
            "post_pad": dims(declarations, "post_pad", [after for _, after in paddings]),
        },
    )
    return bound(costs.pad(layer, core), Binding(calls=(call,)))


@library_function(_CONCATENATION, Concatenation)
def concatenation(declarations: Declarations, layer: Concatenation, core: Core) -> Offer | Refusal:
    """Of int8, one call an operand."""
    if layer.dtype is not DType.INT8:
        return Refusal(f"moves int8, and this is {layer.dtype.value}")
    rows = math.prod(layer.output_shape[: layer.axis])
    run_bytes = math.prod(layer.output_shape[layer.axis :])
    if max(run_bytes, rows) > _MOST_BYTES:
        return Refusal(f"counts in 16 bits, and this joins {max(run_bytes, rows)} bytes")
    names = [f"operand_{number}" for number in range(len(layer.operands))]
    calls: list[Call] = []
    offset = 0
    for operand, data in zip(
        layer.operands, operand_arguments(layer, layer.operands, names), strict=True
    ):
        width = math.prod(operand.shape[layer.axis :])
        call = declarations.call(
            _CONCATENATION,
            {
                "input": data,
                "input_x": width,
                "input_y": rows,
                "input_z": 1,
                "input_w": 1,
                "output": TensorArgument(layer.outputs[0], writable=True),
                "output_x": run_bytes,
                "offset_x": offset,
            },
        )
        calls.append(call)
        offset += width
    return bound(costs.concatenation(layer, core), Binding(calls=tuple(calls)))


FUNCTIONS = (pad, concatenation)
