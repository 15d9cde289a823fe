# SPDX-License-Identifier: Apache-2.0
"""How many turns a WHILE can take, seen from its subgraphs before run time.

A counter is a carried integer that the body changes by a constant and the condition compares with a
constant. Whether a loop ends cannot be decided in general; what is certain is said.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.ir.graph import ABSENT, DType, Operator, Subgraph
from tinygen.ops.registry import kind_of
from tinygen.ops.view import OperatorView

_COMPARISONS = {"LESS": (1, 0), "LESS_EQUAL": (1, 1), "GREATER": (-1, 0), "GREATER_EQUAL": (-1, 1)}
"""Which way the left operand has to go for the comparison to fail, and whether equality holds it."""


@dataclass(frozen=True)
class Turns:
    """``most`` is the bound on the turns, or None; ``remark`` says in words what is known."""

    most: int | None
    remark: str


def _producer(subgraph: Subgraph, index: int) -> Operator | None:
    return next((o for o in subgraph.operators if index in o.outputs), None)


def _inputs_behind(subgraph: Subgraph, index: int) -> set[int]:
    """The positions of the subgraph's inputs that a tensor depends on."""
    if index == ABSENT:
        return set()
    found = {position for position, tensor in enumerate(subgraph.inputs) if tensor == index}
    producer = _producer(subgraph, index)
    if producer is not None:
        for source in producer.inputs:
            found |= _inputs_behind(subgraph, source)
    return found


def _constant(subgraph: Subgraph, index: int) -> int | None:
    data = subgraph.tensors[index].data
    integer = subgraph.tensors[index].dtype in (DType.INT32, DType.INT64)
    return int(data.reshape(-1)[0]) if data is not None and data.size == 1 and integer else None


def _step(body: Subgraph, position: int) -> int | None:
    """By how much the body changes a carried integer, or None."""
    producer = _producer(body, body.outputs[position])
    if producer is None or producer.opcode not in ("ADD", "SUB") or len(producer.inputs) != 2:
        return None
    source = body.inputs[position]
    left, right = producer.inputs
    if left == source:
        step = _constant(body, right)
        return -step if step is not None and producer.opcode == "SUB" else step
    return _constant(body, left) if right == source and producer.opcode == "ADD" else None


def _counted(view: OperatorView, condition: Subgraph, body: Subgraph, index: int) -> Turns | None:
    """What a counter behind a tensor of the condition says, or None."""
    producer = _producer(condition, index)
    if producer is None:
        return None
    if producer.opcode == "LOGICAL_AND":
        found = [_counted(view, condition, body, source) for source in producer.inputs]
        known = [turns for turns in found if turns is not None]
        return min(known, key=lambda turns: (turns.most is None, turns.most or 0), default=None)
    if producer.opcode not in _COMPARISONS:
        return None
    way, equal = _COMPARISONS[producer.opcode]
    left, right = producer.inputs
    if left not in condition.inputs:
        left, right, way = right, left, -way
    limit = _constant(condition, right)
    if left not in condition.inputs or limit is None:
        return None
    position = condition.inputs.index(left)
    step = _step(body, position)
    if step is None or step * way <= 0:
        return None
    start = _constant(view.subgraph, view.operator.inputs[position])
    if start is None:
        return Turns(None, f"it ends by a counter, its input {position}, which starts anywhere")
    distance = (limit - start) * way + equal
    most = max(0, -(-distance // abs(step)))
    return Turns(most, f"at most {most} turns")


def turns_of(view: OperatorView, condition: Subgraph, body: Subgraph) -> Turns:
    """What is known of a WHILE's turns; ModelError if its condition never changes."""
    index = condition.outputs[0]
    data = condition.tensors[index].data
    if data is not None and not data.reshape(-1)[0]:
        return Turns(0, "at most 0 turns")
    kinds = map(kind_of, (*condition.operators, *body.operators))
    stateful = any(kind is not None and kind.stateful for kind in kinds)
    unchanged = all(
        body.outputs[position] == body.inputs[position]
        for position in _inputs_behind(condition, index)
    )
    if unchanged and not stateful:
        view.invalid(
            "its loop has no bound: nothing that its condition reads is changed by its body",
            "Let the body change what the condition compares, for example count up to a constant.",
        )
    counted = _counted(view, condition, body, index)
    return counted or Turns(None, "no bound on its turns is known: it may run for any time")
