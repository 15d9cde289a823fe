# SPDX-License-Identifier: Apache-2.0
"""Operators that change nothing: left out where that can be, else a view of their input.

A QUANTIZE to the same parameters, a TRANSPOSE of dimensions of extent 1, a SLICE of everything, a PAD
by nothing, a RELU over values that are never negative: whatever moves every byte to where it was. The
layer itself is asked (its copies, or its result for every value there is), not the options.

The operator goes if those who read its output may as well read its input, or if whoever writes its
input may as well write its output: shape, type and quantization are the same. Else it stays as a
RESHAPE. A tensor that keeps its value from one inference to the next is never read late: a copy of it
stays a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tinygen.ir.graph import DType, Graph, Numerics, Operator, Rewrite, Subgraph
from tinygen.ir.layer import Layer
from tinygen.ops.movement import Concatenation, Reshape
from tinygen.ops.pad import Pad
from tinygen.ops.registry import kind_of
from tinygen.ops.strided import Move
from tinygen.passes.rewriting import alike, applied, as_view, every_value, layer_of, rewritten

_STAGE = "identities"


def remove_identities(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph."""
    subgraph = graph.main
    renamed: dict[int, int] = {}
    kept: list[Operator] = []
    rewrites = []
    for original in subgraph.operators:
        operator = _reading(original, renamed)
        kind = kind_of(operator)
        worth_trying = kind is not None and (kind.moves or kind.may_clamp)
        layer = layer_of(operator, subgraph, numerics) if worth_trying else None
        if layer is None or not _changes_nothing(layer, subgraph):
            kept.append(operator)
            continue
        (source,), (output,) = layer.inputs, layer.outputs
        if _may_replace(subgraph, source, output):
            if output not in subgraph.outputs:
                renamed[output] = source
            else:
                kept = [_writing(_reading(o, {source: output}), source, output) for o in kept]
                renamed = {old: output if new == source else new for old, new in renamed.items()}
                renamed[source] = output
            rewrites.append(Rewrite(_STAGE, original, "removed: it changes nothing"))
        elif operator.opcode == "RESHAPE":
            kept.append(operator)
        else:
            kept.append(as_view(operator, source))
            rewrites.append(Rewrite(_STAGE, original, "a view: it moves nothing"))
    return rewritten(graph, kept, rewrites)


def _reading(operator: Operator, renamed: Mapping[int, int]) -> Operator:
    inputs = tuple(renamed.get(index, index) for index in operator.inputs)
    return operator if inputs == operator.inputs else replace(operator, inputs=inputs)


def _writing(operator: Operator, old: int, new: int) -> Operator:
    if old not in operator.outputs:
        return operator
    return replace(operator, outputs=tuple(new if i == old else i for i in operator.outputs))


def _may_replace(subgraph: Subgraph, source: int, output: int) -> bool:
    """Whether one tensor can be done without."""
    tensor = subgraph.tensors[source]
    if not alike(tensor, subgraph.tensors[output]):
        return False
    is_interface = source in subgraph.inputs or source in subgraph.outputs
    return output not in subgraph.outputs or not (is_interface or tensor.is_constant)


def _changes_nothing(layer: Layer, subgraph: Subgraph) -> bool:
    """Whether the one output's bytes are the one input's."""
    if len(layer.inputs) != 1 or len(layer.outputs) != 1 or layer.states:
        return False
    source, output = (subgraph.tensors[i] for i in (*layer.inputs, *layer.outputs))
    if source.is_variable or output.is_variable:
        return False
    if source.dtype is not output.dtype or source.elements != output.elements:
        return False
    if isinstance(layer, Reshape):
        return True
    if isinstance(layer, Move):
        return _copies_straight(layer, output.elements)
    if isinstance(layer, Concatenation):
        return len(layer.operands) == 1
    if isinstance(layer, Pad):
        return True  # as many elements as before
    return _is_identity(layer, source.dtype)


def _copies_straight(layer: Move, elements: int) -> bool:
    if len(layer.operands) != 1 or len(layer.copies) != 1:
        return False
    (copy,) = layer.copies
    straight = (copy.source_offset, copy.sink_offset, *copy.source_strides, *copy.sink_strides)
    if elements == 1:
        return straight[:2] == (0, 0)
    return straight == (0, 0, 1, 1) and copy.extents == (elements,)


def _is_identity(layer: Layer, dtype: DType) -> bool:
    values = every_value(dtype)
    if values is None:
        return False
    results = applied(layer, values)
    return results is not None and np.array_equal(results, values)
