# SPDX-License-Identifier: Apache-2.0
"""C99 spellings of values: types, literals, array initializers, identifiers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from tinygen.ir.graph import AnyArray

NUMPY_CTYPES = {
    "float32": "float",
    "float64": "double",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "uint64": "uint64_t",
    "bool": "uint8_t",
}
"""The C type of a NumPy element type."""

_LINE_WIDTH = 92


def integer_literal(value: int) -> str:
    """An integer constant that has its value in C, whatever its size."""
    if value == -(2**31):
        return "INT32_MIN"
    if value == -(2**63):
        return "INT64_MIN"
    if -(2**31) < value < 2**31:
        return str(value)
    return f"{value}{'u' if 2**31 <= value < 2**32 else 'LL' if value < 2**63 else 'ULL'}"


def float_literal(value: float, *, double: bool = False) -> str:
    """A floating constant that converts back to the same bits."""
    if math.isnan(value):
        return "(0.0f / 0.0f)"
    if math.isinf(value):
        return "(1.0f / 0.0f)" if value > 0 else "(-1.0f / 0.0f)"
    text = repr(value) if double else np.format_float_scientific(np.float32(value), unique=True)
    if "." not in text and "e" not in text:
        text += ".0"
    return text if double else f"{text}f"


def array_lines(values: AnyArray) -> Iterator[str]:
    """The elements of an initializer, row-major, wrapped into lines."""
    flat = values.reshape(-1)
    if flat.dtype.kind == "f":
        double = flat.dtype.itemsize == 8
        words = [float_literal(float(value), double=double) for value in flat]
    elif flat.dtype.kind == "b":
        words = [str(int(value)) for value in flat]
    else:
        words = [integer_literal(value) for value in flat.tolist()]
    widest = max(map(len, words), default=1) + 2
    per_line = max(1, _LINE_WIDTH // widest)
    for start in range(0, len(words), per_line):
        yield ", ".join(words[start : start + per_line]) + ","


def identifier(text: str) -> str:
    """A C identifier made from any text."""
    cleaned = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "model"
    return f"m_{cleaned}" if cleaned[0].isdigit() else cleaned


def comment(text: str) -> str:
    """Text that can stand inside a C comment, on one line."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")
