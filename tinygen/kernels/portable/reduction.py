# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of MEAN."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.kernels.bands import Bands
from tinygen.kernels.kernel import Binding, Call, Kernel, Struct, TensorArgument
from tinygen.kernels.portable.base import PortableKernel, int_array, requantization_struct
from tinygen.kernels.portable.row_sums import row_sums_binding, row_sums_struct
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.reduction import Mean

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


def _sum_offset(layer: Mean) -> int:
    count = math.prod(layer.input_shape[axis] for axis in layer.axes)
    return int(wrap_int32(np.array(-layer.input_zero_point * count)))


def _bind_bands(layer: Mean, bands: Bands) -> Binding:  # noqa: ARG001 - any band will do
    requantization, arrays = requantization_struct(layer.requantization)
    parameters = Struct(
        "tinygen_mean_rows_s8_params",
        (
            ("image", row_sums_struct(layer.input_shape)),
            ("sum_offset", _sum_offset(layer)),
            ("requantization", requantization),
        ),
    )
    return row_sums_binding("mean_rows_s8", layer, parameters, arrays)


def _bind(layer: Mean) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    kept, reduced = _runs(layer)
    parameters = Struct(
        "tinygen_mean_s8_params",
        (
            ("kept", _axes_struct(kept)),
            ("reduced", _axes_struct(reduced)),
            ("sum_offset", _sum_offset(layer)),
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
