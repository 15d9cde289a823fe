# SPDX-License-Identifier: Apache-2.0
"""The assembly of a Plan: what its functions are called, and what C says of each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tinygen.c_syntax import integer_literal
from tinygen.kernels.binding import Assembly, Field, Struct
from tinygen.planning.plan import Plan

_LONGEST = 20
"""Characters of parameters that a symbol spells out; longer ones are a digest."""


def assembly_symbol(name: str, assembly: Assembly) -> str:
    """The function's name in the model of that name: the listing and the values of its parameters."""
    listing = assembly.listing.removesuffix(".inc").replace("/", "_")
    values = "_".join(str(value) for _, value in assembly.parameters)
    if len(values) > _LONGEST or "-" in values:
        values = hashlib.sha256(repr(assembly.parameters).encode()).hexdigest()[:8]
    return "_".join(filter(None, (name, listing, values)))


def assembly_by_symbol(plan: Plan) -> Mapping[str, Assembly]:
    """Every assembly function of a plan, once.

    Raises:
        ValueError: a symbol stands for two of them.
    """
    found: dict[str, Assembly] = {}
    for step in plan.all_steps:
        for binding in step.bindings:
            for assembly in binding.assembly:
                name = assembly_symbol(plan.options.name, assembly)
                if found.setdefault(name, assembly) != assembly:
                    raise ValueError(f"{name} is both {found[name]} and {assembly}")
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Declaration:
    """What the generated C says of an assembly function, in either case.

    A C function in its place needs ``parameters`` of its own where it passes ``arguments`` on that
    the assembly has built in; without those it is the twin itself.
    """

    symbol: str
    type: str
    twin: str
    parameters: str = ""
    shape: tuple[str, ...] = ()
    arguments: str | None = None


def declarations(
    functions: Mapping[str, Assembly], headers: Mapping[str, bytes]
) -> Iterator[Declaration]:
    """What C says of assembly functions whose types the headers define."""
    for name, assembly in functions.items():
        if assembly.shape is None:
            yield Declaration(name, assembly.function_type, assembly.twin)
            continue
        parameters = _parameters(assembly.function_type, headers)
        shape = assembly.shape
        passed = re.findall(r"\w+(?=,|$)", parameters)
        yield Declaration(
            name,
            assembly.function_type,
            assembly.twin,
            parameters,
            tuple(_definition(shape)) if isinstance(shape, Struct) else (),
            ", ".join(["&built_in" if isinstance(shape, Struct) else str(shape), *passed]),
        )


def _parameters(function_type: str, headers: Mapping[str, bytes]) -> str:
    """The parameters of a function type, as a header declares them."""
    declared = re.compile(rf"^typedef void {function_type}\(([^;]*)\);", re.MULTILINE)
    (found,) = (match[1] for text in headers.values() for match in declared.finditer(text.decode()))
    return " ".join(found.split())


def _definition(shape: Struct) -> Iterator[str]:
    yield f"static const {shape.ctype} built_in = {{"
    for key, value in shape.fields:
        yield f"    .{key} = {_initializer(value)},"
    yield "};"


def _initializer(value: Field) -> str:
    if isinstance(value, Struct):
        fields = (f".{key} = {_initializer(inner)}" for key, inner in value.fields)
        return f"{{{', '.join(fields)}}}"
    assert isinstance(value, int)
    return integer_literal(value)
