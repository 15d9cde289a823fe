# SPDX-License-Identifier: Apache-2.0
"""Two conversions one after the other that give back what went in: DEQUANTIZE and QUANTIZE, say.

Where models are joined, or a float operator was taken out, int8 becomes float32 and int8 again. All
values of 8 and 16 bits are sent through both operators' reference; only if each of them comes back is
the second operator a view of the first one's input. The first one dies if nobody else reads it.
QUANTIZE before DEQUANTIZE rounds, and stays.
"""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray, Graph, Numerics, Operator, Rewrite, Subgraph
from tinygen.passes.rewriting import (
    applied,
    as_view,
    every_value,
    layer_of,
    producers,
    rewritten,
    source_through_views,
)

_CONVERSIONS = ("DEQUANTIZE", "QUANTIZE")


def remove_conversion_pairs(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph; RESHAPEs may stand between the two."""
    subgraph = graph.main
    writers = producers(subgraph)
    operators = []
    rewrites = []
    for operator in subgraph.operators:
        operators.append(operator)
        if operator.opcode not in _CONVERSIONS or len(operator.inputs) != 1:
            continue
        between = source_through_views(operator.inputs[0], writers, subgraph, numerics)
        first = writers.get(between)
        if first is None or first.opcode not in _CONVERSIONS or len(first.inputs) != 1:
            continue
        source = first.inputs[0]
        if _gives_back(first, operator, subgraph, numerics):
            operators[-1] = as_view(operator, source)
            rewrites.append(Rewrite("conversions", operator, f"a view: it undoes {first.label}"))
    if not rewrites:
        return graph
    return rewritten(graph, operators, rewrites)


def _gives_back(first: Operator, second: Operator, subgraph: Subgraph, numerics: Numerics) -> bool:
    source, result = subgraph.tensors[first.inputs[0]], subgraph.tensors[second.outputs[0]]
    values = every_value(source.dtype)
    if values is None or source.dtype is not result.dtype or source.is_variable:
        return False
    back: AnyArray | None = values
    for operator in (first, second):
        layer = layer_of(operator, subgraph, numerics)
        back = None if layer is None or back is None else applied(layer, back)
    return back is not None and np.array_equal(back, values)
