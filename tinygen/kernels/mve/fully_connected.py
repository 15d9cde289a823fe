# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED with Helium: ``mve/fully_connected_s8.h``."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels.binding import Assembly, Binding, Call, Raw
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.mve.base import helium
from tinygen.kernels.mve.gemm import VECTOR
from tinygen.kernels.mve.requantization import refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import Int32Array, wrap_int32
from tinygen.ops.fully_connected import FullyConnected
from tinygen.requantize.channels import folded_bias

_GROUP = 8
_LANES = (0, 2, 4, 6, 1, 3, 5, 7)
"""Outputs of a group in the order of the vectors' lanes."""
_COSTS = Costs("mve.fully_connected")


def _cycles(layer: FullyConnected) -> float:
    outputs, inputs = layer.weights.shape
    groups, rest = divmod(outputs, _GROUP)
    steps, tail = divmod(inputs, VECTOR)
    group = _COSTS.group + steps * _COSTS.step + bool(tail) * _COSTS.tail
    single = _COSTS.rest + (steps + bool(tail)) * _COSTS.rest_step
    batch = _COSTS.call + groups * group + rest * single
    return float(layer.batches * batch)


def _pack_weights(weights: AnyArray) -> AnyArray:
    """Groups of eight rows step by step, their ends, then the rows left over.

    Behind all there is room for a vector load.
    """
    outputs, inputs = weights.shape
    whole = inputs - inputs % VECTOR
    parts = []
    for first in range(0, outputs - outputs % _GROUP, _GROUP):
        rows = weights[first : first + _GROUP]
        parts.append(rows[:, :whole].reshape(_GROUP, -1, VECTOR).transpose(1, 0, 2).reshape(-1))
        parts.append(rows[:, whole:].reshape(-1))
    parts.append(weights[outputs - outputs % _GROUP :].reshape(-1))
    parts.append(np.zeros(-inputs % VECTOR, dtype=np.int8))
    return np.concatenate(parts).astype(np.int8)


def _pack_constants(rows: list[Int32Array], outputs: int) -> tuple[AnyArray, AnyArray]:
    """(those of the groups, those of the rest); ``rows`` are biases, and multipliers and shifts."""
    table = np.stack(rows)
    whole = outputs - outputs % _GROUP
    groups = table[:, :whole].reshape(len(rows), -1, _GROUP)[:, :, list(_LANES)]
    return groups.transpose(1, 0, 2).reshape(-1), table[:, whole:].reshape(-1)


def _assembly(per_channel: bool) -> Assembly:
    flag = int(per_channel)
    return Assembly(
        "mve/fully_connected_s8.inc",
        "tinygen_mve_fully_connected_function",
        "tinygen_mve_fully_connected_groups",
        (("per_channel", flag),),
        flag,
    )


def _bind(layer: FullyConnected) -> Binding:
    outputs, inputs = layer.weights.shape
    q = layer.requantization
    biases = wrap_int32(folded_bias(layer.weights, layer.bias, layer.input_zero_point))
    pairs = set(zip(q.multipliers.tolist(), q.shifts.tolist(), strict=True))
    # Only that form of the assembly does without a shift.
    per_channel = len(pairs) > 1 or int(q.shifts.max()) == 0
    rows = [biases, q.multipliers, q.shifts] if per_channel else [biases]
    groups, rest = _pack_constants(rows, outputs)
    run = struct(
        "tinygen_mve_fully_connected_run",
        q,
        groups=outputs // _GROUP,
        steps=inputs // VECTOR,
        tail=inputs % VECTOR,
        constants=groups.astype(np.int32) if len(groups) else Raw("NULL"),
        multiplier=0 if per_channel else q.multipliers[0],
        shift=0 if per_channel else q.shifts[0],
    )
    parameters = struct(
        "tinygen_mve_fully_connected_s8_params",
        layer,
        run=run,
        inputs=inputs,
        outputs=outputs,
        per_channel=per_channel,
        weights=_pack_weights(layer.weights),
        rest=rest.astype(np.int32) if len(rest) else Raw("NULL"),
    )
    function = _assembly(per_channel) if len(groups) else Raw("NULL")
    return Binding(
        calls=(Call("tinygen_mve_fully_connected_s8", (parameters, function, *in_and_out(layer))),),
        headers=("mve/fully_connected_s8.h",),
    )


@helium("fully_connected_s8", FullyConnected)
def fully_connected(layer: FullyConnected) -> Offer | Refusal:
    """Eight outputs at a time, then those left over."""
    reason = refusal(layer.requantization)
    return Refusal(reason) if reason else Offer(_cycles(layer), lambda: _bind(layer))


KERNELS = (fully_connected,)
