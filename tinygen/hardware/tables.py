# SPDX-License-Identifier: Apache-2.0
"""TOML files read into annotated frozen dataclasses; every complaint names the file and the key.

A field's name is the key, its annotation says what may stand there: ``str``, ``int``, ``float``,
``bool``, another dataclass (a table), a ``tuple`` of such (``[[...]]``) or of strings, a ``Mapping`` of
strings. ``Annotated`` adds what else must hold. A field without default must be given.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tinygen.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

T = TypeVar("T")
_NAMES = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "an array of tables",
    dict: "a table",
}


class TableError(ValueError):
    """What is wrong with a key of a table; a dataclass's own checks raise it too."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key} {what}")
        self.key = key
        self.what = what


@dataclass(frozen=True)
class Check:
    """An annotation: what must hold of a value, and what is said where it does not."""

    holds: Callable[[Any], bool]
    complaint: str


@dataclass(frozen=True)
class Parsed:
    """An annotation: the value is what ``parse`` makes of it, which complains by ValueError."""

    parse: Callable[[Any], Any]


def at_least(minimum: int) -> Check:
    """An integer of 32 bits."""
    return Check(
        lambda value: minimum <= value < 1 << 32,
        f"must be from {minimum} to 0xFFFFFFFF, not {{}}",
    )


def one_of(*allowed: str) -> Check:
    """One of these strings."""
    return Check(lambda value: value in allowed, f"is {{!r}}, known are {', '.join(allowed)}")


Identifier = Annotated[
    str,
    Check(
        lambda value: re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) is not None,
        "must be letters, digits and underscores, not {!r}",
    ),
]


def load_table(path: Path, kind: type[T], what: str, hint: str = "") -> T:
    """Reads a TOML file of some sort (``what``: "board file").

    Raises:
        InputError: it cannot be read, is no TOML, or lacks or misspells something.
    """
    content = load_toml(path, what)
    try:
        return read_table(kind, content)
    except TableError as fault:
        raise InputError(f"{path}: {fault}", hint) from None


def load_toml(path: Path, what: str) -> Mapping[str, Any]:
    """A TOML file as it is; raises InputError as :func:`load_table` does."""
    try:
        content: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the {what}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file: {error}") from error
    return content


def read_table(kind: type[T], content: Mapping[str, Any]) -> T:
    """A dataclass from a table; raises TableError where they do not fit."""
    hints = get_type_hints(kind, include_extras=True)
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in content:
            values[field.name] = _value(hints[field.name], field.name, content[field.name])
        elif field.default is MISSING:
            raise TableError(field.name, "is missing")
    for key in content:
        if key not in values:
            raise TableError(key, "is not a known key")
    return kind(**values)


def _value(hint: Any, key: str, value: Any) -> Any:
    if get_origin(hint) is Annotated:
        inner, *rules = get_args(hint)
        return _ruled(inner, rules, key, value)
    if get_origin(hint) in (Union, UnionType):
        return _value(get_args(hint)[0], key, value)
    if get_origin(hint) is tuple:
        return _several(get_args(hint)[0], key, value)
    if get_origin(hint) is Mapping:
        table = _typed(dict, key, value)
        return {name: _typed(str, f"{key}.{name}", entry) for name, entry in table.items()}
    if is_dataclass(hint):
        return _nested(hint, key, _typed(dict, key, value))
    return _typed(hint, key, value)


def _ruled(inner: Any, rules: list[Any], key: str, value: Any) -> Any:
    for rule in rules:
        if isinstance(rule, Parsed):
            try:
                return rule.parse(value)
            except ValueError as error:
                raise TableError(key, str(error)) from None
    result = _value(inner, key, value)
    for rule in rules:
        if not rule.holds(result):
            raise TableError(key, rule.complaint.format(result))
    return result


def _several(entry: Any, key: str, value: Any) -> tuple[Any, ...]:
    if is_dataclass(entry):
        tables = _typed(list, key, value)
        if not tables or not all(isinstance(table, dict) for table in tables):
            raise TableError(key, "must be one or more tables ([[...]])")
        return tuple(_nested(entry, f"{key}[{i}]", table) for i, table in enumerate(tables))
    if not isinstance(value, list) or not value or not all(isinstance(e, str) for e in value):
        raise TableError(key, f"must be one or more strings, not {value!r}")
    return tuple(_value(entry, key, text) for text in value)


def _nested(kind: Any, key: str, table: Mapping[str, Any]) -> Any:
    try:
        return read_table(kind, table)
    except TableError as fault:
        raise TableError(f"{key}.{fault.key}", fault.what) from None


def _typed(kind: Any, key: str, value: Any) -> Any:
    # TOML's booleans are Python integers too.
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise TableError(key, f"must be {_NAMES[kind]}, not {value!r}")
    return value
