# SPDX-License-Identifier: Apache-2.0
"""A RELU, a RELU6 or what comes to one becomes the fused activation of what computes its input.

Exact where the producer ends in a clamp and the activation neither rescales nor has other readers of
its input. For 8 and 16 bits that is tried on every value there is: clamping at once must give what
clamping twice gives. In float32 the fused clamp is that of the activation, and the largest finite
value, to which every producer clamps.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygen.errors import TinygenError
from tinygen.ir.graph import DType, Graph, Numerics, Rewrite
from tinygen.ops.quantized import activation_range
from tinygen.ops.registry import kind_of
from tinygen.ops.view import OperatorView
from tinygen.passes.rewriting import Fused, Pair, alike, applied, every_value, fuse


def fuse_activations(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph."""
    return fuse(graph, numerics, _fused)


def _fused(pair: Pair) -> Fused | None:
    """The producer with the activation inside, or None if that is not the same."""
    producer, activation = pair.producer, pair.consumer
    before, kind = kind_of(producer), kind_of(activation)
    if (
        before is None
        or kind is None
        or not (pair.alone and before.ends_in_clamp and kind.may_clamp)
    ):
        return None
    between, output = (
        pair.subgraph.tensors[i] for i in (activation.inputs[0], activation.outputs[0])
    )
    if not alike(between, output) or between.is_variable or pair.layer(producer) is None:
        return None
    for name in ("RELU", "RELU6"):
        if not (_same_float(pair, name) if between.dtype is DType.FLOAT32 else _same(pair, name)):
            continue
        fused = replace(
            producer,
            outputs=activation.outputs,
            options={**producer.options, "fused_activation_function": name},
            absorbed=(*producer.absorbed, *activation.parts),
        )
        if pair.layer(fused) is not None:
            done = Rewrite("activations", activation, f"done by {producer.label}")
            return Fused(fused, None, done)
    return None


def _same_float(pair: Pair, name: str) -> bool:
    present = pair.producer.options.get("fused_activation_function")
    is_sound = pair.layer(pair.consumer) is not None
    return is_sound and name == pair.consumer.opcode and present in ("NONE", name)


def _same(pair: Pair, name: str) -> bool:
    """Whether the named clamp alone gives what the producer's clamp and the activation give."""
    output = pair.subgraph.tensors[pair.consumer.outputs[0]]
    values = every_value(output.dtype)
    layer = pair.layer(pair.consumer)
    present = pair.producer.options.get("fused_activation_function")
    if values is None or layer is None or not isinstance(present, str):
        return False
    view = OperatorView(pair.producer, pair.subgraph, pair.numerics)
    try:
        before, after = (activation_range(view, which, output) for which in (present, name))
    except TinygenError:
        return False
    twice = applied(layer, np.clip(values, *before))
    return twice is not None and np.array_equal(twice, np.clip(values, *after))
