# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinygen.hardware.cores import Core
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, TensorArgument
from tinygen.kernels.cmsis_nn import costs, scratch
from tinygen.kernels.cmsis_nn.base import CmsisNNKernel, dims, scratch_context, too_large
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_AVERAGE = "arm_avgpool_s8"
_MAXIMUM = "arm_max_pool_s8"


def _refuses(function: str) -> Callable[[Declarations, Pool2D, Core], str | None]:
    def refuses(declarations: Declarations, layer: Pool2D, core: Core) -> str | None:  # noqa: ARG001
        tree = declarations.tree
        if layer.input_shape[0] > 1 and not tree.mentions(function, "input_dims->n"):
            return f"takes a single image in CMSIS-NN {tree.version}"
        return too_large((layer.input_shape, layer.output_shape))

    return refuses


def _bind(declarations: Declarations, function: str, layer: Pool2D, scratch_bytes: int) -> Binding:
    rows, columns = layer.window.height, layer.window.width
    parameters = declarations.struct(
        "cmsis_nn_pool_params",
        {
            "stride": {"w": columns.stride, "h": rows.stride},
            "padding": {"w": columns.pad, "h": rows.pad},
            "activation": {"min": layer.clamp_min, "max": layer.clamp_max},
        },
    )
    call = declarations.call(
        function,
        {
            "ctx": scratch_context(declarations, scratch_bytes),
            "pool_params": parameters,
            "input_dims": dims(declarations, "input_dims", layer.input_shape),
            "input_data": TensorArgument(layer.inputs[0]),
            "filter_dims": dims(declarations, "filter_dims", (1, rows.size, columns.size, 1)),
            "output_dims": dims(declarations, "output_dims", layer.output_shape),
            "output_data": TensorArgument(layer.outputs[0], writable=True),
        },
    )
    return Binding(calls=(call,), scratch_bytes=scratch_bytes)


def _bind_average(declarations: Declarations, layer: AveragePool2D, core: Core) -> Binding:
    return _bind(declarations, _AVERAGE, layer, scratch.average_pool(layer, core))


def _bind_maximum(
    declarations: Declarations,
    layer: MaxPool2D,
    core: Core,  # noqa: ARG001 - as on every core
) -> Binding:
    return _bind(declarations, _MAXIMUM, layer, 0)


def kernels(declarations: Declarations) -> Sequence[Kernel]:
    """The kernels of this family in a tree."""
    return (
        CmsisNNKernel(
            declarations, _AVERAGE, AveragePool2D, _refuses(_AVERAGE), _bind_average, costs.pool
        ),
        CmsisNNKernel(
            declarations, _MAXIMUM, MaxPool2D, _refuses(_MAXIMUM), _bind_maximum, costs.pool
        ),
    )
