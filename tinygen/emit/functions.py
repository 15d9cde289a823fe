# SPDX-License-Identifier: Apache-2.0
"""The functions of a generated model, as data for the templates: one a step, and what runs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinygen.c_syntax import comment
from tinygen.emit.expressions import Renderer, shape_text
from tinygen.planning.plan import Step


@dataclass(frozen=True)
class Function:
    """A function, with the lines of its body."""

    description: str
    name: str
    body: Sequence[str]
    returns: str = "void"
    parameters: str = "void"


def is_checked(step: Step) -> bool:
    """Whether the step's function returns a status."""
    return any(call.checked or call.ends for call in step.binding.calls) or any(
        is_checked(inner) for routine in step.routines for inner in routine.plan.steps
    )


def step_function(renderer: Renderer, number: int) -> str:
    """The name of a step's function."""
    return f"{renderer.label}_step_{number:02d}"


def step_description(renderer: Renderer, step: Step) -> str:
    """What a step computes, for a comment."""
    tensors = renderer.plan.network.tensors
    sources = ", ".join(shape_text(tensors[i].shape) for i in step.layers[0].inputs)
    sinks = ", ".join(shape_text(tensors[i].shape) for i in step.layers[-1].outputs)
    labels = ", ".join(layer.operator.label for layer in step.layers)
    macs = sum(layer.macs for layer in step.layers)
    counted = f", {macs} MACs" if macs else ""
    return comment(f"{labels}: {sources} -> {sinks}{counted}; {step.kernel}")


def trace(renderer: Renderer, operator: int, data: str, size: str) -> str:
    """The statement that shows what an operator computed, in builds that trace."""
    return f"{renderer.prefix}_TRACE({operator}, {data}, {size});"


def _traces(renderer: Renderer, step: Step) -> Iterator[str]:
    """What a step computed; the operators of a stream show their rows themselves."""
    if step.stream is not None:
        return
    for layer in step.layers:
        for index in layer.outputs:
            data = renderer.tensor_pointer(index, writable=False)
            size = f"{renderer.plan.network.tensors[index].nbytes}u"
            yield trace(renderer, layer.operator.index, data, size)


def run_lines(renderer: Renderer, pushed: int | None) -> Iterator[str]:
    """The statements of an inference: the steps in a row.

    ``pushed`` is the step that takes the rows of an input that the application delivers: it says
    whether it has come to its end, and a failure has a negative number.
    """
    sign = "" if pushed is None else "-"
    for number, step in enumerate(renderer.plan.steps):
        function = step_function(renderer, number)
        ends = any(call.ends for call in step.binding.calls)
        if number == pushed:
            yield from (f"if ({function}() == 0) {{", "    return 0;", "}")
            yield f"{renderer.name}_begin();"
        elif ends:
            yield f"const int ends_{number} = {function}();"
        elif is_checked(step):
            yield from (f"if ({function}() != 0) {{", f"    return {sign}{number + 1};", "}")
        elif not step.is_view:
            yield f"{function}();"
        yield from _traces(renderer, step)
        if ends:
            yield f"if (ends_{number} != 0) {{"
            yield "    return 0; /* more inferences to come before the rest of the model runs */"
            yield "}"
    yield "return 0;" if pushed is None else "return 1;"
