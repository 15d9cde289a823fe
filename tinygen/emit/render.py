# SPDX-License-Identifier: Apache-2.0
"""Plan → the text of every generated file.

Symbols are named here and arena offsets become pointer expressions; every other decision is the
Plan's. The same Plan gives the same bytes.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from tinygen import __version__
from tinygen.c_syntax import (
    CTYPES,
    NUMPY_CTYPES,
    array_lines,
    comment,
    float_literal,
    integer_literal,
)
from tinygen.graph import AnyArray, DType, Tensor
from tinygen.kernels.kernel import (
    Assembly,
    AssemblyArgument,
    Call,
    Constant,
    ConstantArgument,
    Field,
    KeptArgument,
    Provider,
    Raw,
    RingArgument,
    RowArgument,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.plan import Optimize, Plan, Step
from tinygen.plan_data import plan_as_data
from tinygen.resources import resource_root

GeneratedFiles = Mapping[str, bytes]
"""File contents by path relative to the output directory."""

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


_STATEMENT_WIDTH = 90


@dataclass(frozen=True)
class _Array:
    symbol: str
    ctype: str
    length: int
    alignment: int
    description: str
    constant: Constant

    @property
    def lines(self) -> Iterator[str]:
        return array_lines(self.constant.values)


class _Renderer:
    """Holds the symbol tables while one Plan is written down."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.name = plan.options.name
        self.prefix = self.name.upper()
        self.arrays: list[_Array] = []
        self._by_content: dict[tuple[str, bytes], int] = {}
        self.symbols = [self._place_constants(i, step) for i, step in enumerate(plan.steps)]

    def _place_constants(self, number: int, step: Step) -> dict[str, str]:
        """Give each constant array of a step a symbol; equal arrays share one."""
        symbols = {}
        for constant in step.binding.constants:
            ctype = constant.ctype or NUMPY_CTYPES[constant.values.dtype.name]
            key = (ctype, constant.values.tobytes())
            known = self._by_content.get(key)
            if known is None:
                known = self._by_content[key] = len(self.arrays)
                self.arrays.append(
                    _Array(
                        symbol=f"{self.name}_{number:02d}_{constant.name}",
                        ctype=ctype,
                        length=constant.values.size,
                        alignment=constant.alignment,
                        description=comment(
                            f"{constant.name} of {step.layer.operator.label}, "
                            f"{_shape_text(constant.values.shape)}"
                        ),
                        constant=constant,
                    )
                )
            elif constant.alignment > self.arrays[known].alignment:
                shared = self.arrays[known]
                self.arrays[known] = _Array(**{**vars(shared), "alignment": constant.alignment})
            symbols[constant.name] = self.arrays[known].symbol
        return symbols

    def assembly_symbol(self, stem: str) -> str:
        """The name of an assembly function."""
        return f"{self.name}_{stem}"

    def assembly(self) -> list[Assembly]:
        """Every assembly file of the plan, once."""
        found = {a.stem: a for step in self.plan.steps for a in step.binding.assembly}
        return [found[stem] for stem in sorted(found)]

    def pointer(self, offset: int, ctype: str, *, writable: bool) -> str:
        """A pointer into the arena."""
        const = "" if writable else "const "
        base = f"{self.name}_arena + {offset}"
        if ctype in ("uint8_t", "int8_t"):
            return f"({const}{ctype} *)({base})"
        return f"({const}{ctype} *)({const}void *)({base})"

    def tensor_pointer(self, index: int, *, writable: bool, ctype: str = "") -> str:
        """A pointer to a run-time tensor, typed as its elements are."""
        tensor = self.plan.network.tensors[index]
        if index in self.plan.state_offsets:
            const = "" if writable else "const "
            target = f"{const}{ctype or CTYPES[tensor.dtype]} *"
            return (
                f"({target})({const}void *)({self.name}_state + {self.plan.state_offsets[index]})"
            )
        return self.pointer(
            self.plan.tensor_offsets[index], ctype or CTYPES[tensor.dtype], writable=writable
        )

    def field(self, number: int, value: Field, indent: str) -> str:
        """The C expression (or braced initializer) of a field or argument."""
        if isinstance(value, TensorArgument):
            return self.tensor_pointer(value.tensor, writable=value.writable, ctype=value.ctype)
        if isinstance(value, ScratchArgument):
            offset = self.plan.scratch_offsets.get((number, 0))
            return "NULL" if offset is None else self.pointer(offset, value.ctype, writable=True)
        if isinstance(value, ConstantArgument):
            symbol = self.symbols[number][value.name]
            return f"({value.cast}){symbol}" if value.cast else symbol
        if isinstance(value, AssemblyArgument):
            return self.assembly_symbol(value.stem)
        if isinstance(value, Raw):
            return value.text
        if isinstance(value, Struct):
            return self.initializer(number, value, indent)
        if isinstance(value, float):
            return float_literal(value)
        return integer_literal(value)

    def initializer(self, number: int, struct: Struct, indent: str) -> str:
        """A braced initializer with named fields; on one line if it is short."""
        inner = indent + "    "
        fields = [f".{key} = {self.field(number, value, inner)}" for key, value in struct.fields]
        one_line = "{" + ", ".join(fields) + "}"
        if len(indent) + len(one_line) <= 80 and "\n" not in one_line:
            return one_line
        return "{\n" + "".join(f"{inner}{line},\n" for line in fields) + indent + "}"

    def step_body(self, number: int, step: Step) -> list[str]:
        """The statements of a step's function."""
        lines: list[str] = []
        taken: set[str] = set()
        for call in step.binding.calls:
            lines.extend(self._call(number, call, taken))
        if any(call.checked for call in step.binding.calls):
            lines.append("return 0;")
        return [part for line in lines for part in line.split("\n")]

    def _call(self, number: int, call: Call, taken: set[str]) -> Iterator[str]:
        arguments = []
        for argument in call.arguments:
            if not isinstance(argument, Struct):
                assert not isinstance(argument, RingArgument | RowArgument | KeptArgument)
                arguments.append(self.field(number, argument, ""))
                continue
            label = argument.label
            while label in taken:
                label += "_"
            taken.add(label)
            storage = "const" if _points_into_arena(argument) else "static const"
            initializer = self.initializer(number, argument, "")
            yield f"{storage} {argument.ctype} {label} = {initializer};"
            arguments.append(f"&{label}")
        text = f"{call.function}({', '.join(arguments)})"
        if len(text) > _STATEMENT_WIDTH:
            text = f"{call.function}(\n    " + ",\n    ".join(arguments) + ")"
        if call.checked:
            yield f"if ({text} != 0) {{\n    return -1;\n}}"
        else:
            yield f"{text};"


def _initial_state(plan: Plan) -> AnyArray:
    """The state memory after a reset, byte by byte."""
    memory = np.zeros(plan.state_bytes, dtype=np.uint8)
    for index, values in plan.network.states.items():
        content = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=np.uint8)
        offset = plan.state_offsets[index]
        memory[offset : offset + content.size] = content
    return memory


def _points_into_arena(struct: Struct) -> bool:
    return any(
        isinstance(value, TensorArgument | ScratchArgument)
        or (isinstance(value, Struct) and _points_into_arena(value))
        for _, value in struct.fields
    )


def _shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _interface_tensor(renderer: _Renderer, kind: str, position: int, index: int) -> dict[str, Any]:
    tensor: Tensor = renderer.plan.network.tensors[index]
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
        "ctype": CTYPES[tensor.dtype],
        "macros": macros,
        "description": comment(
            f"'{tensor.name}', {tensor.dtype.value} {_shape_text(tensor.shape)}"
        ),
        "pointer": renderer.tensor_pointer(index, writable=kind == "input"),
    }


def _step_data(renderer: _Renderer, number: int, step: Step) -> dict[str, Any]:
    tensors = renderer.plan.network.tensors
    first, last = step.layers[0], step.layers[-1]
    sources = ", ".join(_shape_text(tensors[i].shape) for i in first.inputs)
    sinks = ", ".join(_shape_text(tensors[i].shape) for i in last.outputs)
    labels = ", ".join(layer.operator.label for layer in step.layers)
    macs = sum(layer.macs for layer in step.layers)
    return {
        "number": number,
        "function": f"{renderer.name}_step_{number:02d}",
        "description": comment(
            f"{labels}: {sources} -> {sinks}"
            + (f", {macs} MACs" if macs else "")
            + f"; {step.kernel}"
        ),
        "checked": any(call.checked for call in step.binding.calls),
        "body": renderer.step_body(number, step),
        "traces": [
            f"{layer.operator.index}, {renderer.tensor_pointer(i, writable=False)}, "
            f"{tensors[i].nbytes}u"
            for layer in step.layers
            for i in layer.outputs
        ],
    }


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
            add((Path(path).parent / name).as_posix())

    for step in plan.steps:
        if step.provider is Provider.TINYGEN:
            for header in step.binding.headers:
                add(header)
            for assembly in step.binding.assembly:
                add(assembly.listing)
    return found


_NO_CONTRACTION = [
    "/* Products and sums are rounded apart on every target, as in the reference. */",
    "#if defined(__clang__)",
    "#pragma STDC FP_CONTRACT OFF",
    "#elif defined(__GNUC__)",
    '#pragma GCC optimize("fp-contract=off")',
    "#endif",
]


def _kernel_defines(plan: Plan) -> list[str]:
    float_types = (DType.FLOAT32, DType.FLOAT64)
    if any(tensor.dtype in float_types for tensor in plan.network.tensors.values()):
        return [*_NO_CONTRACTION, *_linkage(plan)]
    return _linkage(plan)


def _linkage(plan: Plan) -> list[str]:
    if plan.options.optimize is Optimize.SIZE:
        return ["#define TINYGEN_KERNEL static __attribute__((noinline, unused))"]
    return ["#define TINYGEN_KERNEL static inline __attribute__((always_inline, unused))"]


def _providers(plan: Plan) -> str:
    return " + ".join(sorted({step.provider.value for step in plan.steps if step.binding.calls}))


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_root() / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - C, not HTML; names pass through c_syntax.comment
    )


LibrarySources = Callable[[Plan], tuple[Mapping[str, bytes], tuple[str, ...]]]
"""Ships a library's part: its files by path, and the headers that the model must include."""


def render(plan: Plan, library: LibrarySources | None = None) -> GeneratedFiles:
    """Every generated file of a Plan.

    ``library`` gives the files of the CMSIS-NN kernels that were chosen.
    """
    renderer = _Renderer(plan)
    environment = _environment()
    own_headers = _kernel_headers(plan)
    library_files, library_headers = library(plan) if library else ({}, ())
    used = {h for s in plan.steps if s.provider is Provider.TINYGEN for h in s.binding.headers}
    name = plan.options.name
    model_file = comment(Path(plan.network.graph.source).name)
    context: dict[str, Any] = {
        "banner": f"Generated by tinygen {__version__} from {model_file}; do not edit.",
        "name": name,
        "prefix": renderer.prefix,
        "model_sha256": plan.network.graph.sha256,
        "kernels": _providers(plan),
        "target": plan.options.core.name,
        "optimize": plan.options.optimize.value,
        "arena_bytes": plan.arena_bytes,
        "layers": 1 + max(o.index for o in plan.network.graph.main.operators),
        "stateful": bool(plan.network.states),
        "state_bytes": plan.state_bytes,
        "state_lines": list(array_lines(_initial_state(plan))),
        "inputs": [
            _interface_tensor(renderer, "input", k, i) for k, i in enumerate(plan.network.inputs)
        ],
        "outputs": [
            _interface_tensor(renderer, "output", k, i) for k, i in enumerate(plan.network.outputs)
        ],
        "prototypes": [
            *(
                a.prototype.format(symbol=renderer.assembly_symbol(a.stem))
                for a in renderer.assembly()
            ),
            *dict.fromkeys(p for step in plan.steps for p in step.binding.prototypes),
        ],
        "kernel_defines": _kernel_defines(plan),
        "headers": [*sorted(f"kernels/{h}" for h in used), *library_headers],
        "steps": [_step_data(renderer, i, step) for i, step in enumerate(plan.steps)],
        "arrays": renderer.arrays,
    }
    files: dict[str, bytes] = {}
    for source, path in (
        ("model.h.j2", f"{name}.h"),
        ("model.c.j2", f"{name}.c"),
        ("weights.h.j2", f"{name}_weights.h"),
        ("weights.c.j2", f"{name}_weights.c"),
    ):
        files[path] = environment.get_template(source).render(context).encode()
    template = environment.get_template("assembly.S.j2")
    for assembly in renderer.assembly():
        symbol = renderer.assembly_symbol(assembly.stem)
        files[f"{symbol}.S"] = template.render(
            banner=context["banner"], symbol=symbol, assembly=assembly
        ).encode()
    files[f"{name}_plan.json"] = (json.dumps(plan_as_data(plan), indent=1) + "\n").encode()
    files.update({f"kernels/{path}": content for path, content in own_headers.items()})
    files.update(library_files)
    for own in sorted({path for step in plan.steps for path in step.binding.sources}):
        files[f"custom/{own.name}"] = own.read_bytes()
    return dict(sorted(files.items()))
