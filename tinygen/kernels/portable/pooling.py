# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Call, Struct, TensorArgument
from tinygen.kernels.kernel import Bands
from tinygen.kernels.portable.base import PortableKernel, axis_struct, by_rows
from tinygen.kernels.portable.convolution import image_overlaps
from tinygen.kernels.portable.row_sums import average_rows_binding
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_CYCLES_PER_TAP = 8.0
_CYCLES_PER_OUTPUT = 30.0


def pool_binding(layer: Pool2D, function: str, header: str) -> Binding:
    """The call of a pool of any library; rows of the output in order."""
    parameters = Struct(
        "tinygen_pool2d_s8_params",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("channels", layer.input_shape[3]),
            ("input_ring_rows", layer.input_shape[1]),
            ("clamp_min", layer.clamp_min),
            ("clamp_max", layer.clamp_max),
        ),
    )
    source, sink = TensorArgument(layer.inputs[0]), TensorArgument(layer.outputs[0], writable=True)
    return Binding(
        calls=(Call(function, (parameters, source, sink)),),
        headers=(header,),
        overlaps=image_overlaps(layer),
    )


def _binder(function: str) -> Callable[[Pool2D], Binding]:
    return lambda layer: pool_binding(layer, f"tinygen_{function}", "portable/pool2d_s8.h")


def _cycles(layer: Pool2D) -> float:
    taps = layer.window.height.size * layer.window.width.size
    return math.prod(layer.output_shape) * (taps * _CYCLES_PER_TAP + _CYCLES_PER_OUTPUT)


def _bind_average_bands(layer: AveragePool2D, bands: Bands) -> Binding:
    if not layer.accumulates:
        return by_rows(_binder("average_pool2d_s8"))(layer, bands)
    return average_rows_binding(layer)


KERNELS: Sequence[Kernel] = (
    PortableKernel(
        "average_pool2d_s8",
        AveragePool2D,
        _binder("average_pool2d_s8"),
        _cycles,
        band_binder=_bind_average_bands,
    ),
    PortableKernel(
        "max_pool2d_s8",
        MaxPool2D,
        _binder("max_pool2d_s8"),
        _cycles,
        band_binder=by_rows(_binder("max_pool2d_s8")),
    ),
)
