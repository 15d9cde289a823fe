# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of ADD_N and CUMSUM."""

from __future__ import annotations

import math

from tinygen.kernels.binding import Binding, Call, Overlap, ScratchArgument, Struct, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import same_place
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.accumulate import Accumulation, AddN, CumSum

_HEADERS = ("portable/accumulate.h",)
_COSTS = Costs("portable.accumulate")


def _parameters(accumulation: Accumulation) -> Struct:
    return struct(
        "tinygen_accumulate_s8_params", accumulation, input_offset=-accumulation.input_zero_point
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
    parameters = _parameters(layer.accumulation)
    sums = ScratchArgument("int32_t")
    calls = [Call("tinygen_add_n_start_s8", (parameters, count, sums))]
    calls += [Call("tinygen_add_n_term_s8", (parameters, count, term, sums)) for term in terms]
    calls.append(Call("tinygen_add_n_finish_s8", (parameters, count, sums, output)))
    return Binding(
        calls=tuple(calls),
        headers=_HEADERS,
        scratch_bytes=4 * count,
        overlaps=tuple(
            same_place(index, layer.outputs[0]) for index in dict.fromkeys(layer.inputs)
        ),
    )


@portable("add_n", AddN)
def add_n(layer: AddN) -> Offer:
    """A sum of any number of terms."""
    each = _COSTS.add_n_per_term * len(layer.inputs) + _COSTS.add_n
    return Offer(math.prod(layer.shape) * each, lambda: _bind_add_n(layer))


@portable("cumsum", CumSum)
def cumsum(layer: CumSum) -> Offer:
    """Sums along an axis."""

    def bind() -> Binding:
        shape = struct("tinygen_cumsum_shape", layer, "shape")
        # Lines may be apart, and taken from their ends: each element has its own place only.
        overlaps = (Overlap(layer.inputs[0], layer.outputs[0], 0, exact=True),)
        if layer.accumulation is None:
            call = Call("tinygen_cumsum_f32", (shape, *in_and_out(layer)))
        else:
            parameters = _parameters(layer.accumulation)
            call = Call("tinygen_cumsum_s8", (shape, parameters, *in_and_out(layer)))
        return Binding(calls=(call,), headers=_HEADERS, overlaps=overlaps)

    return Offer(math.prod(layer.shape) * _COSTS.cumsum, bind)


KERNELS = (add_n, cumsum)
