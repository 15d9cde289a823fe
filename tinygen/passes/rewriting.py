# SPDX-License-Identifier: Apache-2.0
"""What the passes share: folding one operator to see what it does, and putting the graph together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tinygen.errors import TinygenError
from tinygen.ir.dataflow import MOST_TENSOR_BYTES
from tinygen.ir.graph import (
    ABSENT,
    AnyArray,
    DType,
    Graph,
    Numerics,
    Operator,
    Rewrite,
    Subgraph,
    Tensor,
)
from tinygen.ir.layer import Layer
from tinygen.ops import is_supported, lowering_of
from tinygen.ops.elementwise import Elementwise
from tinygen.ops.lookup import Lookup
from tinygen.ops.movement import Reshape
from tinygen.ops.requantize import Clamp, Dequantize, Quantize, Requantize
from tinygen.ops.variables import DECLARATIONS
from tinygen.ops.view import OperatorView

_ELEMENTWISE = (Clamp, Dequantize, Elementwise, Lookup, Quantize, Requantize)

_FINITE = (DType.INT8, DType.UINT8, DType.INT16)
"""Types of which every value can be tried."""


def layer_of(operator: Operator, subgraph: Subgraph, numerics: Numerics) -> Layer | None:
    """The operator folded, or None if that cannot be done: lowering will say why."""
    tensors = [subgraph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i != ABSENT]
    if any(min(t.shape, default=1) < 1 or t.nbytes > MOST_TENSOR_BYTES for t in tensors):
        return None
    if operator.opcode in DECLARATIONS or not is_supported(operator):
        return None
    try:
        return lowering_of(operator)(OperatorView(operator, subgraph), numerics)
    except TinygenError:
        return None


def uses(subgraph: Subgraph) -> Counter[int]:
    """How many operators (and model outputs) read each tensor."""
    count = Counter(index for operator in subgraph.operators for index in operator.inputs)
    count.update(subgraph.outputs)
    return count


def producers(subgraph: Subgraph) -> Mapping[int, Operator]:
    """The operator that writes each tensor."""
    return {index: operator for operator in subgraph.operators for index in operator.outputs}


def alike(a: Tensor, b: Tensor) -> bool:
    """Whether an operator that reads or writes either tensor means the same by it."""
    return (a.shape, a.dtype, a.quantization) == (b.shape, b.dtype, b.quantization)


def every_value(dtype: DType) -> AnyArray | None:
    """All values of a type of at most 16 bits, or None."""
    if dtype not in _FINITE or dtype.numpy is None:
        return None
    info = np.iinfo(dtype.numpy.name)
    return np.arange(info.min, info.max + 1, dtype=np.int32).astype(dtype.numpy)


def applied(layer: Layer, values: AnyArray) -> AnyArray | None:
    """What a function of one element makes of each of a list of values; None for other layers."""
    if not isinstance(layer, _ELEMENTWISE) or len(layer.inputs) != 1:
        return None
    if isinstance(layer, Elementwise):
        if len(layer.operands) != 1:
            return None
        layer = replace(layer, output_shape=values.shape)
    (results,) = layer.reference(values)
    return results


def source_through_views(
    index: int, writers: Mapping[int, Operator], subgraph: Subgraph, numerics: Numerics
) -> int:
    """The tensor whose elements a chain of RESHAPEs passes on as this tensor."""
    while index in writers:
        layer = layer_of(writers[index], subgraph, numerics)
        if not isinstance(layer, Reshape):
            break
        (index,) = layer.inputs
    return index


def as_view(operator: Operator, source: int) -> Operator:
    """The operator as a RESHAPE of a tensor, which takes neither time nor memory."""
    return replace(
        operator,
        opcode="RESHAPE",
        inputs=(source,),
        options={},
        file_opcode=operator.file_opcode or operator.opcode,
    )


def rewritten(graph: Graph, operators: Iterable[Operator], rewrites: Sequence[Rewrite]) -> Graph:
    """The graph with other operators in its main subgraph, and what was done about it."""
    main = replace(graph.main, operators=tuple(operators))
    return replace(
        graph,
        subgraphs=(main, *graph.subgraphs[1:]),
        rewrites=(*graph.rewrites, *rewrites),
    )
