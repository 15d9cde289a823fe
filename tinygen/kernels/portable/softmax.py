# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of SOFTMAX."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.ir.graph import DType
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.overlap import in_order
from tinygen.kernels.portable.base import PortableKernel
from tinygen.ops.softmax import Softmax

_CYCLES_PER_ELEMENT = 60.0
_CYCLES_PER_ROW = 200.0


def _bind(layer: Softmax) -> Binding:
    parameters = Struct(
        "tinygen_softmax_s8_params",
        (
            ("rows", layer.rows),
            ("depth", layer.depth),
            ("exponentials", ConstantArgument("exponentials")),
            ("count", layer.exponentials.size),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_softmax_s8" + ("_s16" if layer.output_dtype is DType.INT16 else ""),
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("portable/softmax_s8.h",),
        constants=(Constant("exponentials", layer.exponentials),),
        overlaps=in_order(
            layer.inputs[0],
            layer.outputs[0],
            layer.rows * layer.depth,
            DType.INT8,
            layer.output_dtype,
        ),
    )


def _cycles(layer: Softmax) -> float:
    return layer.rows * (_CYCLES_PER_ROW + layer.depth * _CYCLES_PER_ELEMENT)


KERNELS: Sequence[Kernel] = (PortableKernel("softmax_s8", Softmax, _bind, _cycles),)
