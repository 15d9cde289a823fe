# SPDX-License-Identifier: Apache-2.0
"""A RELU or RELU6 becomes the fused activation of the operator that computes its input.

Exact where the producer ends in a clamp and the activation neither rescales nor has other readers of
its input. For 8 and 16 bits that is tried on every value there is: clamping at once must give what
clamping twice gives. In float32 the fused clamp is that of the activation, and the largest finite
value, to which every producer clamps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinygen.errors import TinygenError
from tinygen.ir.graph import DType, Graph, Numerics, Operator, Rewrite, Subgraph
from tinygen.ops.quantized import activation_range
from tinygen.ops.view import OperatorView
from tinygen.passes.rewriting import (
    alike,
    applied,
    every_value,
    layer_of,
    producers,
    rewritten,
    uses,
)

_PRODUCERS = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "MAX_POOL_2D",
        "MUL",
        "SUB",
    }
)
"""Operators whose last act is the clamp of their ``fused_activation_function``."""

_ACTIVATIONS = ("RELU", "RELU6")


@dataclass(frozen=True)
class _Pair:
    """A producer and the activation behind it."""

    producer: Operator
    activation: Operator
    subgraph: Subgraph
    numerics: Numerics


def fuse_activations(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph."""
    subgraph = graph.main
    writers = dict(producers(subgraph))
    readers = uses(subgraph)
    kept: dict[int, Operator] = {}
    rewrites = []
    for operator in subgraph.operators:
        kept[operator.index] = operator
        producer = writers.get(operator.inputs[0]) if operator.inputs else None
        if (
            producer is None
            or operator.opcode not in _ACTIVATIONS
            or producer.opcode not in _PRODUCERS
            or readers[operator.inputs[0]] != 1
        ):
            continue
        fused = _fused(_Pair(producer, operator, subgraph, numerics))
        if fused is None:
            continue
        del kept[operator.index]
        kept[producer.index] = writers[operator.outputs[0]] = fused
        rewrites.append(Rewrite("activations", operator, f"done by {producer.label}"))
    if not rewrites:
        return graph
    return rewritten(graph, kept.values(), rewrites)


def _fused(pair: _Pair) -> Operator | None:
    """The producer with the activation inside, or None if that is not the same."""
    between, output = (
        pair.subgraph.tensors[i] for i in (pair.activation.inputs[0], pair.activation.outputs[0])
    )
    if not alike(between, output) or between.is_variable:
        return None
    if layer_of(pair.producer, pair.subgraph, pair.numerics) is None:
        return None
    for name in ("RELU", "RELU6"):
        if not (_same_float(pair, name) if between.dtype is DType.FLOAT32 else _same(pair, name)):
            continue
        fused = replace(
            pair.producer,
            outputs=pair.activation.outputs,
            options={**pair.producer.options, "fused_activation_function": name},
            absorbed=(*pair.producer.absorbed, *pair.activation.parts),
        )
        if layer_of(fused, pair.subgraph, pair.numerics) is not None:
            return fused
    return None


def _same_float(pair: _Pair, name: str) -> bool:
    present = pair.producer.options.get("fused_activation_function")
    is_sound = layer_of(pair.activation, pair.subgraph, pair.numerics) is not None
    return is_sound and name == pair.activation.opcode and present in ("NONE", name)


def _same(pair: _Pair, name: str) -> bool:
    """Whether the named clamp alone gives what the producer's clamp and the activation give."""
    output = pair.subgraph.tensors[pair.activation.outputs[0]]
    values = every_value(output.dtype)
    layer = layer_of(pair.activation, pair.subgraph, pair.numerics)
    present = pair.producer.options.get("fused_activation_function")
    if values is None or layer is None or not isinstance(present, str):
        return False
    view = OperatorView(pair.producer, pair.subgraph)
    try:
        before, after = (activation_range(view, which, output) for which in (present, name))
    except TinygenError:
        return False
    twice = applied(layer, np.clip(values, *before))
    return twice is not None and np.array_equal(twice, np.clip(values, *after))
