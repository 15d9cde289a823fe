# SPDX-License-Identifier: Apache-2.0
"""What the passes share: folding one operator to see what it does, and putting the graph together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

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
from tinygen.ops.elementwise import Elementwise, Pointwise
from tinygen.ops.registry import kind_of
from tinygen.ops.view import OperatorView

_FINITE = (DType.INT8, DType.UINT8, DType.INT16)
"""Types of which every value can be tried."""


def layer_of(operator: Operator, subgraph: Subgraph, numerics: Numerics) -> Layer | None:
    """The operator folded, or None if that cannot be done: lowering will say why."""
    tensors = [subgraph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i != ABSENT]
    if any(min(t.shape, default=1) < 1 or t.nbytes > MOST_TENSOR_BYTES for t in tensors):
        return None
    kind = kind_of(operator)
    if kind is None:
        return None
    try:
        return kind.lower(OperatorView(operator, subgraph, numerics))
    except TinygenError:
        return None


@dataclass(frozen=True)
class Pair:
    """An operator and the one that computes its first input.

    Attributes:
        producer: who computes it.
        consumer: who reads it.
        alone: whether nobody else does.
        subgraph: where both are.
        writers: the operator that writes each tensor.
        numerics: whose bits are wanted.
    """

    producer: Operator
    consumer: Operator
    alone: bool
    subgraph: Subgraph
    writers: Mapping[int, Operator]
    numerics: Numerics

    def layer(self, operator: Operator) -> Layer | None:
        """One of the two folded, or what it may become; None if that cannot be done."""
        return layer_of(operator, self.subgraph, self.numerics)


@dataclass(frozen=True)
class Fused:
    """What becomes of a pair.

    Attributes:
        producer: the operator in the producer's place, if there still is one.
        consumer: likewise.
        rewrite: what was done.
        tensors: new tensors, behind those of the subgraph.
    """

    producer: Operator | None
    consumer: Operator | None
    rewrite: Rewrite
    tensors: tuple[Tensor, ...] = ()


def fuse(graph: Graph, numerics: Numerics, rule: Callable[[Pair], Fused | None]) -> Graph:
    """Try a rule on each pair of the main subgraph, in order; it sees what became of those before."""
    subgraph = graph.main
    readers = uses(subgraph)
    writers = {index: operator for operator in subgraph.operators for index in operator.outputs}
    kept: dict[int, Operator] = {}
    rewrites = []
    for consumer in subgraph.operators:
        kept[consumer.index] = consumer
        read = consumer.inputs[0] if consumer.inputs else ABSENT
        if read not in writers:
            continue
        producer = writers[read]
        fused = rule(Pair(producer, consumer, readers[read] == 1, subgraph, writers, numerics))
        if fused is None:
            continue
        subgraph = replace(subgraph, tensors=(*subgraph.tensors, *fused.tensors))
        rewrites.append(fused.rewrite)
        for before, after in ((producer, fused.producer), (consumer, fused.consumer)):
            if after is None:
                del kept[before.index]
            else:
                kept[before.index] = after
                writers.update(dict.fromkeys(after.outputs, after))
    return rewritten(graph, kept.values(), rewrites, subgraph.tensors)


def uses(subgraph: Subgraph) -> Counter[int]:
    """How many operators (and model outputs) read each tensor."""
    count = Counter(index for operator in subgraph.operators for index in operator.inputs)
    count.update(subgraph.outputs)
    return count


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
    if isinstance(layer, Elementwise) and len(layer.operands) == 1:
        layer = replace(layer, output_shape=values.shape)
    elif not isinstance(layer, Pointwise):
        return None
    (results,) = layer.reference(values)
    return results


def as_view(operator: Operator, source: int) -> Operator:
    """The operator as a RESHAPE of a tensor, which takes neither time nor memory."""
    return replace(
        operator,
        opcode="RESHAPE",
        inputs=(source,),
        options={},
        file_opcode=operator.file_opcode or operator.opcode,
    )


def rewritten(
    graph: Graph,
    operators: Iterable[Operator],
    rewrites: Sequence[Rewrite],
    tensors: Sequence[Tensor] = (),
) -> Graph:
    """The graph with other operators in its main subgraph, and tensors if any; the same if nothing
    was rewritten.
    """
    if not rewrites:
        return graph
    main = replace(
        graph.main, operators=tuple(operators), tensors=tuple(tensors or graph.main.tensors)
    )
    return replace(
        graph,
        subgraphs=(main, *graph.subgraphs[1:]),
        rewrites=(*graph.rewrites, *rewrites),
    )
