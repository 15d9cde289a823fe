# SPDX-License-Identifier: Apache-2.0
"""The file format, read from ``schema.fbs``: tables, enums and unions by name.

Knows as much of the FlatBuffers language as that file and TensorFlow Lite's own use. A declaration
is parsed when it is first asked for, as no model needs many.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_COMMENT = re.compile(r"//.*")
_DECLARATION = re.compile(
    r"\b(table|enum|union)\s+(\w+)\s*(?::\s*(\w+)\s*)?(?:\(.*\)\s*)?\{([^}]*)\}"
)
_VALUE = re.compile(r"(\w+)\s*(?:=\s*(\d+))?[^,]*")
_FIELD = re.compile(r"(\w+)\s*:\s*(\[?)(\w+)\]?\s*(?:=\s*(\w+)\s*)?(\(.*\))?")
_KINDS = {"int8": "byte", "uint8": "ubyte", "int32": "int", "uint32": "uint"}
"""The schema language's two names of one type."""


@dataclass(frozen=True)
class Enum:
    """An enum, or a union, whose values are the tags of its tables.

    Attributes:
        kind: the integer type its values are stored as.
        names: their names by value.
    """

    kind: str
    names: Mapping[int, str]

    def value(self, name: str) -> int:
        """The value called ``name``."""
        return next(value for value, other in self.names.items() if other == name)


@dataclass(frozen=True)
class Field:
    """One field of a table.

    Attributes:
        name: its name.
        number: its place in the table.
        kind: a scalar type, ``string``, or the name of a table, enum or union; of the elements of
            a vector.
        enum: what its values are called, if ``kind`` is an enum.
        default: its value where it is absent; of no meaning but for numbers.
        is_vector: whether it is a vector.
    """

    name: str
    number: int
    kind: str
    enum: Enum | None
    default: int
    is_vector: bool

    @property
    def stored_kind(self) -> str:
        """``kind``, or the integer type that an enum is stored as."""
        return self.enum.kind if self.enum else self.kind


@cache
def enum_named(name: str) -> Enum:
    """An enum or a union of the schema."""
    declared, kind, body = _declarations()[name]
    if declared == "union":
        return Enum(
            "ubyte", dict(enumerate(["NONE", *(table for table, _ in _VALUE.findall(body))]))
        )
    names: dict[int, str] = {}
    for value, number in _VALUE.findall(body):
        names[int(number) if number else len(names)] = value
    return Enum(_KINDS.get(kind, kind), names)


@cache
def table_fields(name: str) -> Mapping[str, Field]:
    """The fields of a table by their names, without the deprecated ones."""
    fields = {}
    number = 0
    for field, bracket, kind, default, attributes in _FIELD.findall(_declarations()[name][2]):
        declared = _declarations().get(kind, ("",))[0]
        if declared == "union":  # two fields: the tag, and the table that it names
            fields[f"{field}_type"] = Field(f"{field}_type", number, "ubyte", None, 0, False)
            number += 1
        enum = enum_named(kind) if declared == "enum" else None
        if "deprecated" not in attributes:
            kind = _KINDS.get(kind, kind)  # noqa: PLW2901
            value = _number(default, enum)
            fields[field] = Field(field, number, kind, enum, value, bool(bracket))
        number += 1
    return fields


def _number(default: str, enum: Enum | None) -> int:
    if enum and default:
        return enum.value(default)
    return {"": 0, "false": 0, "true": 1}[default] if not default.isdigit() else int(default)


@cache
def _declarations() -> Mapping[str, tuple[str, str, str]]:
    """By name: ``table``, ``enum`` or ``union``, the integer type of an enum, what is in braces."""
    text = _COMMENT.sub("", (Path(__file__).parent / "schema.fbs").read_text("utf-8"))
    return {name: (what, kind, body) for what, name, kind, body in _DECLARATION.findall(text)}
