# SPDX-License-Identifier: Apache-2.0
"""VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE and CALL_ONCE: variables kept between inferences.

A variable is found at compile time: VAR_HANDLE names it, CALL_ONCE's subgraph gives it its first
value. What is left for run time are copies. Semantics: TFLM ``micro_resource_variable.cc``; every byte
of a variable that nothing initializes is the zero point of what is assigned to it, or 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir.dataflow import check_tensor
from tinygen.ir.graph import AnyArray, Graph, Operator, Subgraph, Tensor
from tinygen.ir.layer import Layer, Operand
from tinygen.ops import registry
from tinygen.ops.strided import Canvas, Move
from tinygen.ops.view import MAX_STATES, OperatorView, StateNumbers

DECLARATIONS = ("VAR_HANDLE", "CALL_ONCE")
"""Operators that are done with at compile time."""


def _name(operator: Operator) -> tuple[str, str]:
    container, name = (operator.options.get(key, "") for key in ("container", "shared_name"))
    assert isinstance(container, str)
    assert isinstance(name, str)
    return container, name


Handles = dict[int, tuple[str, str]]
"""The variable that each resource tensor of a subgraph refers to."""

_SUBGRAPH_OPTIONS = {
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
}


_OPERANDS = {"ASSIGN_VARIABLE": (2, 0), "READ_VARIABLE": (1, 1), "VAR_HANDLE": (0, 1)}
"""How many inputs and outputs the operators on variables have."""


def _check_operands(graph: Graph) -> None:
    for subgraph in graph.subgraphs:
        for operator in subgraph.operators:
            have = (len(operator.inputs), len(operator.outputs))
            if have != _OPERANDS.get(operator.opcode, have):
                raise ModelError(
                    f"{graph.source}: {operator.label} has {have[0]} inputs and {have[1]} outputs."
                )


def _handles_of(graph: Graph) -> list[Handles]:
    """The handles of every subgraph: its own, and those that it is given by control flow."""
    found: list[Handles] = [
        {o.outputs[0]: _name(o) for o in subgraph.operators if o.opcode == "VAR_HANDLE"}
        for subgraph in graph.subgraphs
    ]
    for _ in graph.subgraphs:
        for handles, subgraph in zip(found, graph.subgraphs, strict=True):
            for operator in subgraph.operators:
                _pass_on(graph, found, handles, operator)
    return found


def _pass_on(graph: Graph, found: list[Handles], handles: Handles, operator: Operator) -> None:
    """Give the subgraphs that an operator runs the handles among its inputs."""
    given = operator.inputs[1:] if operator.opcode == "IF" else operator.inputs
    for option in _SUBGRAPH_OPTIONS.get(operator.opcode, ()):
        number = operator.options.get(option, -1)
        if not isinstance(number, int) or not 0 < number < len(graph.subgraphs):
            continue
        for inner, outer in zip(graph.subgraphs[number].inputs, given, strict=False):
            if outer in handles:
                found[number].setdefault(inner, handles[outer])
    if operator.opcode == "WHILE":
        for before, after in zip(operator.inputs, operator.outputs, strict=False):
            if before in handles:
                handles.setdefault(after, handles[before])


def _values_of(
    subgraph: Subgraph, handles: Handles, opcode: str = "ASSIGN_VARIABLE"
) -> dict[tuple[str, str], Tensor]:
    """The tensor that is assigned to (or READ_VARIABLE: read from) each variable in a subgraph."""
    values: dict[tuple[str, str], Tensor] = {}
    for operator in subgraph.operators:
        if operator.opcode == opcode:
            name = handles.get(operator.inputs[0])
            is_assigned = operator.opcode == "ASSIGN_VARIABLE"
            index = operator.inputs[1] if is_assigned else operator.outputs[0]
            if name is not None:
                values.setdefault(name, subgraph.tensors[index])
    return values


def _initial_values(graph: Graph, handles: list[Handles]) -> dict[tuple[str, str], AnyArray]:
    """What the subgraphs of CALL_ONCE assign: constants, or UnsupportedError."""
    initial: dict[tuple[str, str], AnyArray] = {}
    for operator in graph.main.operators:
        if operator.opcode != "CALL_ONCE":
            continue
        number = operator.options.get("init_subgraph_index", -1)
        if not isinstance(number, int) or not 0 < number < len(graph.subgraphs):
            raise UnsupportedError(f"{operator.label}: there is no subgraph {number!r}.")
        subgraph = graph.subgraphs[number]
        for inner in subgraph.operators:
            if inner.opcode not in ("VAR_HANDLE", "ASSIGN_VARIABLE"):
                raise UnsupportedError(
                    f"{operator.label}: its subgraph has {inner.label}, and only constants can be "
                    "assigned there."
                )
        for name, tensor in _values_of(subgraph, handles[number]).items():
            if tensor.data is None:
                raise UnsupportedError(
                    f"{operator.label}: it assigns {tensor.name!r}, no constant."
                )
            initial[name] = tensor.data
    return initial


def _first_value(graph: Graph, name: str, tensor: Tensor, assigned: AnyArray | None) -> AnyArray:
    """What a variable holds after a reset: what CALL_ONCE assigns to it, else zero points."""
    check_tensor(graph.source, tensor)
    if assigned is None:
        points = tensor.quantization.zero_points if tensor.quantization else ()
        value = np.zeros(tensor.elements, dtype=tensor.dtype.numpy)
        value.view(np.uint8)[:] = (points[0] if points else 0) & 0xFF
        return value.reshape(tensor.shape)
    if assigned.size != tensor.elements:
        raise ModelError(
            f"{graph.source}: variable {name!r} begins with {assigned.size} elements, and holds "
            f"{tensor.elements}."
        )
    return assigned.reshape(tensor.shape)


class Variables:
    """The variables of a model, and the indices of everything that it keeps.

    A variable has the same index in every subgraph. The states of operators are numbered by subgraph.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tensors = max(len(subgraph.tensors) for subgraph in graph.subgraphs)
        self._operators = 1 + max(
            (operator.index for s in graph.subgraphs for operator in s.operators), default=0
        )
        count = len(graph.subgraphs)
        self._first = count * self._tensors + count * self._operators * MAX_STATES
        _check_operands(graph)
        handles = _handles_of(graph)
        initial = _initial_values(graph, handles)
        values: dict[tuple[str, str], Tensor] = {}
        for opcode in ("ASSIGN_VARIABLE", "READ_VARIABLE"):
            for known, subgraph in zip(handles, graph.subgraphs, strict=True):
                for name, tensor in _values_of(subgraph, known, opcode).items():
                    values.setdefault(name, tensor)
        self._variables = {
            name: replace(
                tensor,
                index=self._first + number,
                name=f"variable {name[1]!r}",
                data=_first_value(graph, name[1], tensor, initial.get(name)),
                is_variable=True,
            )
            for number, (name, tensor) in enumerate(values.items())
        }

    def numbers(self, subgraph: int) -> StateNumbers:
        """Where the indices of a subgraph's states begin."""
        before = len(self._graph.subgraphs) * self._tensors
        return StateNumbers(
            tensors=subgraph * self._tensors,
            operators=before + subgraph * self._operators * MAX_STATES,
        )

    def kept_output(self, tensor: Tensor, number: int) -> Tensor:
        """The state that keeps output ``number`` of the model from one inference to the next."""
        index = self._first + len(self._variables) + number
        zeros = np.zeros(tensor.shape, dtype=tensor.dtype.numpy)
        return replace(tensor, index=index, data=zeros, is_variable=True)

    def of_subgraph(self, subgraph: int) -> Mapping[int, Tensor]:
        """The variable behind every resource tensor that a VAR_HANDLE of the subgraph names."""
        return {
            operator.outputs[0]: self._variables[_name(operator)]
            for operator in self._graph.subgraphs[subgraph].operators
            if operator.opcode == "VAR_HANDLE" and _name(operator) in self._variables
        }


def _variable(view: OperatorView, other: Tensor) -> Tensor:
    handle = view.operator.inputs[0]
    if handle not in view.resources:
        view.unsupported("its variable is not named by a VAR_HANDLE")
    variable = view.resources[handle]
    view.require_dtype(other, variable.dtype)
    view.require_shape(other, variable.shape)
    return variable


def _copy(view: OperatorView, variable: Tensor, source: Tensor, sink: Tensor) -> Layer:
    canvas = Canvas([source.shape], [sink.shape])
    canvas.copy(canvas.sources[0], canvas.sinks[0])
    is_constant = source is not variable and source.data is not None
    return Move(
        operator=view.operator,
        inputs=() if is_constant else (source.index,),
        outputs=(sink.index,),
        states=(variable,),
        operands=(Operand(source.shape, source.data if is_constant else None),),
        output_shapes=(sink.shape,),
        dtype=variable.dtype,
        copies=tuple(canvas.copies),
    )


def keep_output(tensor: Tensor, kept: Tensor, number: int) -> Layer:
    """A layer, ``number`` in the model, that copies an output to where it outlives the inference."""
    canvas = Canvas([tensor.shape], [kept.shape])
    canvas.copy(canvas.sources[0], canvas.sinks[0])
    return Move(
        operator=Operator(number, "KEEP_OUTPUT", (tensor.index,), (kept.index,)),
        inputs=(tensor.index,),
        outputs=(kept.index,),
        states=(kept,),
        operands=(Operand(tensor.shape, None),),
        output_shapes=(kept.shape,),
        dtype=tensor.dtype,
        copies=tuple(canvas.copies),
    )


@registry.operator("READ_VARIABLE", typed_by=-1, stateful=True)
def lower_read_variable(view: OperatorView) -> Layer:
    """Fold a READ_VARIABLE: a copy of the variable."""
    view.counts((1,))
    output = view.output()
    variable = _variable(view, output)
    return _copy(view, variable, variable, output)


@registry.operator("ASSIGN_VARIABLE", typed_by=-1, stateful=True)
def lower_assign_variable(view: OperatorView) -> Layer:
    """Fold an ASSIGN_VARIABLE: a copy into the variable."""
    view.counts((2,), 0)
    value = view.input(1)
    variable = _variable(view, value)
    return _copy(view, variable, value, variable)
