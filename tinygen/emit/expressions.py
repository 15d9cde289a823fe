# SPDX-License-Identifier: Apache-2.0
"""Symbols and C expressions of one Plan: what its calls, arguments and structs look like.

A step has one part for each binding that it runs: itself, or every operator of its stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tinygen.c_syntax import NUMPY_CTYPES, array_lines, comment, float_literal, integer_literal
from tinygen.emit.assembly import assembly_symbol
from tinygen.ir.layer import Layer
from tinygen.kernels import binding as k
from tinygen.ops.control_flow import Routine
from tinygen.planning.plan import Plan, Staged, Step, Stream

_STATEMENT_WIDTH = 90


@dataclass(frozen=True)
class _Array:
    symbol: str
    ctype: str
    length: int
    alignment: int
    description: str
    constant: k.Constant

    @property
    def lines(self) -> Iterator[str]:
        return array_lines(self.constant.values)


@dataclass(frozen=True, eq=False)
class Part:
    """One binding of a step: the step's own, or that of one operator of its stream.

    ``label`` is what the names of its function and of its constants have in them.
    """

    step: int
    position: int
    layer: Layer
    binding: k.Binding
    label: str
    stream: Stream | None = None


def parts_of(number: int, step: Step) -> tuple[Part, ...]:
    """The parts of a step, in the order of its bindings."""
    label = f"{number:02d}"
    if step.stream is None:
        return (Part(number, 0, step.layer, step.binding, label),)
    return tuple(
        Part(number, i, layer, binding, f"{label}_operator_{layer.operator.index}", step.stream)
        for i, (layer, binding) in enumerate(zip(step.layers, step.stream.bindings, strict=True))
    )


def arena_label(plan: Plan, number: int) -> str:
    """What the array of a bank is called, after the model's name; that of the first is the arena."""
    return f"arena_{plan.banks[number].bank.name.lower()}" if number else "arena"


class Renderer:
    """Holds the symbol tables while one Plan is written down.

    The plan of a routine has a renderer of its own, whose functions and constants are named after
    ``label``, and whose arena begins ``origin`` bytes into that of ``outer``.
    """

    def __init__(
        self, plan: Plan, outer: Renderer | None = None, label: str = "", origin: int = 0
    ) -> None:
        self.plan = plan
        self.name = plan.options.name
        self.prefix = self.name.upper()
        self.label = label or self.name
        self._outer = outer
        self._origin = origin
        self._state_offsets: Mapping[int, int] = (
            plan.state_offsets if outer is None else outer._state_offsets
        )
        self.arrays: list[_Array] = [] if outer is None else outer.arrays
        self._by_content: dict[tuple[str, bytes], int] = {} if outer is None else outer._by_content
        self._known_outputs = {
            index: self._array(
                k.Constant("value", tensor.data),
                f"{self.name}_constant_{plan.network.outputs.index(index)}",
                f"output {tensor.name!r}",
            )
            for index, tensor in plan.network.constants.items()
            if tensor.data is not None
        }
        self.parts = [parts_of(number, step) for number, step in enumerate(plan.steps)]
        self._symbols = {
            (part.step, part.position): self._place_constants(part)
            for parts in self.parts
            for part in parts
        }
        self._routines = {
            inner.routine: Renderer(
                inner.plan,
                self,
                f"{self.label}_{number:02d}_{inner.routine.name}",
                plan.scratch_offsets.get((number, 0), 0),
            )
            for number, step in enumerate(plan.steps)
            for inner in step.routines
        }

    def routine(self, routine: Routine) -> Renderer:
        """The renderer of a routine that a step runs."""
        return self._routines[routine]

    def constants(self, part: Part) -> Mapping[str, str]:
        """The constant arrays of a part, by their names in its binding."""
        return self._symbols[part.step, part.position]

    def _place_constants(self, part: Part) -> dict[str, str]:
        """Give each constant array of a part a symbol; equal arrays share one."""
        staged = self._staged(part)
        return {
            constant.name: self._array(
                _in_words(constant) if constant.name in staged else constant,
                f"{self.label}_{part.label}_{constant.name}",
                f"{constant.name} of {part.layer.operator.label}",
            )
            for constant in part.binding.constants
        }

    def _array(self, constant: k.Constant, symbol: str, what: str) -> str:
        """The symbol of a constant array: the one given, or that of an equal array placed before."""
        ctype = constant.ctype or NUMPY_CTYPES[constant.values.dtype.name]
        key = (ctype, constant.values.tobytes())
        known = self._by_content.get(key)
        if known is None:
            self._by_content[key] = len(self.arrays)
            self.arrays.append(
                _Array(
                    symbol=symbol,
                    ctype=ctype,
                    length=constant.values.size,
                    alignment=constant.alignment,
                    description=comment(f"{what}, {shape_text(constant.values.shape)}"),
                    constant=constant,
                )
            )
            return symbol
        if constant.alignment > self.arrays[known].alignment:
            self.arrays[known] = replace(self.arrays[known], alignment=constant.alignment)
        return self.arrays[known].symbol

    def _staged(self, part: Part) -> Mapping[str, Staged]:
        """The constants of a part that are copied into the arena, by name."""
        copies = () if part.stream else self.plan.staged.get(part.step, ())
        return {copy.constant: copy for copy in copies}

    def _place(self, offset: int) -> tuple[str, int]:
        """The array that holds an offset of the arena, and the offset in it."""
        if self._outer is not None:
            return self._outer._place(self._origin + offset)
        for number, part in enumerate(self.plan.banks):
            if part.holds(offset):
                return f"{self.name}_{arena_label(self.plan, number)}", offset - part.base
        return f"{self.name}_arena", offset

    def pointer(self, offset: int, ctype: str, *, writable: bool, row: str = "") -> str:
        """A pointer into the arena; ``row`` is an expression of bytes from the offset."""
        const = "" if writable else "const "
        array, place = self._place(offset)
        base = f"{array} + {place}" + (f" + {row}" if row else "")
        if ctype in ("uint8_t", "int8_t"):
            return f"({const}{ctype} *)({base})"
        return f"({const}{ctype} *)({const}void *)({base})"

    def tensor_pointer(self, index: int, *, writable: bool, ctype: str = "") -> str:
        """A pointer to a tensor, typed as its elements are."""
        if index in self._known_outputs:
            return self._known_outputs[index]
        tensor = self.plan.network.tensors[index]
        if index in self._state_offsets:
            const = "" if writable else "const "
            target = f"{const}{ctype or tensor.dtype.ctype} *"
            return f"({target})({const}void *)({self.name}_state + {self._state_offsets[index]})"
        return self.pointer(
            self.plan.tensor_offsets[index], ctype or tensor.dtype.ctype, writable=writable
        )

    def row_bytes(self, index: int) -> int:
        """Bytes of a row of a tensor that is streamed."""
        tensor = self.plan.network.tensors[index]
        return tensor.nbytes // tensor.shape[1]

    def row_pointer(
        self, stream: Stream, index: int, *, writable: bool = False, ctype: str = ""
    ) -> str:
        """A pointer to row ``first_row`` of a tensor, in its ring if it has one."""
        tensor = self.plan.network.tensors[index]
        height = tensor.shape[1]
        ring = stream.rings.get(index)
        rows = height if ring is None else ring.rows
        slot = "(uint32_t)first_row"
        if rows < height:
            phase = 0 if ring is None else ring.phase
            slot = (f"({slot} + {phase}u)" if phase else slot) + f" % {rows}u"
        return self.pointer(
            self.plan.tensor_offsets[index],
            ctype or tensor.dtype.ctype,
            writable=writable,
            row="" if rows == 1 else f"{slot} * {self.row_bytes(index)}u",
        )

    def _argument(self, part: Part, value: k.Argument) -> str:
        """The C expression of a call argument that is no struct."""
        if isinstance(value, k.RingArgument):
            return self.tensor_pointer(value.tensor, writable=False, ctype=value.ctype)
        if isinstance(value, k.RowArgument):
            assert part.stream is not None
            return self.row_pointer(
                part.stream, value.tensor, writable=value.writable, ctype=value.ctype
            )
        if isinstance(value, k.KeptArgument):
            offset = self.plan.kept_offsets[part.step, part.position]
            return self.pointer(offset, value.ctype, writable=True)
        return self.field(part, value, "")

    def field(self, part: Part, value: k.Field, indent: str) -> str:
        """The C expression (or braced initializer) of a field or argument."""
        if isinstance(value, k.TensorArgument):
            return self.tensor_pointer(value.tensor, writable=value.writable, ctype=value.ctype)
        if isinstance(value, k.ScratchArgument):
            offset = self.plan.scratch_offsets.get((part.step, part.position))
            return "NULL" if offset is None else self.pointer(offset, value.ctype, writable=True)
        if isinstance(value, k.Constant):
            symbol = self._symbols[part.step, part.position][value.name]
            copy = self._staged(part).get(value.name)
            if copy is not None:
                ctype = value.ctype or NUMPY_CTYPES[value.values.dtype.name]
                symbol = self.pointer(copy.offset, ctype, writable=False)
            return f"({value.cast}){symbol}" if value.cast else symbol
        if isinstance(value, k.Assembly):
            return assembly_symbol(self.name, value)
        if isinstance(value, k.Raw):
            return value.text
        if isinstance(value, k.Struct):
            return self.initializer(part, value, indent)
        if isinstance(value, float):
            return float_literal(value)
        return integer_literal(value)

    def initializer(self, part: Part, struct: k.Struct, indent: str) -> str:
        """A braced initializer with named fields; on one line if it is short."""
        inner = indent + "    "
        fields = [f".{key} = {self.field(part, value, inner)}" for key, value in struct.fields]
        one_line = "{" + ", ".join(fields) + "}"
        if len(indent) + len(one_line) <= 80 and "\n" not in one_line:
            return one_line
        return "{\n" + "".join(f"{inner}{line},\n" for line in fields) + indent + "}"

    def body(self, part: Part) -> list[str]:
        """The statements of a part's function."""
        statements: list[str] = []
        taken: set[str] = set()
        for number, call in enumerate(part.binding.calls):
            statements.extend(self._copies(part, number))
            statements.extend(self._call(part, call, taken))
        if any(call.checked for call in part.binding.calls):
            statements.append("return 0;")
        return [line for statement in statements for line in statement.split("\n")]

    def _copies(self, part: Part, call: int) -> Iterator[str]:
        """The statements that bring constants into the arena before a call."""
        for copy in self._staged(part).values():
            if copy.before == call:
                to = self.pointer(copy.offset, "uint8_t", writable=True)
                symbol = self._symbols[part.step, part.position][copy.constant]
                yield f"tinygen_stage({to}, {symbol}, {copy.nbytes}u);"

    def _call(self, part: Part, call: k.Call, taken: set[str]) -> Iterator[str]:
        arguments = []
        for argument in call.arguments:
            if not isinstance(argument, k.Struct):
                arguments.append(self._argument(part, argument))
                continue
            label = argument.label
            while label in taken:
                label += "_"
            taken.add(label)
            storage = "const" if self._points_into_arena(part, argument) else "static const"
            initializer = self.initializer(part, argument, "")
            yield f"{storage} {argument.ctype} {label} = {initializer};"
            arguments.append(f"&{label}")
        text = f"{call.function}({', '.join(arguments)})"
        if len(text) > _STATEMENT_WIDTH:
            text = f"{call.function}(\n    " + ",\n    ".join(arguments) + ")"
        if call.ends:
            yield f"return {text};"
        elif call.checked:
            yield f"if ({text} != 0) {{\n    return -1;\n}}"
        else:
            yield f"{text};"

    def _points_into_arena(self, part: Part, struct: k.Struct) -> bool:
        staged = self._staged(part)
        return any(
            isinstance(value, k.TensorArgument | k.ScratchArgument)
            or (isinstance(value, k.Constant) and value.name in staged)
            or (isinstance(value, k.Struct) and self._points_into_arena(part, value))
            for _, value in struct.fields
        )


def _in_words(constant: k.Constant) -> k.Constant:
    """The constant, aligned so that it can be copied by words."""
    return replace(constant, alignment=max(constant.alignment, k.ARENA_ALIGNMENT))


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as comments give it: 1x49x10x1."""
    return "x".join(map(str, shape)) or "scalar"
