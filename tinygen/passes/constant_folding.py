# SPDX-License-Identifier: Apache-2.0
"""Operators all of whose inputs are known at compile time are computed there, shapes among them.

The value is the reference's, so it has the bits that the operator would have had at run time. Shape
arithmetic that TFLM has no kernels for is folded too (``shape_arithmetic``): nothing of it is left to
compile. A result much larger than what it is made of stays computed, so that constants do not grow.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygen.errors import TinygenError
from tinygen.ir.graph import ABSENT, AnyArray, Graph, Numerics, Operator, Rewrite, Subgraph, Tensor
from tinygen.ops.registry import Kind, kind_of
from tinygen.ops.view import OperatorView
from tinygen.passes.rewriting import rewritten
from tinygen.passes.shape_arithmetic import integer_result

_MOST_GROWTH = 4
_ALWAYS_SMALL = 1024
"""Bytes that a folded tensor may have whatever it is made of."""


def fold_constants(graph: Graph, numerics: Numerics) -> Graph:
    """Fold what can be folded in the main subgraph."""
    subgraph = graph.main
    tensors = list(subgraph.tensors)
    kept = []
    rewrites = []
    for operator in subgraph.operators:
        present = replace(subgraph, tensors=tuple(tensors))
        values = _values(operator, present, numerics)
        if values is None or not _worth_keeping(operator, present):
            kept.append(operator)
            continue
        for index, value in zip(operator.outputs, values, strict=True):
            tensors[index] = replace(tensors[index], data=np.asarray(value))
        rewrites.append(Rewrite("constant folding", operator, "removed: computed beforehand"))
    return rewritten(graph, kept, rewrites, tensors)


def _worth_keeping(operator: Operator, subgraph: Subgraph) -> bool:
    """Whether the results are not much larger than the constants they are made of."""
    sources, results = (
        sum(subgraph.tensors[index].nbytes for index in set(indices) if index != ABSENT)
        for indices in (operator.inputs, operator.outputs)
    )
    return results <= max(_ALWAYS_SMALL, _MOST_GROWTH * sources)


def _values(
    operator: Operator, subgraph: Subgraph, numerics: Numerics
) -> tuple[AnyArray, ...] | None:
    """The operator's outputs, or None if they are not known before run time."""
    inputs = [subgraph.tensors[index] for index in operator.inputs if index != ABSENT]
    only_shape = operator.opcode == "SHAPE"
    kind = kind_of(operator)
    if not inputs or (kind is not None and kind.stateful):
        return None
    if not only_shape and not all(tensor.is_constant for tensor in inputs):
        return None
    values = None if kind is None else _reference(kind, operator, subgraph, numerics)
    if values is None and len(operator.outputs) == 1 and not only_shape:
        result = integer_result(operator, inputs, subgraph.tensors[operator.outputs[0]])
        values = None if result is None else (result,)
    return values


def _reference(
    kind: Kind, operator: Operator, subgraph: Subgraph, numerics: Numerics
) -> tuple[AnyArray, ...] | None:
    """What the operator's layer computes, or None if it cannot be folded to one."""
    known = {t.index: t.data for t in subgraph.tensors if t.data is not None}
    # Lowerings want their data computed: as it is first, then with one constant after the other
    # taken for data.
    for hidden in (None, *dict.fromkeys(operator.inputs)):
        tensors = tuple(_hidden(t) if t.index == hidden else t for t in subgraph.tensors)
        view = OperatorView(operator, replace(subgraph, tensors=tensors), numerics)
        try:
            layer = kind.lower(view)
        except TinygenError:
            continue
        if layer.outputs == operator.outputs and all(index in known for index in layer.inputs):
            return layer.reference(*(known[index] for index in layer.inputs))
    return None


def _hidden(tensor: Tensor) -> Tensor:
    return replace(tensor, data=None)
