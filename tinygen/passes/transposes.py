# SPDX-License-Identifier: Apache-2.0
"""A TRANSPOSE of a TRANSPOSE is one TRANSPOSE: of the first one's input, by both permutations.

If the two undo each other, what is left is an identity, which the pass for those removes. Otherwise
the pair is joined only if nobody else reads what is between, or nothing would be saved.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Graph, Numerics, Operator, Rewrite, Tensor
from tinygen.passes.rewriting import Fused, Pair, fuse


def join_transposes(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph; the joined permutations are new tensors behind the others."""
    return fuse(graph, numerics, _fused)


def _fused(pair: Pair) -> Fused | None:
    first, second = pair.producer, pair.consumer
    if not (_is_transpose(pair, first) and _is_transpose(pair, second)):
        return None
    permutation = _composed(pair)
    if not pair.alone and permutation.tolist() != list(range(permutation.size)):
        return None
    constant = Tensor(
        index=len(pair.subgraph.tensors),
        name=f"permutation of operators {first.index} and {second.index}",
        dtype=DType.INT32,
        shape=permutation.shape,
        data=permutation,
    )
    joined = replace(second, inputs=(first.inputs[0], constant.index))
    if pair.alone:
        joined = replace(joined, absorbed=(*second.absorbed, *first.parts))
    done = Rewrite("transposes", second, f"joined with {first.label}")
    return Fused(None if pair.alone else first, joined, done, (constant,))


def _is_transpose(pair: Pair, operator: Operator) -> bool:
    """Whether it is a sound TRANSPOSE of what no inference inherits from the one before."""
    return (
        operator.opcode == "TRANSPOSE"
        and pair.layer(operator) is not None
        and not pair.subgraph.tensors[operator.inputs[0]].is_variable
    )


def _composed(pair: Pair) -> AnyArray:
    indices = (operator.inputs[1] for operator in (pair.producer, pair.consumer))
    permutations = (pair.subgraph.tensors[index].data for index in indices)
    before, after = (np.asarray(p, dtype=np.int32).reshape(-1) for p in permutations)
    composed: AnyArray = before[after]
    return composed
