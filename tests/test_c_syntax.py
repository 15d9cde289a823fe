# SPDX-License-Identifier: Apache-2.0
"""C spellings: literals keep their value, comments cannot be left, identifiers are identifiers."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tinygen.c_syntax import array_lines, comment, float_literal, identifier, integer_literal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mlperf_kws", "mlperf_kws"),
        ("My Model-v2", "my_model_v2"),
        ("2nd", "m_2nd"),
        ("äöü", "model"),
        ("", "model"),
        ("__x__", "x"),
        ("string", "m_string"),
        ("STDINT", "m_stdint"),
        ("class", "m_class"),
        ("strings_2", "strings_2"),
    ],
)
def test_identifier(text: str, expected: str) -> None:
    assert identifier(text) == expected


def test_a_comment_cannot_be_left_or_continued() -> None:
    hostile = 'a */ int x; /* b \\\n"c'
    assert "*/" not in comment(hostile)
    assert "/*" not in comment(hostile)
    assert "\n" not in comment(hostile)
    assert "\\" not in comment(hostile)


def test_arrays_come_back_from_the_compiler_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    edge = np.array([-(2**31), 2**31 - 1, 0, -1], dtype=np.int32)
    arrays = {
        "a": (np.concatenate([edge, rng.integers(-(2**31), 2**31, 50, dtype=np.int32)]), "int32_t"),
        "b": (rng.integers(-128, 128, 77).astype(np.int8), "int8_t"),
        "c": (
            np.array([0.0, -0.0, 1e-45, 3.4028235e38, np.inf, -np.inf, 1 / 3, 1e10], np.float32),
            "float",
        ),
        "d": (np.array([-(2**63), 2**63 - 1, 2**40], dtype=np.int64), "int64_t"),
        "e": (np.array([2**32 - 1, 2**31], dtype=np.uint32), "uint32_t"),
        "f": (np.array([1 / 3, 1e300, -0.0], dtype=np.float64), "double"),
    }
    source = "#include <stdint.h>\n" + "".join(
        f"const {ctype} {name}[] = {{\n" + "\n".join(array_lines(values)) + "\n};\n"
        for name, (values, ctype) in arrays.items()
    )
    (tmp_path / "a.c").write_text(source)
    library = tmp_path / "a.so"
    subprocess.run(
        [
            *("cc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"),
            *(str(tmp_path / "a.c"), "-o", str(library)),
        ],
        check=True,
    )
    loaded = ctypes.CDLL(str(library))
    for name, (values, _) in arrays.items():
        raw = (ctypes.c_char * values.nbytes).in_dll(loaded, name).raw
        assert raw == values.tobytes(), name


def test_literals() -> None:
    assert integer_literal(-(2**31)) == "INT32_MIN"
    assert float_literal(0.5) == "5.e-01f"
