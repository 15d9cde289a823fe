# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tinygen.kernels.kernel import Binding, Call, Kernel, Struct, TensorArgument
from tinygen.kernels.portable.base import PortableKernel, axis_struct
from tinygen.kernels.portable.convolution import image_overlaps
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_CYCLES_PER_TAP = 8.0
_CYCLES_PER_OUTPUT = 30.0


def _binder(function: str) -> Callable[[Pool2D], Binding]:
    def bind(layer: Pool2D) -> Binding:
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
        return Binding(
            calls=(
                Call(
                    f"tinygen_{function}",
                    (
                        parameters,
                        TensorArgument(layer.inputs[0]),
                        TensorArgument(layer.outputs[0], writable=True),
                    ),
                ),
            ),
            headers=("portable/pool2d_s8.h",),
            overlaps=image_overlaps(layer),
        )

    return bind


def _cycles(layer: Pool2D) -> float:
    taps = layer.window.height.size * layer.window.width.size
    return math.prod(layer.output_shape) * (taps * _CYCLES_PER_TAP + _CYCLES_PER_OUTPUT)


KERNELS: Sequence[Kernel] = (
    PortableKernel("average_pool2d_s8", AveragePool2D, _binder("average_pool2d_s8"), _cycles),
    PortableKernel("max_pool2d_s8", MaxPool2D, _binder("max_pool2d_s8"), _cycles),
)
