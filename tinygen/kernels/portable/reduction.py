# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of MEAN."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Call, Struct, TensorArgument
from tinygen.kernels.kernel import Bands
from tinygen.kernels.portable.base import PortableKernel, int_array, requantization_struct
from tinygen.kernels.portable.row_sums import mean_rows_binding, sum_offset
from tinygen.ops.reduce import Mean

_AXES = 3
_CYCLES_PER_INPUT = 6.0
_CYCLES_PER_OUTPUT = 50.0


def _runs(layer: Mean) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(extent, step) of the kept and of the reduced axes, neighbours of the same fate merged."""
    runs: list[tuple[bool, int, int]] = []
    step = math.prod(layer.input_shape)
    for axis, extent in enumerate(layer.input_shape):
        step //= extent
        reduced = axis in layer.axes
        if extent == 1:
            continue
        if runs and runs[-1][0] == reduced:
            runs[-1] = (reduced, runs[-1][1] * extent, step)
        else:
            runs.append((reduced, extent, step))
    return (
        [(extent, step) for reduced, extent, step in runs if not reduced],
        [(extent, step) for reduced, extent, step in runs if reduced],
    )


def _axes_struct(runs: list[tuple[int, int]]) -> Struct:
    padded = [(1, 0)] * (_AXES - len(runs)) + runs
    return Struct(
        "tinygen_mean_axes",
        (
            ("extents", int_array([extent for extent, _ in padded])),
            ("steps", int_array([step for _, step in padded])),
        ),
    )


def _too_many_axes(layer: Mean) -> str | None:
    most = max(map(len, _runs(layer)))
    return f"keeps or reduces {most} separate runs of axes, of {_AXES}" if most > _AXES else None


def _bind_bands(layer: Mean, bands: Bands) -> Binding:  # noqa: ARG001 - any bands will do
    return mean_rows_binding(layer)


def _bind(layer: Mean) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    kept, reduced = _runs(layer)
    parameters = Struct(
        "tinygen_mean_s8_params",
        (
            ("kept", _axes_struct(kept)),
            ("reduced", _axes_struct(reduced)),
            ("sum_offset", sum_offset(layer)),
            ("requantization", requantization),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_mean_s8",
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("portable/mean_s8.h",),
        constants=arrays,
    )


def _cycles(layer: Mean) -> float:
    outputs = math.prod(layer.output_shape)
    return math.prod(layer.input_shape) * _CYCLES_PER_INPUT + outputs * _CYCLES_PER_OUTPUT


KERNELS: Sequence[Kernel] = (
    PortableKernel("mean_s8", Mean, _bind, _cycles, _too_many_axes, band_binder=_bind_bands),
)
