# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the reductions: the int8 MEAN, and all others."""

from __future__ import annotations

import math

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.nest import Loop, axis_loops, nest_struct
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.portable.base import portable
from tinygen.kernels.row_sums import mean_rows_binding, sum_offset
from tinygen.kernels.structs import Value, struct
from tinygen.ops.reduce import Mean, Reduce

_MEAN_AXES = 3
_COSTS = Costs("portable.reduce")
_SUFFIXES = {DType.FLOAT32: "f32", DType.INT8: "s8", DType.INT16: "s16", DType.BOOL: "b8"}


def _kept(layer: Mean | Reduce) -> list[int]:
    return [axis for axis in range(len(layer.input_shape)) if axis not in layer.axes]


def _mean_axes(loops: list[Loop]) -> dict[str, list[int]]:
    padded = [(1, (0,))] * (_MEAN_AXES - len(loops)) + loops
    return {"extents": [extent for extent, _ in padded], "steps": [step for _, (step,) in padded]}


@portable("mean_s8", Mean)
def mean(layer: Mean) -> Offer | Refusal:
    """Over any axes; over height and width also by bands of the image's rows."""
    kept = axis_loops(layer.input_shape, _kept(layer))
    reduced = axis_loops(layer.input_shape, layer.axes)
    most = max(len(kept), len(reduced))
    if most > _MEAN_AXES:
        return Refusal(f"keeps or reduces {most} separate runs of axes, of {_MEAN_AXES}")

    def bind() -> Binding:
        parameters = struct(
            "tinygen_mean_s8_params",
            layer,
            kept=_mean_axes(kept),
            reduced=_mean_axes(reduced),
            sum_offset=sum_offset(layer),
        )
        return Binding(
            calls=(Call("tinygen_mean_s8", (parameters, *in_and_out(layer))),),
            headers=("portable/mean_s8.h",),
        )

    outputs = math.prod(layer.output_shape)
    cycles = math.prod(layer.input_shape) * _COSTS.mean_per_input
    cycles += outputs * _COSTS.mean_per_output
    return Offer(cycles, bind, lambda _: Offer(cycles, lambda: mean_rows_binding(layer)))


def _bind(layer: Reduce) -> Binding:
    reduction: dict[str, Value] = {
        "outer": nest_struct(axis_loops(layer.input_shape, _kept(layer))),
        "inner": nest_struct(axis_loops(layer.input_shape, layer.axes)),
    }
    if layer.requantization is not None:
        parameters = struct(
            "tinygen_reduce_quantized_params",
            layer,
            reduction=reduction,
            zero_points=layer.input_zero_point * layer.terms,
        )
    else:
        kind = "f32" if layer.kind == "sum" else "plain"
        parameters = struct(f"tinygen_reduce_{kind}_params", layer, reduction=reduction)
    name = layer.kind if layer.kind.startswith("arg") else f"reduce_{layer.kind}"
    function = f"tinygen_{name}_{_SUFFIXES[layer.dtype]}"
    return Binding(
        calls=(Call(function, (parameters, *in_and_out(layer))),), headers=("portable/reduce.h",)
    )


@portable("reduce", Reduce)
def reduce(layer: Reduce) -> Offer:
    """Sums, extrema and their positions along any axes."""
    cycles = math.prod(layer.input_shape) * _COSTS.per_input
    return Offer(cycles, lambda: _bind(layer))


KERNELS = (mean, reduce)
