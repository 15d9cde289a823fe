# SPDX-License-Identifier: Apache-2.0
"""Real functions of float32: near the exact ones, and of the same bits in C, for any magnitude."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.real_functions import CASES, Case, floats, furthest
from tinygen.numerics import double_functions, real_functions
from tinygen.numerics.real_functions import Float32Array
from tinygen.resources import resource_root

_EVERY = 10007
"""Of all floats, those that a test takes."""
_AT = (
    0.0,
    1e-45,
    1.1754942e-38,
    1.1754944e-38,
    0.625,
    9.0,
    87.0,
    87.00001,
    88.72283,
    88.72284,
    89.0,
)
_SPECIAL = np.array([*_AT, 103.97208, 104.0, 3.4028235e38, np.inf, np.nan], np.float32)
_MOST = {"exp": 1.0, "expm1": 1.0, "log": 1.0, "tanh": 1.4, "logistic": 2.0}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_distance_from_the_exact_function(case: Case) -> None:
    apart, at = furthest(case, _EVERY)
    assert apart <= _MOST[case.name], f"{apart} at {at}"


_IN_C: dict[str, Callable[[Float32Array], Float32Array]] = {
    "tinygen_sqrt": np.sqrt,
    "tinygen_exp": real_functions.exp,
    "tinygen_log": real_functions.log,
    "tinygen_tanh": real_functions.tanh,
    "tinygen_logistic": real_functions.logistic,
    "sine": double_functions.in_double(double_functions.sin),
    "cosine": double_functions.in_double(double_functions.cos),
    "below": lambda x: np.where(x <= 0, real_functions.expm1_of_negative(x), x),
}
_SOURCE = """
#include "portable/double_math.h"
#include "portable/real_functions.h"
static float sine(float x) { return (float)tinygen_sine_of_quadrant((double)x, 0); }
static float cosine(float x) { return (float)tinygen_sine_of_quadrant((double)x, 1); }
static float below(float x) { return x <= 0.0f ? tinygen_expm1_of_negative(x) : x; }
"""
_GCC = ("gcc", "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
_LOOP = "void each_{0}(const float *x, float *y, int n) {{ while (n-- > 0) *y++ = {0}(*x++); }}\n"


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The functions of the headers, for arrays."""
    source = tmp_path_factory.mktemp("real_functions") / "functions.c"
    source.write_text(_SOURCE + "".join(map(_LOOP.format, _IN_C)), encoding="utf-8")
    shared = source.with_suffix(".so")
    include = resource_root() / "firmware" / "kernels"
    subprocess.run(
        [*_GCC, f"-I{include}", str(source), "-o", str(shared)],
        check=True,
    )
    return ctypes.CDLL(str(shared))


@pytest.mark.parametrize("name", _IN_C)
def test_c_has_the_same_bits(name: str, in_c: ctypes.CDLL) -> None:
    x = np.concatenate([_SPECIAL, -_SPECIAL, *floats(_EVERY)])
    with np.errstate(all="ignore"):
        expected = _IN_C[name](x)
    actual = np.empty_like(x)
    pointers = [array.ctypes.data_as(ctypes.POINTER(ctypes.c_float)) for array in (x, actual)]
    getattr(in_c, f"each_{name}")(*pointers, len(x))
    differs = (expected.view(np.uint32) != actual.view(np.uint32)) & ~(
        np.isnan(expected) & np.isnan(actual)
    )
    assert not differs.any(), (x[differs][:4], expected[differs][:4], actual[differs][:4])
