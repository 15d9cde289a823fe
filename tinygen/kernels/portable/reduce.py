# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the reductions and of the float32 functions of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygen.ir.graph import DType
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Call, Constant, Field, Struct, TensorArgument
from tinygen.kernels.overlap import same_place
from tinygen.kernels.portable.base import PortableKernel, requantization_struct
from tinygen.kernels.portable.nest import Loop, merged, nest_struct
from tinygen.ops.reduce import Reduce
from tinygen.ops.rows import FloatRows

_SUFFIXES = {DType.FLOAT32: "f32", DType.INT8: "s8", DType.INT16: "s16", DType.BOOL: "b8"}
_ROW_CYCLES = {"softmax": 950.0, "log_softmax": 1000.0, "l2_normalization": 40.0}


def _loops(layer: Reduce, axes: Sequence[int]) -> list[Loop]:
    shape = layer.input_shape
    return merged([(shape[axis], (math.prod(shape[axis + 1 :]),)) for axis in axes])


def _bind(layer: Reduce) -> Binding:
    kept = [axis for axis in range(len(layer.input_shape)) if axis not in layer.axes]
    reduction = Struct(
        "tinygen_reduction",
        (
            ("outer", nest_struct(_loops(layer, kept))),
            ("inner", nest_struct(_loops(layer, layer.axes))),
        ),
    )
    fields: list[tuple[str, Field]] = [("reduction", reduction)]
    kind = "plain"
    constants: tuple[Constant, ...] = ()
    if layer.requantization is not None:
        kind = "quantized"
        struct, constants = requantization_struct(layer.requantization)
        fields += [
            ("zero_points", layer.input_zero_point * layer.terms),
            ("requantization", struct),
        ]
    elif layer.kind == "sum":
        kind = "f32"
        fields.append(("divisor", layer.divisor))
    name = layer.kind if layer.kind.startswith("arg") else f"reduce_{layer.kind}"
    call = Call(
        f"tinygen_{name}_{_SUFFIXES[layer.dtype]}",
        (
            Struct(f"tinygen_reduce_{kind}_params", tuple(fields)),
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(calls=(call,), headers=("portable/reduce.h",), constants=constants)


def _bind_rows(layer: FloatRows) -> Binding:
    call = Call(
        f"tinygen_{layer.kind}_f32",
        (
            layer.rows,
            layer.depth,
            layer.beta,
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("portable/rows_f32.h",),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


KERNELS: Sequence[Kernel] = (
    PortableKernel("reduce", Reduce, _bind, lambda layer: math.prod(layer.input_shape) * 8.0),
    PortableKernel(
        "rows_f32",
        FloatRows,
        _bind_rows,
        lambda layer: layer.rows * layer.depth * _ROW_CYCLES[layer.kind],
    ),
)
