# SPDX-License-Identifier: Apache-2.0
"""VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE and CALL_ONCE: variables kept between inferences.

A variable is found at compile time: VAR_HANDLE names it, CALL_ONCE's subgraph gives it its first
value. What is left for run time are copies. Semantics: TFLM ``micro_resource_variable.cc``; a
variable that nothing initializes is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tinygen.errors import UnsupportedError
from tinygen.graph import AnyArray, Graph, Operator, Subgraph, Tensor
from tinygen.numerics import Numerics
from tinygen.ops.layer import MAX_STATES, Layer, Operand, OperatorView
from tinygen.ops.strided import Canvas, Move

DECLARATIONS = ("VAR_HANDLE", "CALL_ONCE")
"""Operators that are done with at compile time."""


def _name(operator: Operator) -> tuple[str, str]:
    container, name = (operator.options.get(key, "") for key in ("container", "shared_name"))
    assert isinstance(container, str)
    assert isinstance(name, str)
    return container, name


def _values_of(subgraph: Subgraph) -> dict[tuple[str, str], Tensor]:
    """The tensor that is assigned to (or read from) each variable in a subgraph."""
    handles = {o.outputs[0]: _name(o) for o in subgraph.operators if o.opcode == "VAR_HANDLE"}
    values: dict[tuple[str, str], Tensor] = {}
    for operator in subgraph.operators:
        if operator.opcode in ("ASSIGN_VARIABLE", "READ_VARIABLE"):
            name = handles.get(operator.inputs[0])
            is_assigned = operator.opcode == "ASSIGN_VARIABLE"
            index = operator.inputs[1] if is_assigned else operator.outputs[0]
            if name is not None:
                values.setdefault(name, subgraph.tensors[index])
    return values


def _initial_values(graph: Graph) -> dict[tuple[str, str], AnyArray]:
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
        for name, tensor in _values_of(subgraph).items():
            if tensor.data is None:
                raise UnsupportedError(
                    f"{operator.label}: it assigns {tensor.name!r}, no constant."
                )
            initial[name] = tensor.data
    return initial


def resource_variables(graph: Graph) -> Mapping[int, Tensor]:
    """The state behind every resource tensor of the main subgraph, with its value after a reset."""
    subgraph = graph.main
    values = _values_of(subgraph)
    initial = _initial_values(graph)
    numbers: dict[tuple[str, str], int] = {}
    variables = {}
    for operator in subgraph.operators:
        if operator.opcode != "VAR_HANDLE":
            continue
        name = _name(operator)
        if name not in values:
            continue
        tensor = values[name]
        first = len(subgraph.tensors) + len(subgraph.operators) * MAX_STATES
        index = first + numbers.setdefault(name, len(numbers))
        data = initial.get(name, np.zeros(tensor.shape, dtype=tensor.dtype.numpy))
        variables[operator.outputs[0]] = replace(
            tensor,
            index=index,
            name=f"variable {name[1]!r}",
            data=np.asarray(data).reshape(tensor.shape),
            is_variable=True,
        )
    return variables


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


def lower_read_variable(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold a READ_VARIABLE: a copy of the variable."""
    view.counts((1,))
    output = view.output()
    variable = _variable(view, output)
    return _copy(view, variable, variable, output)


def lower_assign_variable(view: OperatorView, numerics: Numerics) -> Layer:  # noqa: ARG001
    """Fold an ASSIGN_VARIABLE: a copy into the variable."""
    view.counts((2,), 0)
    value = view.input(1)
    variable = _variable(view, value)
    return _copy(view, variable, value, variable)
