# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of LOG_SOFTMAX and L2_NORMALIZATION, and of the float32 SOFTMAX."""

from __future__ import annotations

from tinygen.kernels.binding import Binding, Call
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import same_place
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.l2_normalization import L2NormalizationInt8
from tinygen.ops.log_softmax import LogSoftmaxInt8
from tinygen.ops.rows import FloatRows

_COSTS = Costs("portable.rows")


def _int8_cycles(layer: LogSoftmaxInt8 | L2NormalizationInt8) -> float:
    return layer.rows * (_COSTS.per_row + layer.depth * _COSTS.per_element)


def _binding(layer: FloatRows | LogSoftmaxInt8 | L2NormalizationInt8, call: Call) -> Binding:
    header = "portable/rows_f32.h" if isinstance(layer, FloatRows) else "portable/rows_s8.h"
    return Binding((call,), (header,), overlaps=(same_place(layer.inputs[0], layer.outputs[0]),))


@portable("rows_f32", FloatRows)
def rows_f32(layer: FloatRows) -> Offer:
    """A function of rows of float32."""
    arguments = (layer.rows, layer.depth, layer.beta, *in_and_out(layer))
    call = Call(f"tinygen_{layer.kind}_f32", arguments)
    cycles = layer.rows * layer.depth * _COSTS[f"float_{layer.kind}"]
    return Offer(cycles, lambda: _binding(layer, call))


@portable("log_softmax_s8", LogSoftmaxInt8)
def log_softmax(layer: LogSoftmaxInt8) -> Offer:
    """LOG_SOFTMAX of int8."""

    def bind() -> Binding:
        parameters = struct(
            "tinygen_log_softmax_s8_params", layer, terms=layer.terms, count=layer.terms.size
        )
        return _binding(layer, Call("tinygen_log_softmax_s8", (parameters, *in_and_out(layer))))

    return Offer(_int8_cycles(layer), bind)


@portable("l2_normalization_s8", L2NormalizationInt8)
def l2_normalization(layer: L2NormalizationInt8) -> Offer:
    """L2_NORMALIZATION of int8."""
    arguments = (layer.rows, layer.depth, layer.input_zero_point, *in_and_out(layer))
    call = Call("tinygen_l2_normalization_s8", arguments)
    return Offer(_int8_cycles(layer), lambda: _binding(layer, call))


KERNELS = (rows_f32, log_softmax, l2_normalization)
