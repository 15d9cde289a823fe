# SPDX-License-Identifier: Apache-2.0
"""TOML files read into annotated frozen dataclasses; every complaint names the file and the key.

A field's name is the key, its annotation what may stand there: ``str``, ``int``, ``float``, ``bool``,
another dataclass (a table), a ``tuple`` of such (``[[...]]``) or of strings, a ``Mapping`` of strings.
``Annotated[..., check]`` has ``check`` look at the value and return it, or what it stands for; it
complains by a ValueError. A field without default must be given.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
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


def at_least(minimum: int) -> Callable[[int], int]:
    """A check: an unsigned integer of 32 bits."""

    def check(value: int) -> int:
        if not minimum <= value < 1 << 32:
            raise ValueError(f"must be from {minimum} to 0xFFFFFFFF, not {value}")
        return value

    return check


def one_of(*allowed: str) -> Callable[[str], str]:
    """A check: one of these strings."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"is {value!r}, known are {', '.join(allowed)}")
        return value

    return check


def identifier(value: str) -> str:
    """A check: a name in C."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError(f"must be letters, digits and underscores, not {value!r}")
    return value


@contextmanager
def faults_of(path: Path, hint: str = "") -> Iterator[None]:
    """Makes a TableError that is raised inside an InputError that names the file."""
    try:
        yield
    except TableError as fault:
        raise InputError(f"{path}: {fault}", hint) from None


def load_toml(path: Path, what: str) -> Mapping[str, Any]:
    """A TOML file; ``what`` it is, for people.

    Raises:
        InputError: it cannot be read, or is no TOML.
    """
    try:
        content: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the {what}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file: {error}") from error
    return content


def read_table(kind: type[T], content: Mapping[str, Any], **known: Any) -> T:
    """A dataclass from a table; ``known`` are fields that do not come from there.

    Raises:
        TableError: they do not fit.
    """
    hints = get_type_hints(kind, include_extras=True)
    values = dict(known)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in content and field.name not in known:
            values[field.name] = _value(hints[field.name], field.name, content[field.name])
        elif field.name not in known and field.default is field.default_factory is MISSING:
            raise TableError(field.name, "is missing")
    for key in content:
        if key not in values or key in known:
            raise TableError(key, "is not a known key")
    return kind(**values)


def _value(hint: Any, key: str, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        inner, check = arguments
        try:
            return check(_value(inner, key, value) if inner in _NAMES else value)
        except TableError:
            raise
        except ValueError as error:
            raise TableError(key, str(error)) from None
    if origin in (Union, UnionType):
        return _value(arguments[0], key, value)
    if origin is Mapping:
        return {k: _value(str, f"{key}.{k}", v) for k, v in _typed(dict, key, value).items()}
    if origin is tuple and is_dataclass(arguments[0]):
        if not _typed(list, key, value) or not all(isinstance(entry, dict) for entry in value):
            raise TableError(key, "must be one or more tables ([[...]])")
        return tuple(_value(arguments[0], f"{key}[{i}]", entry) for i, entry in enumerate(value))
    if origin is tuple:
        if not isinstance(value, list) or not value or {type(entry) for entry in value} != {str}:
            raise TableError(key, f"must be one or more strings, not {value!r}")
        return tuple(_value(arguments[0], key, text) for text in value)
    if is_dataclass(hint):
        try:
            return read_table(hint, _typed(dict, key, value))  # type: ignore[arg-type]
        except TableError as fault:
            raise TableError(f"{key}.{fault.key}", fault.what) from None
    return _typed(hint, key, value)


def _typed(kind: Any, key: str, value: Any) -> Any:
    # TOML's booleans are Python integers too.
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise TableError(key, f"must be {_NAMES[kind]}, not {value!r}")
    return value
