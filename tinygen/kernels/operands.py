# SPDX-License-Identifier: Apache-2.0
"""Arguments of calls: a layer's tensors, and its operands that may be constants."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.ir.layer import Layer, Operand
from tinygen.kernels.binding import Binding, Call, Constant, Struct, TensorArgument
from tinygen.kernels.overlap import same_place
from tinygen.ops.arithmetic import Binary


def in_and_out(layer: Layer) -> tuple[TensorArgument, TensorArgument]:
    """The first input and the first output."""
    return TensorArgument(layer.inputs[0]), TensorArgument(layer.outputs[0], writable=True)


def in_and_out_as(layer: Layer, ctype: str) -> tuple[TensorArgument, TensorArgument]:
    """The first input and the first output, as values of another type of the same size."""
    return (
        TensorArgument(layer.inputs[0], ctype=ctype),
        TensorArgument(layer.outputs[0], writable=True, ctype=ctype),
    )


def operand_arguments(
    layer: Layer,
    operands: Sequence[Operand],
    names: Sequence[str],
    dtypes: Sequence[np.dtype[np.generic] | type[np.generic] | None] = (),
    ctypes: Sequence[str] = (),
) -> list[TensorArgument | Constant]:
    """The operands: constants by these names, the others from the layer's inputs in order.

    ``dtypes`` are what constants are stored as, and ``ctypes`` what the pointers are cast to, if given.
    """
    runtime = iter(layer.inputs)
    arguments: list[TensorArgument | Constant] = []
    for number, (operand, name) in enumerate(zip(operands, names, strict=True)):
        ctype = ctypes[number] if ctypes else ""
        if operand.constant is None:
            arguments.append(TensorArgument(next(runtime), ctype=ctype))
        else:
            values = operand.constant.astype(dtypes[number]) if dtypes else operand.constant
            arguments.append(Constant(name, values, cast=f"const {ctype} *" if ctype else ""))
    return arguments


def binary_binding(
    layer: Binary, function: str, header: str, parameters: Struct, notes: tuple[str, ...] = ()
) -> Binding:
    """A call of ``function`` with its parameters, both operands and the output."""
    runtime = [operand.shape for operand in layer.operands if operand.constant is None]
    arguments = (
        parameters,
        *operand_arguments(layer, layer.operands, ("lhs", "rhs")),
        TensorArgument(layer.outputs[0], writable=True),
    )
    return Binding(
        calls=(Call(function, arguments),),
        headers=(header,),
        overlaps=tuple(
            same_place(tensor, layer.outputs[0])
            for tensor, shape in zip(layer.inputs, runtime, strict=True)
            if math.prod(shape) == math.prod(layer.output_shape)
        ),
        notes=notes,
    )
