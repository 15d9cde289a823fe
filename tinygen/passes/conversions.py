# SPDX-License-Identifier: Apache-2.0
"""Two conversions one after the other that give back what went in: DEQUANTIZE and QUANTIZE, say.

Where models are joined, or a float operator was taken out, int8 becomes float32 and int8 again. All
values of 8 and 16 bits are sent through both operators' reference; only if each of them comes back is
the second operator a view of the first one's input. The first one dies if nobody else reads it.
QUANTIZE before DEQUANTIZE rounds, and stays.
"""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray, Graph, Numerics, Operator, Rewrite
from tinygen.ops.movement import Reshape
from tinygen.passes.rewriting import Fused, Pair, applied, as_view, every_value, fuse

_CONVERSIONS = ("DEQUANTIZE", "QUANTIZE")


def remove_conversion_pairs(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph; RESHAPEs may stand between the two."""
    return fuse(graph, numerics, _fused)


def _fused(pair: Pair) -> Fused | None:
    second = pair.consumer
    if second.opcode not in _CONVERSIONS or len(second.inputs) != 1:
        return None
    first = _before_views(pair)
    if first is None or first.opcode not in _CONVERSIONS or len(first.inputs) != 1:
        return None
    if not _gives_back(pair, first):
        return None
    undone = Rewrite("conversions", second, f"a view: it undoes {first.label}")
    return Fused(pair.producer, as_view(second, first.inputs[0]), undone)


def _before_views(pair: Pair) -> Operator | None:
    """Who computes what a chain of RESHAPEs passes on to the consumer."""
    producer: Operator | None = pair.producer
    while producer and isinstance(layer := pair.layer(producer), Reshape):
        producer = pair.writers.get(layer.inputs[0])
    return producer


def _gives_back(pair: Pair, first: Operator) -> bool:
    tensors = pair.subgraph.tensors
    source, result = tensors[first.inputs[0]], tensors[pair.consumer.outputs[0]]
    values = every_value(source.dtype)
    if values is None or source.dtype is not result.dtype or source.is_variable:
        return False
    back: AnyArray | None = values
    for operator in (first, pair.consumer):
        layer = pair.layer(operator)
        back = None if layer is None or back is None else applied(layer, back)
    return back is not None and np.array_equal(back, values)
