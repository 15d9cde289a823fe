# SPDX-License-Identifier: Apache-2.0
"""Operators all of whose inputs are known at compile time are computed there, shapes among them.

The value is the reference's, so it has the bits that the operator would have had at run time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygen.errors import TinygenError
from tinygen.graph import ABSENT, AnyArray, Graph, Operator, Subgraph, Tensor
from tinygen.numerics import Numerics
from tinygen.ops import is_supported, lowering_of
from tinygen.ops.layer import OperatorView

_STATEFUL = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE", "CUSTOM")


def fold_constants(graph: Graph) -> Graph:
    """Fold what can be folded in the main subgraph; a model's output stays computed."""
    subgraph = graph.main
    tensors = list(subgraph.tensors)
    kept = []
    for operator in subgraph.operators:
        present = replace(subgraph, tensors=tuple(tensors))
        values = _values(operator, present)
        if values is None or any(index in subgraph.outputs for index in operator.outputs):
            kept.append(operator)
            continue
        for index, value in zip(operator.outputs, values, strict=True):
            tensors[index] = replace(tensors[index], data=np.asarray(value))
    folded = replace(subgraph, tensors=tuple(tensors), operators=tuple(kept))
    return replace(graph, subgraphs=(folded, *graph.subgraphs[1:]))


def _values(operator: Operator, subgraph: Subgraph) -> tuple[AnyArray, ...] | None:
    """The operator's outputs, or None if they are not known before run time."""
    if operator.opcode in _STATEFUL or not is_supported(operator):
        return None
    inputs = [subgraph.tensors[index] for index in operator.inputs if index != ABSENT]
    only_shape = operator.opcode == "SHAPE"
    if not only_shape and not (inputs and all(tensor.is_constant for tensor in inputs)):
        return None
    # Lowerings want their data computed: as it is first, then with one constant after the other
    # taken for data.
    for hidden in (None, *dict.fromkeys(operator.inputs)):
        tensors = tuple(_hidden(t) if t.index == hidden else t for t in subgraph.tensors)
        view = OperatorView(operator, replace(subgraph, tensors=tensors))
        try:
            layer = lowering_of(operator)(view, Numerics.TFLM)
        except TinygenError:
            continue
        known = {t.index: t.data for t in subgraph.tensors if t.data is not None}
        if layer.outputs == operator.outputs and all(index in known for index in layer.inputs):
            return layer.reference(*(known[index] for index in layer.inputs))
    return None


def _hidden(tensor: Tensor) -> Tensor:
    return replace(tensor, data=None)
