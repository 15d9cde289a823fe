# SPDX-License-Identifier: Apache-2.0
"""Plan → the text of every generated file.

Symbols are named here and arena offsets become pointer expressions; every other decision is the
Plan's. The same Plan gives the same bytes.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygen.c_syntax import array_lines, comment, float_literal, integer_literal
from tinygen.emit.assembly import assembly_by_symbol, declarations
from tinygen.emit.cmsis_nn import ship
from tinygen.emit.control_flow import routine_function, step_body
from tinygen.emit.expressions import Renderer, arena_label, shape_text
from tinygen.emit.functions import Function, is_checked, run_lines, step_description, step_function
from tinygen.emit.guards import guards
from tinygen.emit.streams import pushed_input, pushed_step, streams
from tinygen.emit.templates import template
from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.kernels.binding import Binding
from tinygen.kernels.cmsis_nn.tree import CmsisNN
from tinygen.kernels.kernel import Provider
from tinygen.planning.as_data import plan_as_data
from tinygen.planning.plan import Plan, Step
from tinygen.resources import VERSION, resource_root

GeneratedFiles = Mapping[str, bytes]
"""File contents by path relative to the output directory."""

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def _initial_state(plan: Plan) -> AnyArray:
    """The state memory after a reset, byte by byte."""
    memory = np.zeros(plan.state_bytes, dtype=np.uint8)
    for index, values in plan.network.states.items():
        content = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=np.uint8)
        offset = plan.state_offsets[index]
        memory[offset : offset + content.size] = content
    return memory


def _interface_tensor(renderer: Renderer, kind: str, position: int, index: int) -> dict[str, Any]:
    tensor = renderer.plan.network.port(index)
    macros: list[tuple[str, str]] = [
        ("LEN", str(tensor.elements)),
        ("BYTES", str(tensor.nbytes)),
        ("RANK", str(len(tensor.shape))),
        ("SHAPE", "{" + ", ".join(map(str, tensor.shape or (1,))) + "}"),
    ]
    quantization = tensor.quantization
    if quantization is not None and len(quantization.scales) == 1:
        macros.append(("SCALE", float_literal(quantization.scales[0])))
        macros.append(("ZERO_POINT", integer_literal(quantization.zero_points[0])))
    return {
        "macro": f"{kind.upper()}_{position}",
        "function": f"{kind}_{position}",
        "ctype": tensor.dtype.ctype,
        "macros": macros,
        "description": comment(
            f"'{tensor.name}', {tensor.dtype.value} {shape_text(tensor.shape)}"
            + _also_known_as(renderer.plan, kind, position, index)
        ),
        "body": [f"return {renderer.tensor_pointer(index, writable=kind == 'input')};"],
    }


def _also_known_as(plan: Plan, kind: str, position: int, index: int) -> str:
    """What to say of an input or output that is a constant, or has been listed before."""
    network = plan.network
    if index in network.constants:
        return ", a constant"
    first = (network.inputs if kind == "input" else network.outputs).index(index)
    return "" if first == position else f", the same memory as {plan.options.name}_{kind}_{first}()"


def _arenas(plan: Plan) -> Iterator[dict[str, Any]]:
    """The arrays that the arena consists of: one, or one a bank."""
    banks = [(part.nbytes, part.bank.section) for part in plan.banks]
    for number, (nbytes, section) in enumerate(banks or [(plan.arena_bytes, "")]):
        label = arena_label(plan, number)
        yield {
            "macro": label.upper(),
            "array": f"{plan.options.name}_{label}",
            "bytes": nbytes,
            "attributes": f' __attribute__((section("{section}")))' if section else "",
        }


def _functions(renderer: Renderer) -> Iterator[Function]:
    """The functions of a plan's steps, each after those of the routines that it runs."""
    for number, step in enumerate(renderer.plan.steps):
        for inner in step.routines:
            routine = renderer.routine(inner.routine)
            functions = list(_functions(routine))
            yield from functions
            if functions:
                yield routine_function(routine)
        if not step.is_view and step.stream is None:
            yield Function(
                step_description(renderer, step),
                step_function(renderer, number),
                step_body(renderer, number, step),
                returns="int" if is_checked(step) else "void",
            )


def _kernel_headers(plan: Plan) -> dict[str, bytes]:
    """Our kernels' headers that the steps include, and what those include, by path in ``kernels/``."""
    root = resource_root() / "firmware" / "kernels"
    found: dict[str, bytes] = {}

    def add(path: str) -> None:
        if path in found:
            return
        content = (root / path).read_bytes()
        found[path] = content
        for name in _INCLUDE.findall(content.decode()):
            add(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)))

    for header in _own_headers(plan):
        add(header)
    for binding in _own_bindings(plan):
        for assembly in binding.assembly:
            add(assembly.listing)
    return found


def _bindings(steps: Iterable[Step]) -> Iterator[Binding]:
    return (binding for step in steps for binding in step.bindings)


def _own_bindings(plan: Plan) -> Iterator[Binding]:
    return _bindings(step for step in plan.all_steps if step.provider is Provider.TINYGEN)


def _own_headers(plan: Plan) -> list[str]:
    """Our headers that the generated program includes."""
    headers = {"config.h"} | {
        header for binding in _own_bindings(plan) for header in binding.headers
    }
    if any(step.stream for step in plan.steps):
        headers.add("portable/stream.h")
    if plan.stages:
        headers.add("portable/stage.h")
    return sorted(headers)


def _all_tensors(plan: Plan) -> Iterator[Tensor]:
    yield from plan.network.tensors.values()
    for step in plan.steps:
        for inner in step.routines:
            yield from _all_tensors(inner.plan)


def _providers(plan: Plan) -> str:
    return " + ".join(sorted({step.provider.value for step in plan.all_steps if not step.is_view}))


def render(plan: Plan, tree: CmsisNN | None = None) -> GeneratedFiles:
    """Every generated file of a Plan; those of the CMSIS-NN kernels in it come from the tree."""
    renderer = Renderer(plan)
    own_headers = _kernel_headers(plan)
    assembly = assembly_by_symbol(plan)
    library_files, library_headers = ship(tree, plan) if tree else ({}, ())
    name = plan.options.name
    model_file = comment(Path(plan.network.graph.source).name)
    waiting = pushed_step(plan.steps)
    pushed = None if waiting is None else pushed_input(renderer, waiting)
    inputs = [_interface_tensor(renderer, "input", k, i) for k, i in enumerate(plan.network.inputs)]
    if pushed:
        inputs[pushed["position"]]["body"] = pushed["body"]
    context: dict[str, Any] = {
        "banner": f"Generated by tinygen {VERSION} from {model_file}; do not edit.",
        "name": name,
        "prefix": renderer.prefix,
        "model_sha256": plan.network.graph.sha256,
        "kernels": _providers(plan),
        "target": plan.options.core.name,
        "optimize": plan.options.optimize.value,
        "arenas": list(_arenas(plan)),
        "layers": 1 + max((layer.operator.index for layer in plan.network.layers), default=-1),
        "stateful": bool(plan.network.states),
        "copies": bool(plan.network.states)
        or pushed is not None
        or any(step.routines for step in plan.steps),
        "pushed": pushed,
        "run_function": f"{name}_push_row()" if pushed else f"{name}_invoke()",
        "state_bytes": plan.state_bytes,
        "state_lines": list(array_lines(_initial_state(plan))),
        "inputs": inputs,
        "outputs": [
            _interface_tensor(renderer, "output", k, i) for k, i in enumerate(plan.network.outputs)
        ],
        "assembly": list(declarations(assembly, own_headers)),
        "prototypes": list(
            dict.fromkeys(p for binding in _bindings(plan.all_steps) for p in binding.prototypes)
        ),
        "floats": any(t.dtype in (DType.FLOAT32, DType.FLOAT64) for t in _all_tensors(plan)),
        "headers": [*(f"kernels/{h}" for h in _own_headers(plan)), *library_headers],
        "functions": list(_functions(renderer)),
        "streams": list(streams(renderer, waiting)),
        "run": list(run_lines(renderer, waiting)),
        "arrays": renderer.arrays,
    }
    files: dict[str, bytes] = {}
    for source, path in (
        ("model.h.j2", f"{name}.h"),
        ("model.c.j2", f"{name}.c"),
        ("weights.h.j2", f"{name}_weights.h"),
        ("weights.c.j2", f"{name}_weights.c"),
    ):
        files[path] = template(source).render(context).encode()
    for symbol, function in assembly.items():
        files[f"{symbol}.S"] = (
            template("assembly.S.j2")
            .render(
                banner=context["banner"],
                symbol=symbol,
                pairs=plan.options.core.pairs,
                guards=tuple(guards(function.listing, plan.options.core)),
                assembly=function,
            )
            .encode()
        )
    files[f"{name}_plan.json"] = (json.dumps(plan_as_data(plan), indent=1) + "\n").encode()
    files.update({f"kernels/{path}": content for path, content in own_headers.items()})
    files.update(library_files)
    for own in sorted({p for binding in _bindings(plan.all_steps) for p in binding.sources}):
        files[f"custom/{own.name}"] = own.read_bytes()
    return dict(sorted(files.items()))
