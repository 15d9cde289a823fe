# SPDX-License-Identifier: Apache-2.0
"""IF and WHILE: operators that run other subgraphs of the model.

Semantics: TFLM ``if.cc`` and ``while.cc``: operands are copied into the subgraph, its results out.
A subgraph becomes a ``Routine``, a Network of its own that is planned in the operator's scratch memory;
the variables of the model are shared.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray, DType, Subgraph, Tensor
from tinygen.ir.layer import Layer, Operand, evaluate, operand_values
from tinygen.ops.loop_bound import Turns, turns_of
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

if TYPE_CHECKING:
    from tinygen.ir.network import Network

MAX_TURNS = 100_000
"""Turns after which the reference gives a loop up."""


@dataclass(frozen=True, eq=False)
class Routine:
    """A subgraph that an operator runs.

    ``inputs`` pairs the operands that the subgraph reads, by their position, with its tensors;
    ``results`` are a run-time tensor of the subgraph or a constant for each of its outputs.
    """

    name: str
    network: Network
    inputs: tuple[tuple[int, int], ...]
    results: tuple[int | AnyArray, ...]

    def run(
        self, operands: Mapping[int, AnyArray], states: MutableMapping[int, AnyArray]
    ) -> list[AnyArray]:
        """The results, shaped as in the subgraph; replaces the states that it writes."""
        values = dict(states)
        for position, index in self.inputs:
            values[index] = operands[position].reshape(self.network.tensors[index].shape)
        evaluate(self.network.layers, values)
        states.update((index, values[index]) for index in states)
        return [values[result] if isinstance(result, int) else result for result in self.results]


@dataclass(frozen=True, eq=False, kw_only=True)
class ControlFlow(Layer):
    """``inputs`` are the operands computed at run time and the states; ``outputs`` end with the states.

    ``operands`` are by their position in the operator; handles of variables are not among them.
    """

    operands: Mapping[int, Operand]
    output_shapes: tuple[tuple[int, ...], ...]

    @property
    @abstractmethod
    def routines(self) -> tuple[Routine, ...]:
        """What it runs, in no particular order."""

    @property
    def has_effects(self) -> bool:
        """Whether it keeps a state or runs layers that have effects."""
        layers = (layer for routine in self.routines for layer in routine.network.layers)
        return bool(self.states) or any(layer.has_effects for layer in layers)

    @property
    def tolerance_ulp(self) -> int:
        """Of the routine that needs more."""
        layers = [layer for routine in self.routines for layer in routine.network.layers]
        return max((layer.tolerance_ulp for layer in layers), default=0)

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        count = len(inputs) - len(self.states)
        values = operand_values(tuple(self.operands.values()), inputs[:count])
        states = dict(zip((s.index for s in self.states), inputs[count:], strict=True))
        results = self._run(dict(zip(self.operands, values, strict=True)), states)
        shaped = (r.reshape(s) for r, s in zip(results, self.output_shapes, strict=True))
        return (*shaped, *states.values())

    @abstractmethod
    def _run(
        self, operands: Mapping[int, AnyArray], states: MutableMapping[int, AnyArray]
    ) -> Sequence[AnyArray]:
        """The outputs; replaces the states that are written."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Branch(ControlFlow):
    """Runs one routine or the other; operand 0 is the condition."""

    then: Routine
    otherwise: Routine

    @property
    def routines(self) -> tuple[Routine, ...]:
        """Both."""
        return (self.then, self.otherwise)

    @property
    def macs(self) -> int:
        """Of the routine that has more."""
        return max(routine.network.macs for routine in self.routines)

    def _run(
        self, operands: Mapping[int, AnyArray], states: MutableMapping[int, AnyArray]
    ) -> Sequence[AnyArray]:
        chosen = self.then if operands[0].reshape(-1)[0] else self.otherwise
        return chosen.run(operands, states)


@dataclass(frozen=True, eq=False, kw_only=True)
class Loop(ControlFlow):
    """Runs ``body`` over its own results as long as ``condition`` holds.

    Every operand is carried from one turn to the next, and is an output.
    """

    condition: Routine
    body: Routine
    turns: Turns

    @property
    def routines(self) -> tuple[Routine, ...]:
        """Both."""
        return (self.condition, self.body)

    @property
    def macs(self) -> int:
        """Of all turns, where their number is bounded; else of one."""
        turns = 1 if self.turns.most is None else self.turns.most
        return turns * self.body.network.macs + (turns + 1) * self.condition.network.macs

    def _run(
        self, operands: Mapping[int, AnyArray], states: MutableMapping[int, AnyArray]
    ) -> Sequence[AnyArray]:
        carried = dict(operands)
        for _ in range(MAX_TURNS):
            if not self.condition.run(carried, states)[0].reshape(-1)[0]:
                return list(carried.values())
            carried = dict(zip(carried, self.body.run(carried, states), strict=True))
        raise InputError(
            f"{self.operator.label} has not ended after {MAX_TURNS:,} turns.",
            "Its condition may not become false for these inputs.",
        )


def _subgraph(view: OperatorView, option: str) -> tuple[int, Subgraph]:
    """The subgraph that an option names."""
    if view.graph is None or view.lower_subgraph is None:
        view.unsupported("it can only be compiled together with its subgraphs")
    number = view.option(option, int)
    if not 0 < number < len(view.graph.subgraphs):
        view.invalid(f"its {option} is {number}, and there is no such subgraph to run")
    return number, view.graph.subgraphs[number]


def _require_same(view: OperatorView, inner: Tensor, outer: Tensor, what: str) -> None:
    if inner.dtype is not outer.dtype or inner.elements != outer.elements:
        view.invalid(
            f"{what} {inner.name!r} is {inner.dtype.value} {list(inner.shape)}, but "
            f"{outer.name!r} is {outer.dtype.value} {list(outer.shape)}"
        )


def _routine(
    view: OperatorView,
    option: str,
    arguments: Mapping[int, Tensor],
    constants: Mapping[int, AnyArray],
) -> Routine:
    """The subgraph that an option names, given the operator's inputs by their position there.

    ``constants`` are those of the ``arguments`` that are known at compile time.
    """
    number, subgraph = _subgraph(view, option)
    if len(subgraph.inputs) != len(arguments):
        view.invalid(
            f"its {option} {number} has {len(subgraph.inputs)} inputs, and gets {len(arguments)}"
        )
    known: dict[int, AnyArray] = {}
    resources: dict[int, Tensor] = {}
    for index, (position, argument) in zip(subgraph.inputs, arguments.items(), strict=True):
        inner = subgraph.tensors[index]
        _require_same(view, inner, argument, f"input of its {option} {number}")
        if position in constants:
            known[index] = constants[position].reshape(inner.shape)
        if inner.dtype is DType.RESOURCE and argument.index in view.resources:
            resources[index] = view.resources[argument.index]
    assert view.lower_subgraph is not None
    network, results = view.lower_subgraph(number, known, resources)
    return Routine(
        name=option.removesuffix("_subgraph_index"),
        network=network,
        inputs=tuple(
            (position, index)
            for position, index in zip(arguments, subgraph.inputs, strict=True)
            if index in network.inputs
        ),
        results=results,
    )


def _states(routines: Sequence[Routine]) -> tuple[Tensor, ...]:
    found: dict[int, Tensor] = {}
    for routine in routines:
        for layer in routine.network.layers:
            found.update((state.index, state) for state in layer.states)
    return tuple(found[index] for index in sorted(found))


def _operands(arguments: Mapping[int, Tensor]) -> tuple[dict[int, Operand], tuple[int, ...]]:
    """The operands that are no handles, and the indices of those computed at run time."""
    values = {p: t for p, t in arguments.items() if t.dtype is not DType.RESOURCE}
    return (
        {position: Operand(tensor.shape, tensor.data) for position, tensor in values.items()},
        tuple(tensor.index for tensor in values.values() if tensor.data is None),
    )


def _require_condition(view: OperatorView, tensor: Tensor) -> None:
    view.require_dtype(tensor, DType.BOOL)
    if tensor.elements != 1:
        view.invalid(f"its condition {tensor.name!r} has the shape {list(tensor.shape)}")


@operator("IF", typed_by=-1)
def lower_if(view: OperatorView) -> Layer:
    """Fold an IF: both subgraphs must take its inputs after the first, and give its outputs."""
    _require_condition(view, view.input(0))
    arguments = {p: view.input(p) for p in range(1, len(view.operator.inputs))}
    outputs = [view.output(p) for p in range(len(view.operator.outputs))]
    constants = {p: t.data for p, t in arguments.items() if t.data is not None}
    routines = []
    for option in ("then_subgraph_index", "else_subgraph_index"):
        number, subgraph = _subgraph(view, option)
        if len(subgraph.outputs) != len(outputs):
            view.invalid(
                f"its {option} {number} has {len(subgraph.outputs)} outputs, not {len(outputs)}"
            )
        for index, output in zip(subgraph.outputs, outputs, strict=True):
            inner = subgraph.tensors[index]
            if inner.dtype is DType.RESOURCE:
                view.unsupported("it chooses between variables")
            _require_same(view, inner, output, f"output of its {option} {number}")
        routines.append(_routine(view, option, arguments, constants))
    states = _states(routines)
    operands, inputs = _operands({0: view.input(0), **arguments})
    kept = tuple(state.index for state in states)
    return Branch(
        operator=view.operator,
        inputs=(*inputs, *kept),
        outputs=(*(output.index for output in outputs), *kept),
        states=states,
        operands=operands,
        output_shapes=tuple(output.shape for output in outputs),
        then=routines[0],
        otherwise=routines[1],
    )


@operator("WHILE", typed_by=-1)
def lower_while(view: OperatorView) -> Layer:
    """Fold a WHILE; ModelError if its condition can be seen never to change."""
    arguments = {p: view.input(p) for p in range(len(view.operator.inputs))}
    view.counts((len(arguments),), len(arguments))
    _, condition = _subgraph(view, "cond_subgraph_index")
    number, body = _subgraph(view, "body_subgraph_index")
    if len(condition.outputs) < 1:
        view.invalid("the subgraph of its condition has no output")
    _require_condition(view, condition.tensors[condition.outputs[0]])
    if len(body.outputs) != len(arguments) or len(body.inputs) != len(arguments):
        view.invalid(
            f"its body_subgraph_index {number} has {len(body.inputs)} inputs and "
            f"{len(body.outputs)} outputs, not {len(arguments)}"
        )
    constants: dict[int, AnyArray] = {}
    for position, argument in arguments.items():
        inner, unchanged = (
            body.tensors[body.outputs[position]],
            body.outputs[position] == body.inputs[position],
        )
        if inner.dtype is DType.RESOURCE and not unchanged:
            view.unsupported("it goes from one variable to another")
        _require_same(view, inner, argument, f"output of its body_subgraph_index {number}")
        _require_same(view, view.output(position), argument, "output")
        if argument.data is not None and unchanged:
            constants[position] = argument.data
    routines = [
        _routine(view, option, arguments, constants)
        for option in ("cond_subgraph_index", "body_subgraph_index")
    ]
    turns = turns_of(view, condition, body)
    states = _states(routines)
    operands, inputs = _operands(arguments)
    outputs = [view.output(position) for position in operands]
    kept = tuple(state.index for state in states)
    carried = [i for i, index in enumerate(body.outputs) if i in operands and index >= 0]
    return Loop(
        operator=view.operator,
        inputs=(*inputs, *kept),
        outputs=(*(output.index for output in outputs), *kept),
        states=states,
        operands=operands,
        output_shapes=tuple(output.shape for output in outputs),
        condition=routines[0],
        body=_carrying(routines[1], carried),
        turns=turns,
    )


def _carrying(body: Routine, positions: Sequence[int]) -> Routine:
    """The body with the results that are carried; handles of variables are not."""
    results = tuple(body.results[position] for position in positions)
    return Routine(body.name, body.network, body.inputs, results)
