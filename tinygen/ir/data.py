# SPDX-License-Identifier: Apache-2.0
"""Results as plain data: the one conversion behind ``to_dict()``, and so behind ``--json``."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar


class Result:
    """A frozen dataclass that users get: ``to_dict()`` is what ``--json`` prints of it.

    Fields with ``repr=False`` are for programs, not for people: they are left out.
    """

    derived: ClassVar[tuple[str, ...]] = ()
    """Properties that are told beside the fields."""

    def to_dict(self) -> dict[str, Any]:
        """Everything found, as plain data for JSON."""
        told = {name: plain(getattr(self, name)) for name in self.derived}
        return {**told, **_fields(self)}

    def _repr_html_(self) -> str:
        """What a notebook shows: ``to_dict()`` as a table, unless the result has a page of its own."""
        rows = (
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
            for name, value in self.to_dict().items()
        )
        return f"<table>{''.join(rows)}</table>"


def plain(value: Any) -> Any:
    """A value as JSON has it; a number that JSON has none for by its name: ``nan``, ``inf``."""
    if isinstance(value, Result):
        return value.to_dict()
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Path) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.repr}
