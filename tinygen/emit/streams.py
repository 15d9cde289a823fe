# SPDX-License-Identifier: Apache-2.0
"""The C of a stream: its operators' functions, its schedule, and the input that is pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinygen.c_syntax import comment
from tinygen.emit.expressions import Part, Renderer
from tinygen.emit.functions import Function, step_description, step_function, trace
from tinygen.planning.plan import INPUT_ROW, Step, Stream

_EVENTS_PER_LINE = 12


@dataclass(frozen=True)
class StreamText:
    """A stream: its operators' functions, its schedule, and the function of its step."""

    bands: Sequence[Function]
    event_count: int
    events: Sequence[str]
    step: Function


def _band(renderer: Renderer, part: Part) -> Function:
    """The function of one operator of a stream: it computes a band, and traces what it wrote."""
    assert part.stream is not None
    layer = part.layer
    (output,) = layer.outputs
    tensors = renderer.plan.network.tensors
    if layer.accumulates:
        rows, size = renderer.tensor_pointer(output, writable=False), f"{tensors[output].nbytes}u"
        shown = trace(renderer, layer.operator.index, rows, size)
        height = tensors[layer.inputs[0]].shape[1]
        traces = [f"if (end_row == {height}) {{", f"    {shown}", "}"]
    else:
        rows = renderer.row_pointer(part.stream, output)
        size = f"(uint32_t)(end_row - first_row) * {renderer.row_bytes(output)}u"
        traces = [trace(renderer, layer.operator.index, rows, size)]
    body = renderer.body(part)
    unused = [name for name in ("first_row", "end_row") if name not in "".join(body)]
    return Function(
        description=comment(
            f"{layer.operator.label}; {part.stream.kernels[part.position]}, "
            f"rows [first_row, end_row)"
        ),
        name=f"{renderer.name}_step_{part.label}",
        body=[*(f"(void){name};" for name in unused), *body, *traces],
        parameters="int32_t first_row, int32_t end_row",
    )


def _event_lines(stream: Stream) -> Iterator[str]:
    """The schedule as initializers."""
    waits = "TINYGEN_STREAM_INPUT"
    texts = [
        f"{{{waits if e.operator == INPUT_ROW else e.operator}, {e.rows}}}" for e in stream.events
    ]
    for start in range(0, len(texts), _EVENTS_PER_LINE):
        yield ", ".join(texts[start : start + _EVENTS_PER_LINE]) + ","


def _whole(name: str, description: str, stream: Stream) -> Function:
    """The function of a step that runs all of its stream."""
    count = len(stream.events)
    body = [
        f"int32_t next[{len(stream.bindings)}] = {{0}};",
        f"(void)tinygen_stream_run({name}_events, 0, {count}, {name}_bands, next);",
    ]
    return Function(description, name, body)


def _resumed(name: str, description: str, stream: Stream, model: str) -> Function:
    """The function of a step that runs its stream up to where it waits for a row of the input."""
    count = len(stream.events)
    body = [
        f"{model}_progress.event = tinygen_stream_run(",
        f"    {name}_events,",
        f"    {model}_progress.event,",
        f"    {count},",
        f"    {name}_bands,",
        f"    {model}_progress.next);",
        f"return {model}_progress.event == {count};",
    ]
    return Function(f"{description}; returns 0 if it waits for a row.", name, body, returns="int")


def streams(renderer: Renderer, pushed: int | None) -> Iterator[StreamText]:
    """The streams of a plan; that of the step ``pushed`` takes an input row by row."""
    for number, step in enumerate(renderer.plan.steps):
        stream = step.stream
        if stream is None:
            continue
        name, description = step_function(renderer, number), step_description(renderer, step)
        yield StreamText(
            bands=[_band(renderer, part) for part in renderer.parts[number]],
            event_count=len(stream.events),
            events=list(_event_lines(stream)),
            step=_resumed(name, description, stream, renderer.name)
            if number == pushed
            else _whole(name, description, stream),
        )


def pushed_step(steps: Sequence[Step]) -> int | None:
    """The step that takes an input that the application delivers by rows; None if there is none."""
    for number, step in enumerate(steps):
        if step.stream and any(event.operator == INPUT_ROW for event in step.stream.events):
            assert all(earlier.is_view for earlier in steps[:number])
            return number
    return None


def pushed_input(renderer: Renderer, number: int) -> Mapping[str, Any]:
    """The input that the step takes by rows."""
    network = renderer.plan.network
    step = renderer.plan.steps[number]
    assert step.stream is not None
    (position,) = (k for k, i in enumerate(network.inputs) if i in step.stream.rings)
    index = network.inputs[position]
    tensor = network.tensors[index]
    return {
        "position": position,
        "macro": f"INPUT_{position}",
        "function": f"input_{position}",
        "ctype": tensor.dtype.ctype,
        "rows": tensor.shape[1],
        "row_elements": tensor.elements // tensor.shape[1],
        "row_bytes": renderer.row_bytes(index),
        "body": [
            f"const int32_t first_row = {renderer.name}_progress.input_row;",
            f"return {renderer.row_pointer(step.stream, index, writable=True)};",
        ],
        "bands": len(step.layers),
    }
