# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the elementwise operators."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Overlap,
    Struct,
    TensorArgument,
)
from tinygen.kernels.overlap import in_order, same_place
from tinygen.kernels.portable.base import PortableKernel
from tinygen.kernels.portable.nest import broadcast_loops, nest_struct
from tinygen.numerics.tables import tflm_table
from tinygen.ops.elementwise import Elementwise
from tinygen.ops.lookup import Lookup, SigmoidInt16
from tinygen.resources import resource_root

_T = TypeVar("_T")

_FOLDER = resource_root() / "firmware" / "kernels" / "portable"

_HEADERS = {
    "select_*": "elementwise",
    "quantized_*": "elementwise_quantized",
    "*_f32": "elementwise_f32",
    "*": "elementwise_integer",
}
"""By the first pattern that fits a function's name, if it has no header of its first word's."""

_CYCLES = {"quantized_div_*": 120.0, "quantized_*": 40.0, "floor_*_f32": 200.0, "*": 20.0}
"""Estimated cycles of an element, by the first pattern that fits the function's name."""

_REAL_FUNCTION_CYCLES = 900.0

_PARAMETERS = {
    (): "tinygen_no_params",
    ("alpha",): "tinygen_leaky_relu_f32_params",
    ("clamp_min", "clamp_max"): "tinygen_clamp_{type}_params",
}
"""The parameter struct by its fields; any others are ``tinygen_arithmetic_params``."""

_LOOKUP_CYCLES = 6.0
_INTERPOLATION_CYCLES = 30.0


def _bind(layer: Elementwise) -> Binding:
    runtime = iter(layer.inputs)
    constants = []
    overlaps: list[Overlap] = []
    operands: list[Field] = []
    count = math.prod(layer.output_shape)
    for number, operand in enumerate(layer.operands):
        if operand.constant is None:
            tensor = next(runtime)
            operands.append(TensorArgument(tensor))
            if math.prod(operand.shape) == count:
                dtype = layer.operand_dtypes[number]
                overlaps += in_order(tensor, layer.outputs[0], count, dtype, layer.output_dtype)
        else:
            values = operand.constant.astype(layer.operand_dtypes[number].numpy)
            constants.append(Constant(f"operand_{number}", values))
            operands.append(ConstantArgument(f"operand_{number}"))
    loops = broadcast_loops(layer.output_shape, [operand.shape for operand in layer.operands])
    nest = nest_struct(loops)
    name = layer.function.name
    ctype = _PARAMETERS.get(tuple(layer.parameters), "tinygen_arithmetic_params")
    parameters = Struct(
        ctype.format(type=name.rsplit("_")[-1]),
        tuple(layer.parameters.items()) or (("unused", 0),),
        label="parameters",
    )
    call = Call(
        f"tinygen_{name}",
        (
            Struct(nest.ctype, nest.fields, label="nest"),
            parameters,
            *operands,
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=(_header(name),),
        constants=tuple(constants),
        overlaps=tuple(overlaps),
    )


def _by_name(table: Mapping[str, _T], name: str) -> _T:
    return next(value for pattern, value in table.items() if fnmatchcase(name, pattern))


def _header(name: str) -> str:
    own = name.split("_", maxsplit=1)[0]
    stem = own if (_FOLDER / f"{own}.h").is_file() else _by_name(_HEADERS, name)
    return f"portable/{stem}.h"


def _cycles(layer: Elementwise) -> float:
    is_real = layer.function.tolerance_ulp > 0
    each = _REAL_FUNCTION_CYCLES if is_real else _by_name(_CYCLES, layer.function.name)
    return math.prod(layer.output_shape) * each


def _bind_lookup(layer: Lookup) -> Binding:
    call = Call(
        "tinygen_lookup_s8",
        (
            math.prod(layer.shape),
            ConstantArgument("table"),
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("portable/lookup.h",),
        constants=(Constant("table", layer.table, alignment=1),),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


def _bind_sigmoid(layer: SigmoidInt16) -> Binding:
    parameters = Struct(
        "tinygen_sigmoid_s16_params",
        (
            ("count", math.prod(layer.shape)),
            ("multiplier", layer.multiplier),
            ("shift", layer.shift),
            ("table", ConstantArgument("table")),
        ),
    )
    call = Call(
        "tinygen_tanh_s16" if layer.is_tanh else "tinygen_logistic_s16",
        (
            parameters,
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("portable/lookup.h",),
        constants=(Constant("table", tflm_table("sigmoid"), alignment=2),),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


KERNELS: Sequence[Kernel] = (
    PortableKernel("elementwise", Elementwise, _bind, _cycles),
    PortableKernel(
        "lookup_s8", Lookup, _bind_lookup, lambda layer: math.prod(layer.shape) * _LOOKUP_CYCLES
    ),
    PortableKernel(
        "sigmoid_s16",
        SigmoidInt16,
        _bind_sigmoid,
        lambda layer: math.prod(layer.shape) * _INTERPOLATION_CYCLES,
    ),
)
