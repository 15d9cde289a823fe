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


# fmt: off
_HEADERS = frozenset(
    {
        "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits",
        "locale", "math", "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stdckdint",
        "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string", "tgmath", "threads", "time",
        "uchar", "wchar", "wctype", "alloca", "endian", "fcntl", "features", "malloc", "memory",
        "pthread", "sched", "strings", "unistd", "newlib", "board", "cycle_counter", "harness", "wire",
        "uart", "arm_acle", "arm_math", "arm_mve", "arm_neon",
    }
)
"""Headers of C17, POSIX, newlib, ACLE and our own runtime that a folder of a model must not hide."""

_KEYWORDS = frozenset(
    {
        "alignas", "alignof", "asm", "auto", "bool", "break", "case", "catch", "char",
        "class", "const", "constexpr", "continue", "decltype", "default", "delete", "do", "double",
        "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend",
        "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept",
        "nullptr", "operator", "private", "protected", "public", "register", "restrict", "return",
        "short",
        "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw", "true",
        "try", "typedef", "typename", "typeof", "union", "unsigned", "using", "virtual", "void",
        "volatile", "while",
    }
)
"""Keywords of C23 and C++20."""
# fmt: on


def identifier(text: str) -> str:
    """A C identifier made from any text, which is no keyword and hides no header of that name."""
    cleaned = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "model"
    taken = cleaned in _HEADERS or cleaned in _KEYWORDS
    return f"m_{cleaned}" if cleaned[0].isdigit() or taken else cleaned


def comment(text: str) -> str:
    """Text that can stand inside a C comment, on one line."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")
