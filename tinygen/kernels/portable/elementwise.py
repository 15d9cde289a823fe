# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the elementwise operators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

from tinygen.kernels.binding import Binding, Call, Constant, Overlap, Struct, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.nest import broadcast_loops, nest_struct
from tinygen.kernels.operands import in_and_out, operand_arguments
from tinygen.kernels.overlap import in_order, same_place
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.numerics.tables import tflm_table
from tinygen.ops.elementwise import Elementwise
from tinygen.ops.lookup import Interpolated, Lookup
from tinygen.ops.sigmoids import SigmoidInt16
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

_CYCLES = {
    "quantized_div_*": "quantized_div",
    "quantized_*": "quantized",
    "floor_*_f32": "floor_f32",
    "logistic_f32": "logistic_f32",
    "sqrt_f32": "sqrt_f32",
    "rsqrt_f32": "rsqrt_f32",
    "hard_swish_f32": "hard_swish_f32",
    "sin_f32": "in_double",
    "cos_f32": "in_double",
    "gelu_f32": "in_double",
    "tanh_f32": "real_function",
    "exp_f32": "real_function",
    "log_f32": "real_function",
    "elu_f32": "real_function",
    "gelu_approximate_f32": "real_function",
    "*": "other",
}
"""What an element's cycles are called, by the first pattern that fits the function's name."""

_COSTS = Costs("portable.elementwise")

_PARAMETERS = {
    (): "tinygen_no_params",
    ("alpha",): "tinygen_leaky_relu_f32_params",
    ("clamp_min", "clamp_max"): "tinygen_clamp_{type}_params",
}
"""The parameter struct by its fields; any others are ``tinygen_arithmetic_params``."""


def _bind(layer: Elementwise) -> Binding:
    count = math.prod(layer.output_shape)
    names = [f"operand_{number}" for number in range(len(layer.operands))]
    dtypes = [dtype.numpy for dtype in layer.operand_dtypes]
    operands = operand_arguments(layer, layer.operands, names, dtypes)
    overlaps: list[Overlap] = []
    for argument, operand, dtype in zip(
        operands, layer.operands, layer.operand_dtypes, strict=True
    ):
        if isinstance(argument, TensorArgument) and math.prod(operand.shape) == count:
            sink = layer.outputs[0]
            overlaps += in_order(argument.tensor, sink, count, dtype, layer.output_dtype)
    loops = broadcast_loops(layer.output_shape, [operand.shape for operand in layer.operands])
    name = layer.function.name
    ctype = _PARAMETERS.get(tuple(layer.parameters), "tinygen_arithmetic_params")
    parameters = Struct(
        ctype.format(type=name.rsplit("_")[-1]),
        tuple(layer.parameters.items()) or (("unused", 0),),
    )
    output = TensorArgument(layer.outputs[0], writable=True)
    call = Call(f"tinygen_{name}", (nest_struct(loops, "nest"), parameters, *operands, output))
    return Binding(calls=(call,), headers=(_header(name),), overlaps=tuple(overlaps))


def _by_name(table: Mapping[str, _T], name: str) -> _T:
    return next(value for pattern, value in table.items() if fnmatchcase(name, pattern))


def _header(name: str) -> str:
    own = name.split("_", maxsplit=1)[0]
    stem = own if (_FOLDER / f"{own}.h").is_file() else _by_name(_HEADERS, name)
    return f"portable/{stem}.h"


@portable("elementwise", Elementwise)
def elementwise(layer: Elementwise) -> Offer:
    """A function of operands that broadcast."""
    each = _COSTS[_by_name(_CYCLES, layer.function.name)]
    return Offer(math.prod(layer.output_shape) * each, lambda: _bind(layer))


def _by_table(layer: Lookup | Interpolated, name: str, header: str) -> Binding:
    table = Constant("table", layer.table, alignment=layer.table.itemsize)
    return Binding(
        calls=(Call(name, (math.prod(layer.shape), table, *in_and_out(layer))),),
        headers=(header,),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


@portable("lookup_s8", Lookup)
def lookup(layer: Lookup) -> Offer:
    """A function of int8, as a table."""
    return Offer(
        math.prod(layer.shape) * _COSTS.lookup,
        lambda: _by_table(layer, "tinygen_lookup_s8", "portable/lookup.h"),
    )


@portable("lookup_s16", Interpolated)
def interpolated(layer: Interpolated) -> Offer:
    """A function of int16, between the entries of a table."""
    return Offer(
        math.prod(layer.shape) * _COSTS.interpolation,
        lambda: _by_table(layer, "tinygen_lookup_s16", "portable/lookup_s16.h"),
    )


@portable("sigmoid_s16", SigmoidInt16)
def sigmoid(layer: SigmoidInt16) -> Offer:
    """LOGISTIC and TANH of int16, between the entries of a table."""
    count = math.prod(layer.shape)

    def bind() -> Binding:
        table = Constant("table", tflm_table("sigmoid"), alignment=2)
        parameters = struct("tinygen_sigmoid_s16_params", layer, count=count, table=table)
        function = "tinygen_tanh_s16" if layer.is_tanh else "tinygen_logistic_s16"
        return Binding(
            calls=(Call(function, (parameters, *in_and_out(layer))),),
            headers=("portable/lookup.h",),
            overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
        )

    return Offer(count * _COSTS.interpolation, bind)


KERNELS = (elementwise, lookup, interpolated, sigmoid)
