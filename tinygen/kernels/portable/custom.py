# SPDX-License-Identifier: Apache-2.0
"""The user's C function of a custom operator, as a kernel."""

from __future__ import annotations

import numpy as np

from tinygen.kernels.binding import Binding, Call, Constant, Field, Raw, TensorArgument
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import operand_arguments
from tinygen.kernels.portable.base import portable
from tinygen.ops.custom import Custom


def _bind(layer: Custom) -> Binding:
    names = [f"input_{number}" for number in range(len(layer.operands))]
    dtypes = [dtype.numpy for dtype in layer.operand_dtypes]
    arguments: list[Field] = [*operand_arguments(layer, layer.operands, names, dtypes)]
    arguments += [TensorArgument(index, writable=True) for index in layer.outputs]
    options: Field = Raw("NULL")
    if layer.options:
        options = Constant("options", np.frombuffer(layer.options, dtype=np.uint8))
    parameters = [
        *(f"const {d.ctype} *{n}" for d, n in zip(layer.operand_dtypes, names, strict=True)),
        *(f"{dtype.ctype} *output_{n}" for n, dtype in enumerate(layer.output_dtypes)),
        "const uint8_t *options",
        "uint32_t option_bytes",
    ]
    function = layer.definition.function
    return Binding(
        calls=(Call(function, (*arguments, options, len(layer.options))),),
        headers=("portable/common.h",),
        prototypes=(f"void {function}({', '.join(parameters)});",),
        sources=layer.definition.sources,
    )


@portable("custom", Custom)
def custom(layer: Custom) -> Offer:
    """Nobody knows what it costs, and there is no other."""
    return Offer(0.0, lambda: _bind(layer))


KERNELS = (custom,)
