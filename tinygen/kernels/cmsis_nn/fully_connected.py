# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of FULLY_CONNECTED: weights quantized per tensor, and per channel."""

from __future__ import annotations

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.kernels.binding import Binding, Constant, Struct
from tinygen.kernels.cmsis_nn import base, costs
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
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
    return Constant("kernel_sums", wrap_int32(sums), cast="void *")


def _is_per_tensor(layer: FullyConnected) -> bool:
    multipliers, shifts = layer.requantization.multipliers, layer.requantization.shifts
    return len(set(zip(multipliers.tolist(), shifts.tolist(), strict=True))) == 1


def _binding(
    declarations: Declarations,
    function: str,
    layer: FullyConnected,
    core: Core,
    quantization: Struct,
) -> Binding:
    outputs, inputs = layer.weights.shape
    sums = _kernel_sums(declarations, layer, core)
    context = base.scratch_context(declarations, 0)
    if sums is not None:
        size = int(sums.values.nbytes)
        context = declarations.struct("cmsis_nn_context", {"buf": sums, "size": size}, "context")
    parameters = declarations.struct(
        "cmsis_nn_fc_params",
        {
            "input_offset": -layer.input_zero_point,
            "filter_offset": 0,
            "output_offset": layer.requantization.zero_point,
            "activation": base.activation(layer.requantization),
        },
    )
    source, sink = in_and_out(layer)
    call = declarations.call(
        function,
        {
            "ctx": context,
            "fc_params": parameters,
            "quant_params": quantization,
            "input_dims": base.dims(declarations, "input_dims", (layer.batches, 1, 1, inputs)),
            "input_data": source,
            "filter_dims": base.dims(declarations, "filter_dims", (inputs, 1, 1, outputs)),
            "filter_data": Constant("weights", layer.weights),
            "bias_dims": base.dims(declarations, "bias_dims", (1, 1, 1, outputs)),
            "bias_data": Constant("bias", layer.bias),
            "output_dims": base.dims(declarations, "output_dims", (layer.batches, 1, 1, outputs)),
            "output_data": sink,
        },
    )
    return Binding(calls=(call,))


@base.library_function(_PER_TENSOR, FullyConnected)
def per_tensor(declarations: Declarations, layer: FullyConnected, core: Core) -> Offer | Refusal:
    """With one scale for all weights."""
    if not _is_per_tensor(layer):
        return Refusal("has one scale for all weights, and these have one a channel")
    quantization = declarations.struct(
        "cmsis_nn_per_tensor_quant_params",
        {
            "multiplier": int(layer.requantization.multipliers[0]),
            "shift": int(layer.requantization.shifts[0]),
        },
        "quantization",
    )
    return base.rounds_otherwise(layer.requantization) or base.bound(
        costs.fully_connected(layer, core),
        _binding(declarations, _PER_TENSOR, layer, core, quantization),
    )


@base.library_function(_PER_CHANNEL, FullyConnected)
def by_channel(declarations: Declarations, layer: FullyConnected, core: Core) -> Offer | Refusal:
    """With one scale a channel; from 6.0.0 on."""
    refusal = base.rounds_otherwise(layer.requantization)
    if refusal is None and _is_per_tensor(layer):
        refusal = Refusal(f"is needed only where {_PER_TENSOR} cannot be used")
    quantization = base.per_channel(declarations, layer.requantization)
    return refusal or base.bound(
        costs.fully_connected(layer, core),
        _binding(declarations, _PER_CHANNEL, layer, core, quantization),
    )


FUNCTIONS = (per_tensor, by_channel)
