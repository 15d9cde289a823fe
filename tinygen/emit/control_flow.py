# SPDX-License-Identifier: Apache-2.0
"""The C of IF and WHILE: a function for each subgraph, and the statements that copy and choose.

Only layout: which tensors go where is the layer's (``ops/control_flow.py``), where they are is the
plan's.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain

from tinygen.emit.expressions import Renderer
from tinygen.emit.functions import Function, is_checked, step_function
from tinygen.kernels.control_flow import operand_name, result_name
from tinygen.ops.control_flow import Branch, ControlFlow, Loop, Routine
from tinygen.planning.plan import Step


def _call(function: str, *, checked: bool) -> list[str]:
    return [f"if ({function}() != 0) {{", "    return -1;", "}"] if checked else [f"{function}();"]


def _indented(*statements: Iterable[str]) -> Iterator[str]:
    return ("    " + line for line in chain(*statements))


def routine_function(renderer: Renderer) -> Function:
    """The function that runs a routine's steps."""
    steps = renderer.plan.steps
    body: list[str] = []
    for number, step in enumerate(steps):
        if not step.is_view:
            body += _call(step_function(renderer, number), checked=is_checked(step))
    checked = any(is_checked(step) for step in steps)
    subgraph = renderer.plan.network
    return Function(
        description=f"The steps of {renderer.label}: {len(subgraph.layers)} layers",
        name=renderer.label,
        body=[*body, "return 0;"] if checked else body,
        returns="int" if checked else "void",
    )


class _Statements:
    """The statements of one step of control flow."""

    def __init__(self, renderer: Renderer, number: int, layer: ControlFlow) -> None:
        self._renderer = renderer
        self._constants = renderer.constants(renderer.parts[number][0])
        runtime = iter(layer.inputs)
        self._operands = {}
        for position, operand in layer.operands.items():
            if operand.constant is None:
                pointer = renderer.tensor_pointer(next(runtime), writable=False, ctype="uint8_t")
                self._operands[position] = pointer
            elif operand_name(position) in self._constants:
                self._operands[position] = self._constants[operand_name(position)]
        self._outputs = [
            (
                renderer.tensor_pointer(index, writable=True, ctype="uint8_t"),
                renderer.plan.network.tensors[index].nbytes,
            )
            for index in layer.outputs[: len(layer.output_shapes)]
        ]

    def _results(self, routine: Routine) -> list[str]:
        inner = self._renderer.routine(routine)
        return [
            inner.tensor_pointer(result, writable=False, ctype="uint8_t")
            if isinstance(result, int)
            else self._constants[result_name(routine.name, number)]
            for number, result in enumerate(routine.results)
        ]

    def _run(self, routine: Routine, operands: Mapping[int, str]) -> Iterator[str]:
        inner = self._renderer.routine(routine)
        for position, index in routine.inputs:
            sink = inner.tensor_pointer(index, writable=True, ctype="uint8_t")
            size = inner.plan.network.tensors[index].nbytes
            yield f"memcpy({sink}, {operands[position]}, {size}u);"
        steps = inner.plan.steps
        if any(not step.is_view for step in steps):
            yield from _call(inner.label, checked=any(is_checked(step) for step in steps))

    def _copy_out(self, routine: Routine, unchanged: Container[int] = ()) -> Iterator[str]:
        """Copy the results to the outputs, but for those of these numbers."""
        results = zip(self._outputs, self._results(routine), strict=True)
        for number, ((sink, size), source) in enumerate(results):
            if number not in unchanged:
                yield f"memcpy({sink}, {source}, {size}u);"

    def branch(self, layer: Branch) -> Iterator[str]:
        """Run one routine or the other."""
        yield f"if (*({self._operands[0]}) != 0) {{"
        for routine, end in ((layer.then, "} else {"), (layer.otherwise, "}")):
            yield from _indented(self._run(routine, self._operands), self._copy_out(routine))
            yield end

    def loop(self, layer: Loop) -> Iterator[str]:
        """Copy the operands to the outputs, and run the body over these."""
        for (sink, size), source in zip(self._outputs, self._operands.values(), strict=True):
            yield f"memcpy({sink}, {source}, {size}u);"
        carried = dict(zip(layer.operands, (sink for sink, _ in self._outputs), strict=True))
        yield f"for (;;) {{ /* {layer.turns.remark} */"
        stop = f"if (*({self._results(layer.condition)[0]}) == 0) {{", "    break;", "}"
        yield from _indented(self._run(layer.condition, carried), stop)
        given = dict(layer.body.inputs)
        results = zip(layer.operands, layer.body.results, strict=True)
        unchanged = [
            number
            for number, (position, result) in enumerate(results)
            if isinstance(result, int) and given.get(position) == result
        ]
        yield from _indented(self._run(layer.body, carried), self._copy_out(layer.body, unchanged))
        yield "}"


def step_body(renderer: Renderer, number: int, step: Step) -> list[str]:
    """The statements of a step's function."""
    layer = step.layer
    if not isinstance(layer, ControlFlow):
        return renderer.body(renderer.parts[number][0])
    statements = _Statements(renderer, number, layer)
    if isinstance(layer, Branch):
        lines = statements.branch(layer)
    else:
        assert isinstance(layer, Loop)
        lines = statements.loop(layer)
    return [*lines, *(["return 0;"] if is_checked(step) else [])]
