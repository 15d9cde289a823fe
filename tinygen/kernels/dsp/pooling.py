# SPDX-License-Identifier: Apache-2.0
"""DSP kernels of AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tinygen.kernels.adapter import Kernel, by_rows
from tinygen.kernels.binding import Binding
from tinygen.kernels.dsp.c_kernel import DspKernel
from tinygen.kernels.kernel import Bands
from tinygen.kernels.pools import pool_binding
from tinygen.kernels.row_sums import average_rows_binding
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_MOST_VALUES = 256
"""More values could overflow a sum of 16 bits."""
_AVERAGE_CYCLES_PER_VALUE = 1.4
_MAX_CYCLES_PER_VALUE = 1.9
_AVERAGE_CYCLES_PER_OUTPUT = 15.0
_MAX_CYCLES_PER_OUTPUT = 5.0
_CYCLES_PER_WINDOW = 60.0


def _bind(layer: Pool2D) -> Binding:
    return pool_binding(layer, "dsp")


def _few_channels(layer: Pool2D) -> str | None:
    channels = layer.input_shape[3]
    return f"has {channels} channels, and 4 go together" if channels < 4 else None


def _average_condition(layer: AveragePool2D) -> str | None:
    values = layer.window.height.size * layer.window.width.size
    if values > _MOST_VALUES:
        return f"averages {values} values, of at most {_MOST_VALUES}"
    return _few_channels(layer)


def _cycles(per_value: float, per_output: float) -> Callable[[Pool2D], float]:
    def cycles(layer: Pool2D) -> float:
        outputs = math.prod(layer.output_shape)
        windows = outputs // layer.output_shape[3]
        values = layer.window.height.size * layer.window.width.size
        return outputs * (values * per_value + per_output) + windows * _CYCLES_PER_WINDOW

    return cycles


def _bind_average_bands(layer: AveragePool2D, bands: Bands) -> Binding:
    if layer.accumulates:
        return average_rows_binding(layer, "dsp")
    return by_rows(_bind)(layer, bands)


KERNELS: Sequence[Kernel] = (
    DspKernel(
        "average_pool2d_s8",
        AveragePool2D,
        _bind,
        _cycles(_AVERAGE_CYCLES_PER_VALUE, _AVERAGE_CYCLES_PER_OUTPUT),
        _average_condition,
        band_binder=_bind_average_bands,
    ),
    DspKernel(
        "max_pool2d_s8",
        MaxPool2D,
        _bind,
        _cycles(_MAX_CYCLES_PER_VALUE, _MAX_CYCLES_PER_OUTPUT),
        _few_channels,
        band_binder=by_rows(_bind),
    ),
)
