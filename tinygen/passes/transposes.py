# SPDX-License-Identifier: Apache-2.0
"""A TRANSPOSE of a TRANSPOSE is one TRANSPOSE: of the first one's input, by both permutations.

If the two undo each other, what is left is an identity, which the pass for those removes. Otherwise
the pair is joined only if nobody else reads what is between, or nothing would be saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Graph, Numerics, Operator, Rewrite, Subgraph, Tensor
from tinygen.passes.rewriting import layer_of, producers, rewritten, uses


def join_transposes(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph; the joined permutations are new tensors behind the others."""
    subgraph = graph.main
    tensors = list(subgraph.tensors)
    writers = dict(producers(subgraph))
    readers = uses(subgraph)
    kept: dict[int, Operator] = {}
    rewrites = []
    for operator in subgraph.operators:
        kept[operator.index] = operator
        first = writers.get(operator.inputs[0]) if operator.inputs else None
        if first is None or not _are_transposes(
            (first, operator), replace(subgraph, tensors=tuple(tensors)), numerics
        ):
            continue
        permutation = _composed(tensors, first, operator)
        only_reader = readers[operator.inputs[0]] == 1
        if not only_reader and permutation.tolist() != list(range(permutation.size)):
            continue
        constant = Tensor(
            index=len(tensors),
            name=f"permutation of operators {first.index} and {operator.index}",
            dtype=DType.INT32,
            shape=permutation.shape,
            data=permutation,
        )
        tensors.append(constant)
        joined = replace(operator, inputs=(first.inputs[0], constant.index))
        if only_reader:
            joined = replace(joined, absorbed=(*operator.absorbed, *first.parts))
            del kept[first.index]
        kept[operator.index] = writers[operator.outputs[0]] = joined
        rewrites.append(Rewrite("transposes", operator, f"joined with {first.label}"))
    if not rewrites:
        return graph
    extended = replace(subgraph, tensors=tuple(tensors))
    graph = replace(graph, subgraphs=(extended, *graph.subgraphs[1:]))
    return rewritten(graph, kept.values(), rewrites)


def _are_transposes(
    operators: tuple[Operator, ...], subgraph: Subgraph, numerics: Numerics
) -> bool:
    """Whether all are sound TRANSPOSEs of tensors that no inference inherits from the one before."""
    return all(
        operator.opcode == "TRANSPOSE"
        and layer_of(operator, subgraph, numerics) is not None
        and not subgraph.tensors[operator.inputs[0]].is_variable
        for operator in operators
    )


def _composed(tensors: Sequence[Tensor], first: Operator, second: Operator) -> AnyArray:
    permutations = [tensors[operator.inputs[1]].data for operator in (first, second)]
    before, after = (np.asarray(p, dtype=np.int32).reshape(-1) for p in permutations)
    composed: AnyArray = before[after]
    return composed
