# SPDX-License-Identifier: Apache-2.0
"""Graph → Network: every operator checked and folded into a Layer.

The Network is what both the NumPy reference and the Plan are made from, so the two cannot disagree
about a scale, a shape or a padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tinygen.errors import ModelError, TinygenError, UnsupportedError
from tinygen.graph import ABSENT, AnyArray, DType, Graph, Operator, Subgraph, Tensor
from tinygen.numerics import Numerics
from tinygen.ops import is_supported, lowering_of
from tinygen.ops.layer import Layer, OperatorView
from tinygen.ops.variables import DECLARATIONS, resource_variables

_MAX_LISTED = 20


@dataclass(frozen=True, eq=False)
class Network:
    """A model ready to be computed: layers in execution order over run-time tensors.

    ``tensors`` holds the run-time tensors by index; ``inputs`` and ``outputs`` are the model's, in
    the order of the generated ``_input_K`` and ``_output_K``.
    """

    graph: Graph
    numerics: Numerics
    layers: tuple[Layer, ...]
    tensors: Mapping[int, Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: Mapping[int, AnyArray] = field(default_factory=dict)
    """Values after a reset of the tensors that are kept from one inference to the next."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)


def _unsupported_operators(graph: Graph) -> list[str]:
    problems = []
    for operator in graph.main.operators:
        if not is_supported(operator):
            names = ", ".join(repr(graph.main.tensors[t].name) for t in operator.outputs)
            problems.append(f"{operator.label} → {names}")
    return problems


def _check_tensor(graph: Graph, tensor: Tensor) -> None:
    if any(extent < 1 for extent in tensor.shape):
        raise ModelError(
            f"{graph.source}: tensor {tensor.name!r} has the shape {list(tensor.shape)}, which holds "
            "no elements."
        )
    if tensor.dtype.numpy is None and tensor.dtype is not DType.RESOURCE:
        raise UnsupportedError(
            f"{graph.source}: tensor {tensor.name!r} is of type {tensor.dtype.value}, which has no "
            "fixed-size elements."
        )


def _check_input(graph: Graph, tensor: Tensor) -> None:
    """Accept an open batch (compiled as one sample, as TFLM runs it), and no other open dimension."""
    open_dimensions = [i for i in tensor.open_dimensions if i > 0]
    if open_dimensions:
        raise UnsupportedError(
            f"{graph.source}: input {tensor.name!r} leaves dimension {open_dimensions[0]} of its shape "
            "open.",
            "C arrays need static shapes: fix the input shape when converting.",
        )


def _check_order(graph: Graph, operator: Operator, known: set[int]) -> None:
    for index in operator.inputs:
        tensor = graph.main.tensors[index]
        if index != ABSENT and index not in known and not tensor.is_constant:
            raise ModelError(
                f"{graph.source}: {operator.label} reads tensor {tensor.name!r}, which nothing has "
                "computed by then."
            )


def _check_dataflow(graph: Graph, subgraph: Subgraph) -> None:
    known = set(subgraph.inputs)
    known.update(t.index for t in subgraph.tensors if t.is_variable)
    for operator in subgraph.operators:
        _check_order(graph, operator, known)
        for index in operator.outputs:
            if subgraph.tensors[index].is_constant or index in known:
                raise ModelError(
                    f"{graph.source}: {operator.label} writes tensor "
                    f"{subgraph.tensors[index].name!r}, which already has a value."
                )
            known.add(index)
    for index in subgraph.outputs:
        if index not in known:
            raise ModelError(
                f"{graph.source}: nothing computes the output {subgraph.tensors[index].name!r}."
            )


def lower(graph: Graph, numerics: Numerics = Numerics.TFLM) -> Network:
    """Check and fold every operator of the main subgraph.

    Raises UnsupportedError listing every operator that cannot be compiled, with the tensor each
    writes; ModelError where the model contradicts itself.
    """
    subgraph = graph.main
    if not subgraph.operators or not subgraph.outputs:
        raise ModelError(f"{graph.source}: the model computes nothing (no operators or outputs).")
    problems = _unsupported_operators(graph)
    _check_dataflow(graph, subgraph)
    used = {i for operator in subgraph.operators for i in (*operator.inputs, *operator.outputs)}
    for index in sorted(used | set(subgraph.inputs) | set(subgraph.outputs)):
        if index != ABSENT and not subgraph.tensors[index].is_constant:
            _check_tensor(graph, subgraph.tensors[index])
    for index in subgraph.inputs:
        _check_input(graph, subgraph.tensors[index])
    resources = resource_variables(graph)
    layers = []
    for operator in subgraph.operators:
        if operator.opcode in DECLARATIONS or not is_supported(operator):
            continue
        try:
            view = OperatorView(operator, subgraph, resources)
            layers.append(lowering_of(operator)(view, numerics))
        except UnsupportedError as error:
            problems.append(error.message.rstrip("."))
        except TinygenError as error:
            raise type(error)(f"{graph.source}: {error.message}", error.hint) from error
    if problems:
        raise _unsupported(graph, problems)
    runtime = set(subgraph.inputs) | set(subgraph.outputs)
    states = {state.index: state for layer in layers for state in layer.states}
    for layer in layers:
        runtime.update(layer.inputs, layer.outputs)
    runtime -= set(states)
    return Network(
        graph=graph,
        numerics=numerics,
        layers=tuple(layers),
        tensors={
            **{index: subgraph.tensors[index] for index in sorted(runtime)},
            **{index: replace(states[index], data=None) for index in sorted(states)},
        },
        inputs=subgraph.inputs,
        outputs=subgraph.outputs,
        states={index: _initial(states[index]) for index in sorted(states)},
    )


def _initial(state: Tensor) -> AnyArray:
    assert state.data is not None
    return state.data


def _unsupported(graph: Graph, problems: list[str]) -> UnsupportedError:
    listed = "".join(f"\n  - {problem}" for problem in problems[:_MAX_LISTED])
    more = len(problems) - _MAX_LISTED
    if more > 0:
        listed += f"\n  - and {more} more"
    count = "1 operator" if len(problems) == 1 else f"{len(problems)} operators"
    float_inputs = all(
        graph.main.tensors[index].dtype.value.startswith("FLOAT") for index in graph.main.inputs
    )
    return UnsupportedError(
        f"{graph.source}: {count} cannot be compiled:{listed}",
        "This is a float model: quantize it to int8 first (`tinygen quantize`)."
        if float_inputs
        else "`tinygen analyze --operators` lists what is supported.",
    )
