# SPDX-License-Identifier: Apache-2.0
"""Parameter structs as our C headers declare them: their fields, the fields' order and types.

``struct("tinygen_conv2d_s8_params", layer, weights=layer.weights, ...)`` makes one of values by name;
what is not given is taken from the layer: a number that it calls so itself, or its window's geometry.
A field that the header does not declare, one that nobody has a value for, or an array of another type
than the header's is an error here, and not in the compiler of who builds the generated program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tinygen.c_syntax import NUMPY_CTYPES
from tinygen.ir.graph import AnyArray
from tinygen.ir.window import Axis
from tinygen.kernels.binding import Constant, Field, Raw, Struct
from tinygen.numerics.fixed_point import Requantization
from tinygen.resources import resource_root

Value = Field | Axis | Requantization | AnyArray | Sequence["Value"] | Mapping[str, "Value"] | None
"""What a field may be given as.

Windows' axes, requantizations and mappings become structs of the declared type; an array becomes a
constant of the field's name; sequences initialize C arrays; None leaves the field zero.
"""

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRUCT = re.compile(r"\bstruct\s*(\w*)\s*\{([^{}]*)\}\s*(\w*)\s*;")
_DECLARATOR = re.compile(r"(.*?)(\w+)((?:\s*\[\w+\])*)$", re.DOTALL)

_ZERO = ("input_ring_phase",)
"""Fields that are zero unless the layer is computed by bands."""

_GEOMETRY: Mapping[str, Callable[[Any], Value]] = {
    "rows": lambda layer: layer.window.height,
    "columns": lambda layer: layer.window.width,
    "batches": lambda layer: layer.input_shape[0],
    "channels": lambda layer: layer.input_shape[3],
    "input_channels": lambda layer: layer.input_shape[3],
    "output_channels": lambda layer: layer.output_shape[3],
    "input_ring_rows": lambda layer: layer.input_shape[1],
}


@dataclass(frozen=True)
class Variable:
    """A field or parameter: its C type without ``const`` or extents, and its name."""

    ctype: str
    name: str


def variable(declaration: str) -> Variable:
    """The variable that a declaration declares."""
    words = re.sub(r"\bconst\b", " ", declaration)
    match = _DECLARATOR.match(words.strip())
    assert match is not None, declaration
    return Variable(" ".join(match[1].replace("*", " * ").split()), match[2])


def declared_structs(header: str) -> Iterator[tuple[str, tuple[Variable, ...]]]:
    """The structs that a header defines, each with its fields."""
    for tag, body, name in _STRUCT.findall(_COMMENT.sub(" ", header)):
        yield name or tag, tuple(variable(field) for field in body.split(";") if field.strip())


@cache
def _own_structs() -> Mapping[str, tuple[Variable, ...]]:
    headers = sorted((resource_root() / "firmware" / "kernels").rglob("*.h"))
    return dict(pair for path in headers for pair in declared_structs(path.read_text("utf-8")))


def struct(
    ctype: str, source: object = None, label: str = "parameters", /, **values: Value
) -> Struct:
    """A struct with every field that its header declares, in that order.

    Raises:
        TypeError: the header and what is given do not go together.
    """
    declared = _own_structs()[ctype]
    unknown = set(values) - {field.name for field in declared}
    if unknown:
        raise TypeError(f"{ctype} has no fields {', '.join(sorted(unknown))}")
    fields: list[tuple[str, Field]] = []
    for field in declared:
        value = values[field.name] if field.name in values else _of_source(ctype, field, source)
        if isinstance(value, Sequence) and not _is_plain(value):
            fields += [(f"{field.name}[{i}]", _field(field, item)) for i, item in enumerate(value)]
        elif value is not None:
            fields.append((field.name, _field(field, value)))
    return Struct(ctype, tuple(fields), label)


def _of_source(ctype: str, field: Variable, source: object) -> Value:
    """The value of a field that is not given."""
    if field.name in _ZERO:
        return None
    value = getattr(source, field.name, None)
    if value is None and field.name in _GEOMETRY and hasattr(source, "input_shape"):
        value = _GEOMETRY[field.name](source)
    if isinstance(value, int | float | Axis | Requantization):
        return value
    raise TypeError(f"{ctype} needs a value for {field.name}")


def _is_plain(values: Sequence[Value]) -> bool:
    """Whether an array of C is initialized by a braced list of numbers."""
    return all(
        isinstance(value, int) or (isinstance(value, Sequence) and _is_plain(value))
        for value in values
    )


def _braced(values: Sequence[Any]) -> str:
    items = (_braced(value) if isinstance(value, Sequence) else str(value) for value in values)
    return "{" + ", ".join(items) + "}"


def _field(field: Variable, value: Value) -> Field:
    """The value as the field of that type."""
    if isinstance(value, Axis):
        return struct(field.ctype, value)
    if isinstance(value, Requantization):
        return requantization_struct(value)
    if isinstance(value, Mapping):
        return struct(field.ctype, **value)
    if isinstance(value, np.ndarray):
        value = Constant(field.name, value)
    if isinstance(value, Constant):
        pointed = value.cast or f"{value.ctype or NUMPY_CTYPES[value.values.dtype.name]} *"
        if pointed.removeprefix("const ") != field.ctype:
            raise TypeError(f"{field.name} is a {field.ctype}, not a {pointed}")
    if isinstance(value, Struct) and value.ctype != field.ctype:
        raise TypeError(f"{field.name} is a {field.ctype}, not a {value.ctype}")
    if isinstance(value, Sequence):
        return Raw(_braced(value))
    if isinstance(value, int | float | np.integer | np.floating):
        return float(value) if field.ctype in ("float", "double") else int(value)
    assert value is not None
    return value


def requantization_struct(q: Requantization) -> Struct:
    """``tinygen_requantization``; equal pairs are stored once."""
    shared = len(set(zip(q.multipliers.tolist(), q.shifts.tolist(), strict=True))) == 1
    count = 1 if shared else len(q.multipliers)
    return struct(
        "tinygen_requantization",
        q,
        multipliers=q.multipliers[:count],
        shifts=Constant("shifts", q.shifts[:count].astype(np.int8), alignment=1),
        channel_step=0 if shared else 1,
    )
