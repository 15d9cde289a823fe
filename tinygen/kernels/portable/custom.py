# SPDX-License-Identifier: Apache-2.0
"""The user's C function of a custom operator, as a kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Raw,
    TensorArgument,
)
from tinygen.kernels.portable.base import PortableKernel
from tinygen.ops.custom import Custom


def _bind(layer: Custom) -> Binding:
    runtime = iter(layer.inputs)
    constants: list[Constant] = []
    arguments: list[Field] = []
    parameters = []
    for number, (operand, dtype) in enumerate(
        zip(layer.operands, layer.operand_dtypes, strict=True)
    ):
        parameters.append(f"const {dtype.ctype} *input_{number}")
        if operand.constant is None:
            arguments.append(TensorArgument(next(runtime)))
        else:
            name = f"input_{number}"
            constants.append(Constant(name, operand.constant.astype(dtype.numpy)))
            arguments.append(ConstantArgument(name))
    for number, (index, dtype) in enumerate(zip(layer.outputs, layer.output_dtypes, strict=True)):
        parameters.append(f"{dtype.ctype} *output_{number}")
        arguments.append(TensorArgument(index, writable=True))
    options: Field = Raw("NULL")
    if layer.options:
        constants.append(Constant("options", np.frombuffer(layer.options, dtype=np.uint8)))
        options = ConstantArgument("options")
    parameters += ["const uint8_t *options", "uint32_t option_bytes"]
    function = layer.definition.function
    return Binding(
        calls=(Call(function, (*arguments, options, len(layer.options))),),
        headers=("portable/common.h",),
        constants=tuple(constants),
        prototypes=(f"void {function}({', '.join(parameters)});",),
        sources=layer.definition.sources,
    )


KERNELS: Sequence[Kernel] = (PortableKernel("custom", Custom, _bind, lambda layer: 0.0),)  # noqa: ARG005
