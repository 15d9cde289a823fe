# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of LOG_SOFTMAX and L2_NORMALIZATION of int8."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.overlap import same_place
from tinygen.kernels.portable.base import PortableKernel
from tinygen.ops.rows_int8 import L2NormalizationInt8, LogSoftmaxInt8

_CYCLES_PER_ELEMENT = 40.0
_CYCLES_PER_ROW = 400.0


def _bind_log_softmax(layer: LogSoftmaxInt8) -> Binding:
    parameters = Struct(
        "tinygen_log_softmax_s8_params",
        (
            ("rows", layer.rows),
            ("depth", layer.depth),
            ("terms", ConstantArgument("terms")),
            ("count", layer.terms.size),
            ("multiplier", layer.multiplier),
            ("shift", layer.shift),
            ("reverse_multiplier", layer.reverse_multiplier),
            ("reverse_shift", layer.reverse_shift),
            ("least_difference", layer.least_difference),
        ),
    )
    (source,), (sink,) = layer.inputs, layer.outputs
    arguments = (parameters, TensorArgument(source), TensorArgument(sink, writable=True))
    return Binding(
        calls=(Call("tinygen_log_softmax_s8", arguments),),
        headers=("portable/rows_s8.h",),
        constants=(Constant("terms", layer.terms),),
        overlaps=(same_place(source, sink),),
    )


def _bind_l2_normalization(layer: L2NormalizationInt8) -> Binding:
    (source,), (sink,) = layer.inputs, layer.outputs
    arguments = (
        layer.rows,
        layer.depth,
        layer.input_zero_point,
        TensorArgument(source),
        TensorArgument(sink, writable=True),
    )
    return Binding(
        calls=(Call("tinygen_l2_normalization_s8", arguments),),
        headers=("portable/rows_s8.h",),
        overlaps=(same_place(source, sink),),
    )


def _cycles(layer: LogSoftmaxInt8 | L2NormalizationInt8) -> float:
    return layer.rows * (_CYCLES_PER_ROW + layer.depth * _CYCLES_PER_ELEMENT)


KERNELS: Sequence[Kernel] = (
    PortableKernel("log_softmax_s8", LogSoftmaxInt8, _bind_log_softmax, _cycles),
    PortableKernel("l2_normalization_s8", L2NormalizationInt8, _bind_l2_normalization, _cycles),
)
