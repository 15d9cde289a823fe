# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of ADD_N, CUMSUM and the int16 SOFTMAX."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Overlap,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.overlap import same_place
from tinygen.kernels.portable.base import PortableKernel, requantization_struct
from tinygen.ops.accumulate import Accumulation, AddN, CumSum
from tinygen.ops.softmax_int16 import EXPONENTIALS, RECIPROCALS, SoftmaxInt16

_HEADERS = ("portable/accumulate.h",)


def _parameters(accumulation: Accumulation, label: str) -> tuple[Struct, tuple[Constant, ...]]:
    struct, arrays = requantization_struct(accumulation.requantization)
    return (
        Struct(
            "tinygen_accumulate_s8_params",
            (
                ("input_offset", -accumulation.input_zero_point),
                ("multiplier", accumulation.multiplier),
                ("shift", accumulation.shift),
                ("left_shift", accumulation.left_shift),
                ("requantization", struct),
            ),
            label=label,
        ),
        arrays,
    )


def _bind_add_n(layer: AddN) -> Binding:
    count = math.prod(layer.shape)
    output = TensorArgument(layer.outputs[0], writable=True)
    terms = [TensorArgument(index) for index in layer.inputs]
    if layer.accumulation is None:
        calls = [Call("tinygen_add_n_start_f32", (count, terms[0], output))]
        calls += [Call("tinygen_add_n_term_f32", (count, term, output)) for term in terms[1:]]
        # The sums stand in the output from the first term on, of which another may be a view.
        return Binding(calls=tuple(calls), headers=_HEADERS)
    parameters, arrays = _parameters(layer.accumulation, "parameters")
    sums = ScratchArgument("int32_t")
    calls = [Call("tinygen_add_n_start_s8", (parameters, count, sums))]
    calls += [Call("tinygen_add_n_term_s8", (parameters, count, term, sums)) for term in terms]
    calls.append(Call("tinygen_add_n_finish_s8", (parameters, count, sums, output)))
    return Binding(
        calls=tuple(calls),
        headers=_HEADERS,
        constants=arrays,
        scratch_bytes=4 * count,
        overlaps=tuple(
            same_place(index, layer.outputs[0]) for index in dict.fromkeys(layer.inputs)
        ),
    )


def _bind_cumsum(layer: CumSum) -> Binding:
    shape = Struct(
        "tinygen_cumsum_shape",
        (
            ("outer", layer.outer),
            ("depth", layer.depth),
            ("inner", layer.inner),
            ("reverse", int(layer.reverse)),
            ("exclusive", int(layer.exclusive)),
        ),
        label="shape",
    )
    tensors = TensorArgument(layer.inputs[0]), TensorArgument(layer.outputs[0], writable=True)
    # Lines may be apart, and taken from their ends: each element has its own place only.
    overlaps = (Overlap(layer.inputs[0], layer.outputs[0], 0, exact=True),)
    if layer.accumulation is None:
        call = Call("tinygen_cumsum_f32", (shape, *tensors))
        return Binding(calls=(call,), headers=_HEADERS, overlaps=overlaps)
    parameters, arrays = _parameters(layer.accumulation, "parameters")
    call = Call("tinygen_cumsum_s8", (shape, parameters, *tensors))
    return Binding(calls=(call,), headers=_HEADERS, constants=arrays, overlaps=overlaps)


def _bind_softmax(layer: SoftmaxInt16) -> Binding:
    parameters = Struct(
        "tinygen_softmax_s16_params",
        (
            ("rows", layer.rows),
            ("depth", layer.depth),
            ("multiplier", layer.multiplier),
            ("shift", layer.shift),
            ("exponentials", ConstantArgument("exponentials")),
            ("reciprocals", ConstantArgument("reciprocals")),
        ),
    )
    call = Call(
        "tinygen_softmax_s16",
        (
            parameters,
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=_HEADERS,
        constants=(
            Constant("exponentials", EXPONENTIALS, alignment=2),
            Constant("reciprocals", RECIPROCALS, alignment=2),
        ),
        overlaps=(same_place(layer.inputs[0], layer.outputs[0]),),
    )


KERNELS: Sequence[Kernel] = (
    PortableKernel(
        "add_n",
        AddN,
        _bind_add_n,
        lambda layer: math.prod(layer.shape) * (20.0 * len(layer.inputs) + 30.0),
    ),
    PortableKernel("cumsum", CumSum, _bind_cumsum, lambda layer: math.prod(layer.shape) * 40.0),
    PortableKernel(
        "softmax_s16",
        SoftmaxInt16,
        _bind_softmax,
        lambda layer: layer.rows * layer.depth * 70.0,
    ),
)
