# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of FULLY_CONNECTED: weights quantized per tensor, and per channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Constant, ConstantArgument, Struct, TensorArgument
from tinygen.kernels.cmsis_nn import costs
from tinygen.kernels.cmsis_nn.base import (
    CmsisNNKernel,
    activation,
    dims,
    per_channel,
    rounds_otherwise,
    scratch_context,
)
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.numerics.fixed_point import wrap_int32
from tinygen.ops.fully_connected import FullyConnected

_PER_TENSOR = "arm_fully_connected_s8"
_PER_CHANNEL = "arm_fully_connected_per_channel_s8"
_PRODUCT = "arm_nn_vec_mat_mult_t_s8"


def _kernel_sums(declarations: Declarations, layer: FullyConnected, core: Core) -> Constant | None:
    """What the MVE kernels read from their context; None if this tree's kernel reads nothing.

    Upstream computes it at start-up with ``arm_vector_sum_s8``. From 5.0.0 on it is the sum of each
    output's weights, from 7.0.0 on the accumulator's start: bias + offset · sum. The kernels of the
    former scale the sum themselves.
    """
    tree = declarations.tree
    if not core.mve or not tree.mentions(_PRODUCT, "kernel_sum"):
        return None
    sums = layer.weights.astype(np.int64).sum(axis=1)
    if not tree.mentions(_PRODUCT, "rhs_sum"):
        sums = layer.bias.astype(np.int64) - layer.input_zero_point * sums
    return Constant("kernel_sums", wrap_int32(sums))


def _is_per_tensor(layer: FullyConnected) -> bool:
    multipliers, shifts = layer.requantization.multipliers, layer.requantization.shifts
    return len(set(zip(multipliers.tolist(), shifts.tolist(), strict=True))) == 1


def _refuses_per_tensor(
    declarations: Declarations,  # noqa: ARG001 - every release does the same
    layer: FullyConnected,
    core: Core,  # noqa: ARG001 - as on every core
) -> str | None:
    if not _is_per_tensor(layer):
        return "has one scale for all weights, and these have one a channel"
    return rounds_otherwise(layer.requantization)


def _refuses_per_channel(
    declarations: Declarations,
    layer: FullyConnected,
    core: Core,
) -> str | None:
    if _refuses_per_tensor(declarations, layer, core) is None:
        return f"is needed only where {_PER_TENSOR} cannot be used"
    return rounds_otherwise(layer.requantization)


def _bind(
    declarations: Declarations,
    function: str,
    layer: FullyConnected,
    core: Core,
    quantization: tuple[Struct, tuple[Constant, ...]],
) -> Binding:
    outputs, inputs = layer.weights.shape
    sums = _kernel_sums(declarations, layer, core)
    context = scratch_context(declarations, 0)
    if sums is not None:
        context = declarations.struct(
            "cmsis_nn_context",
            {
                "buf": ConstantArgument(sums.name, cast="void *"),
                "size": int(sums.values.nbytes),
            },
            "context",
        )
    parameters = declarations.struct(
        "cmsis_nn_fc_params",
        {
            "input_offset": -layer.input_zero_point,
            "filter_offset": 0,
            "output_offset": layer.requantization.zero_point,
            "activation": activation(layer.requantization),
        },
    )
    call = declarations.call(
        function,
        {
            "ctx": context,
            "fc_params": parameters,
            "quant_params": quantization[0],
            "input_dims": dims(declarations, "input_dims", (layer.batches, 1, 1, inputs)),
            "input_data": TensorArgument(layer.inputs[0]),
            "filter_dims": dims(declarations, "filter_dims", (inputs, 1, 1, outputs)),
            "filter_data": ConstantArgument("weights"),
            "bias_dims": dims(declarations, "bias_dims", (1, 1, 1, outputs)),
            "bias_data": ConstantArgument("bias"),
            "output_dims": dims(declarations, "output_dims", (layer.batches, 1, 1, outputs)),
            "output_data": TensorArgument(layer.outputs[0], writable=True),
        },
    )
    return Binding(
        calls=(call,),
        constants=(
            Constant("weights", layer.weights),
            Constant("bias", layer.bias),
            *quantization[1],
            *((sums,) if sums is not None else ()),
        ),
    )


def _bind_per_tensor(declarations: Declarations, layer: FullyConnected, core: Core) -> Binding:
    quantization = declarations.struct(
        "cmsis_nn_per_tensor_quant_params",
        {
            "multiplier": int(layer.requantization.multipliers[0]),
            "shift": int(layer.requantization.shifts[0]),
        },
        "quantization",
    )
    return _bind(declarations, _PER_TENSOR, layer, core, (quantization, ()))


def _bind_per_channel(declarations: Declarations, layer: FullyConnected, core: Core) -> Binding:
    quantization = per_channel(declarations, layer.requantization)
    return _bind(declarations, _PER_CHANNEL, layer, core, quantization)


def kernels(declarations: Declarations) -> Sequence[Kernel]:
    """The kernels of this family in a tree."""
    return (
        CmsisNNKernel(
            declarations,
            _PER_TENSOR,
            FullyConnected,
            _refuses_per_tensor,
            _bind_per_tensor,
            costs.fully_connected,
        ),
        CmsisNNKernel(
            declarations,
            _PER_CHANNEL,
            FullyConnected,
            _refuses_per_channel,
            _bind_per_channel,
            costs.fully_connected,
        ),
    )
