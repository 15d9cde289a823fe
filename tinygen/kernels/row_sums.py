# SPDX-License-Identifier: Apache-2.0
"""MEAN and AVERAGE_POOL_2D of a whole image, by bands of its rows: ``row_sums_s8.h``."""

from __future__ import annotations

import math

import numpy as np

from tinygen.kernels import binding as k
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.pooling import AveragePool2D
from tinygen.ops.reduce import Mean

_MOST_SHORT_SUMS = 256
"""Pixels whose sum fits into int16 whatever they are."""


def sum_offset(layer: Mean) -> int:
    """Minus the input's zero point times the number of values of a mean, modulo 2**32."""
    count = math.prod(layer.input_shape[axis] for axis in layer.axes)
    return int(wrap_int32(np.array(-layer.input_zero_point * count)))


def mean_rows_binding(layer: Mean) -> k.Binding:
    """The kernel for a mean over height and width."""
    parameters = struct(
        "tinygen_mean_rows_s8_params", layer, image=_image(layer), sum_offset=sum_offset(layer)
    )
    return _binding("mean_rows", "portable", layer, parameters)


def average_rows_binding(layer: AveragePool2D, library: str) -> k.Binding:
    """The kernel for the average of a whole image, in the C of a library."""
    parameters = struct("tinygen_average_rows_s8_params", layer, image=_image(layer))
    return _binding("average_rows", library, layer, parameters)


def _image(layer: Mean | AveragePool2D) -> dict[str, int]:
    _, height, width, channels = layer.input_shape
    return {"height": height, "width": width, "channels": channels}


def _binding(
    function: str, library: str, layer: Mean | AveragePool2D, parameters: k.Struct
) -> k.Binding:
    prefix = "" if library == "portable" else f"{library}_"
    _, height, width, channels = layer.input_shape
    bits = 16 if height * width <= _MOST_SHORT_SUMS else 32
    call = k.Call(
        f"tinygen_{prefix}{function}_{bits}",
        (
            parameters,
            k.RowArgument(layer.inputs[0]),
            k.KeptArgument(f"int{bits}_t"),
            k.TensorArgument(layer.outputs[0], writable=True),
            k.FIRST_ROW,
            k.END_ROW,
        ),
    )
    return k.Binding(
        calls=(call,), headers=(f"{library}/row_sums_s8.h",), kept_bytes=bits // 8 * channels
    )
