# SPDX-License-Identifier: Apache-2.0
"""Graph → Network: every operator checked and folded into a Layer.

The Network is what both the NumPy reference and the Plan are made from, so the two cannot disagree
about a scale, a shape or a padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tinygen.errors import ModelError, TinygenError, UnsupportedError
from tinygen.ir.dataflow import check_dataflow, check_tensor
from tinygen.ir.graph import ABSENT, AnyArray, DType, Graph, Numerics, Subgraph, Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.ops.registry import kind_of
from tinygen.ops.variables import DECLARATIONS, Variables, keep_output
from tinygen.ops.view import OperatorView
from tinygen.passes.constant_folding import fold_constants

_MAX_LISTED = 20


def _unsupported_operators(subgraph: Subgraph) -> list[str]:
    problems = []
    for operator in subgraph.operators:
        if operator.opcode not in DECLARATIONS and kind_of(operator) is None:
            names = ", ".join(repr(subgraph.tensors[t].name) for t in operator.outputs)
            problems.append(f"{operator.label} → {names}")
    return problems


def _check_input(graph: Graph, tensor: Tensor) -> None:
    """Accept an open batch (compiled as one sample, as TFLM runs it), and no other open dimension."""
    open_dimensions = [i for i in tensor.open_dimensions if i > 0]
    if open_dimensions:
        raise UnsupportedError(
            f"{graph.source}: input {tensor.name!r} leaves dimension {open_dimensions[0]} of its shape "
            "open.",
            "C arrays need static shapes: fix the input shape when converting.",
        )


def lower(graph: Graph, numerics: Numerics = Numerics.TFLM) -> Network:
    """Check and fold every operator of the main subgraph, and of those that it runs.

    Raises UnsupportedError listing every operator that cannot be compiled, with the tensor each
    writes; ModelError where the model contradicts itself.
    """
    subgraph = graph.main
    if not subgraph.outputs:
        raise ModelError(f"{graph.source}: the model computes nothing, because it has no outputs.")
    for index in subgraph.inputs:
        _check_input(graph, subgraph.tensors[index])
    for index in (*subgraph.inputs, *subgraph.outputs):
        if subgraph.tensors[index].dtype is DType.RESOURCE:
            raise UnsupportedError(
                f"{graph.source}: {subgraph.tensors[index].name!r} is an input or output of the model, "
                "and a variable's handle."
            )
    variables = Variables(graph)
    layers, problems = _lower_operators(graph, 0, subgraph, numerics, variables, {}, (0,))
    if problems:
        raise _unsupported(graph, problems)
    outputs = subgraph.outputs
    if any(layer.may_end for layer in layers):
        number = 1 + max(operator.index for operator in subgraph.operators)
        kept = {}
        for k, tensor in enumerate(subgraph.tensors[index] for index in dict.fromkeys(outputs)):
            if not tensor.is_constant:
                state = variables.kept_output(tensor, k)
                layers.append(keep_output(tensor, state, number + k))
                kept[tensor.index] = state.index
        outputs = tuple(kept.get(index, index) for index in outputs)
    return _network(graph, subgraph, numerics, layers, subgraph.inputs, outputs)


def _lower_operators(
    graph: Graph,
    number: int,
    subgraph: Subgraph,
    numerics: Numerics,
    variables: Variables,
    handles: Mapping[int, Tensor],
    callers: tuple[int, ...],
) -> tuple[list[Layer], list[str]]:
    """The layers of a subgraph, and the operators that cannot be compiled, in words.

    ``handles`` are the variables that its inputs refer to; ``callers`` are the subgraphs that are
    being lowered, this one last.
    """
    source = graph.source if number == 0 else f"subgraph {number} ({subgraph.name!r})"
    problems = _unsupported_operators(subgraph)
    check_dataflow(source, subgraph)
    used = {i for operator in subgraph.operators for i in (*operator.inputs, *operator.outputs)}
    for index in sorted(used | set(subgraph.inputs) | set(subgraph.outputs)):
        if index in subgraph.outputs or (
            index != ABSENT and not subgraph.tensors[index].is_constant
        ):
            check_tensor(source, subgraph.tensors[index])

    def lower_subgraph(
        called: int, constants: Mapping[int, AnyArray], passed: Mapping[int, Tensor]
    ) -> tuple[Network, tuple[int | AnyArray, ...]]:
        if called in callers:
            raise ModelError(f"{source}: subgraph {called} runs itself.")
        inner = _with_constants(graph, graph.subgraphs[called], constants, numerics)
        layers, problems = _lower_operators(
            graph, called, inner, numerics, variables, passed, (*callers, called)
        )
        if problems:
            raise UnsupportedError(f"in subgraph {called} ({inner.name!r}), {problems[0]}.")
        values = [(index, inner.tensors[index].data) for index in inner.outputs]
        outputs = tuple(i for i, data in values if data is None and i not in passed)
        read = {*outputs, *(index for layer in layers for index in layer.inputs)}
        inputs = tuple(index for index in inner.inputs if index in read)
        network = _network(graph, inner, numerics, layers, inputs, outputs)
        return network, tuple(index if data is None else data for index, data in values)

    resources = {**variables.of_subgraph(number), **handles}
    numbers = variables.numbers(number)
    layers: list[Layer] = []
    for operator in subgraph.operators:
        kind = kind_of(operator)
        if kind is None:
            continue
        try:
            view = OperatorView(
                operator, subgraph, numerics, resources, numbers, graph, lower_subgraph
            )
            layers.append(kind.lower(view))
        except UnsupportedError as error:
            said = (error.message, error.hint)
            problems.append(". ".join(text.rstrip(".") for text in said if text))
        except TinygenError as error:
            raise type(error)(f"{source}: {error.message}", error.hint) from error
        if operator.opcode == "WHILE":
            # A handle that is carried through a loop still names the same variable.
            for before, after in zip(operator.inputs, operator.outputs, strict=True):
                if before in resources:
                    resources[after] = resources[before]
    return layers, problems


def _with_constants(
    graph: Graph, subgraph: Subgraph, constants: Mapping[int, AnyArray], numerics: Numerics
) -> Subgraph:
    """A subgraph some of whose inputs are known, and what follows from them."""
    given = replace(
        subgraph,
        tensors=tuple(replace(t, data=constants.get(t.index, t.data)) for t in subgraph.tensors),
        inputs=tuple(index for index in subgraph.inputs if index not in constants),
        outputs=(),
    )
    folded = fold_constants(replace(graph, subgraphs=(given,)), numerics).main
    return replace(folded, outputs=subgraph.outputs)


def _network(
    graph: Graph,
    subgraph: Subgraph,
    numerics: Numerics,
    layers: Sequence[Layer],
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
) -> Network:
    constants = {i: subgraph.tensors[i] for i in outputs if _is_constant(subgraph, i)}
    runtime = set(inputs) | set(outputs) - set(constants)
    states = {state.index: state for layer in layers for state in layer.states}
    for layer in layers:
        runtime.update(layer.inputs, layer.outputs)
    written: set[int] = set()
    for layer in layers:
        for index in set(layer.inputs) - written - set(states):
            if subgraph.tensors[index].is_variable:
                states[index] = _reset(graph, subgraph, subgraph.tensors[index])
        written.update(layer.outputs)
    runtime -= set(states)
    return Network(
        graph=graph,
        numerics=numerics,
        layers=tuple(layers),
        tensors={
            **{index: subgraph.tensors[index] for index in sorted(runtime)},
            **{index: replace(states[index], data=None) for index in sorted(states)},
        },
        inputs=inputs,
        outputs=outputs,
        states={index: _initial(states[index]) for index in sorted(states)},
        constants=constants,
    )


def _is_constant(subgraph: Subgraph, index: int) -> bool:
    """Whether an index is that of a constant of the file; those of states are beyond its tensors."""
    return index < len(subgraph.tensors) and subgraph.tensors[index].is_constant


def _reset(graph: Graph, subgraph: Subgraph, tensor: Tensor) -> Tensor:
    """A variable tensor that no operator claims for itself, with TFLM's value after a reset."""
    if subgraph is not graph.main:
        raise UnsupportedError(
            f"subgraph {subgraph.name!r}: operators that keep no state use the variable tensor "
            f"{tensor.name!r}."
        )
    points = tensor.quantization.zero_points if tensor.quantization else ()
    value = points[0] if points and tensor.dtype is DType.INT8 else 0
    return replace(tensor, data=np.full(tensor.shape, value, dtype=tensor.dtype.numpy))


def _initial(state: Tensor) -> AnyArray:
    assert state.data is not None
    return state.data


def _unsupported(graph: Graph, problems: list[str]) -> UnsupportedError:
    listed = "".join(f"\n  - {problem}" for problem in problems[:_MAX_LISTED])
    more = len(problems) - _MAX_LISTED
    if more > 0:
        listed += f"\n  - and {more} more"
    count = "1 operator" if len(problems) == 1 else f"{len(problems)} operators"
    return UnsupportedError(f"{graph.source}: {count} cannot be compiled:{listed}", _way_on(graph))


def _way_on(graph: Graph) -> str:
    """What can be done about a model of which operators cannot be compiled."""
    codes = {operator.custom_code for operator in graph.main.operators}
    if any(code.startswith("Flex") for code in codes):
        return (
            "Flex operators are TensorFlow's own, which only its interpreter has: convert the model "
            "with target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS], or replace them."
        )
    tensors = graph.main.tensors
    if not all(tensors[index].dtype.value.startswith("FLOAT") for index in graph.main.inputs):
        return "`tinygen analyze --operators` lists what is supported."
    weights = {
        t.dtype for t in tensors if t.data is not None and t.quantization and t.data.ndim > 1
    }
    if DType.INT8 in weights:
        return (
            "This is a dynamic-range model, of float activations and int8 weights: convert the float "
            "model that it was made from with calibration samples (`tinygen quantize FLOAT --data`)."
        )
    return "This is a float model: quantize it to int8 first (`tinygen quantize`)."
