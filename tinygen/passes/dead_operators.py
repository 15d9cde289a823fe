# SPDX-License-Identifier: Apache-2.0
"""Operators whose results nobody reads are left out, unless they do something beside.

One that cannot be compiled stays, so that the model is refused as TFLM refuses it.
"""

from __future__ import annotations

from tinygen.ir.graph import Graph, Numerics, Rewrite
from tinygen.passes.rewriting import layer_of, rewritten

_WITH_EFFECTS = frozenset(
    {"ASSIGN_VARIABLE", "CALL_ONCE", "CUSTOM", "IF", "READ_VARIABLE", "VAR_HANDLE", "WHILE"}
)
"""Operators that change or declare a state, or whose inside is not seen from here."""


def remove_dead_operators(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph."""
    subgraph = graph.main
    read = set(subgraph.outputs)
    kept = []
    rewrites = []
    for operator in reversed(subgraph.operators):
        is_read = any(index in read for index in operator.outputs)
        if not is_read and operator.opcode not in _WITH_EFFECTS:
            layer = layer_of(operator, subgraph, numerics)
            if layer is not None and not layer.states:
                rewrites.append(Rewrite("dead operators", operator, "removed: nobody reads it"))
                continue
        read.update(operator.inputs)
        kept.append(operator)
    return rewritten(graph, reversed(kept), rewrites[::-1])
