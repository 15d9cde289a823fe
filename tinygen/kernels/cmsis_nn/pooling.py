# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from tinygen.hardware.cores import Core
from tinygen.kernels.binding import Binding
from tinygen.kernels.cmsis_nn import base, costs, scratch
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_AVERAGE = "arm_avgpool_s8"
_MAXIMUM = "arm_max_pool_s8"


def _pool(
    declarations: Declarations, function: str, layer: Pool2D, core: Core, scratch_bytes: int
) -> Offer | Refusal:
    tree = declarations.tree
    if layer.input_shape[0] > 1 and not tree.mentions(function, "input_dims->n"):
        return Refusal(f"takes a single image in CMSIS-NN {tree.version}")
    refusal = base.too_large(layer.input_shape, layer.output_shape)
    if refusal is not None:
        return refusal
    rows, columns = layer.window.height, layer.window.width
    parameters = declarations.struct(
        "cmsis_nn_pool_params",
        {
            "stride": {"w": columns.stride, "h": rows.stride},
            "padding": {"w": columns.pad, "h": rows.pad},
            "activation": {"min": layer.clamp_min, "max": layer.clamp_max},
        },
    )
    source, sink = in_and_out(layer)
    call = declarations.call(
        function,
        {
            "ctx": base.scratch_context(declarations, scratch_bytes),
            "pool_params": parameters,
            "input_dims": base.dims(declarations, "input_dims", layer.input_shape),
            "input_data": source,
            "filter_dims": base.dims(declarations, "filter_dims", (1, rows.size, columns.size, 1)),
            "output_dims": base.dims(declarations, "output_dims", layer.output_shape),
            "output_data": sink,
        },
    )
    return base.bound(costs.pool(layer, core), Binding(calls=(call,), scratch_bytes=scratch_bytes))


@base.library_function(_AVERAGE, AveragePool2D)
def average(declarations: Declarations, layer: AveragePool2D, core: Core) -> Offer | Refusal:
    """With a row of sums in scratch memory."""
    return _pool(declarations, _AVERAGE, layer, core, scratch.average_pool(layer, core))


@base.library_function(_MAXIMUM, MaxPool2D)
def maximum(declarations: Declarations, layer: MaxPool2D, core: Core) -> Offer | Refusal:
    """Without."""
    return _pool(declarations, _MAXIMUM, layer, core, 0)


FUNCTIONS = (average, maximum)
