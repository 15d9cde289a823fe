# SPDX-License-Identifier: Apache-2.0
"""How far the real functions of float32 are from exact ones, in units in the last place.

``python -m benchmarks.real_functions`` takes each ``--every``-th of all floats (1 takes them all) and
compares with NumPy's functions of double precision.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.numerics import real_functions
from tinygen.numerics.real_functions import Float32Array

_CHUNK = 2**22
_FLOATS = 2**32


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """What TFLM evaluates: below -9 it leaves the denominator out."""
    result: NDArray[np.float64] = np.where(x < -9, np.exp(x), 1 / (1 + np.exp(-x)))
    return result


@dataclass(frozen=True)
class Case:
    """A function, what it stands for, and from where to where it is not trivial."""

    name: str
    compute: Callable[[Float32Array], Float32Array]
    exact: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    low: float
    high: float


CASES = (
    Case("exp", real_functions.exp, np.exp, -104, 89),
    Case("expm1", real_functions.expm1_of_negative, np.expm1, -20, 0),
    Case("log", real_functions.log, np.log, 1e-45, 3.4e38),
    Case("tanh", real_functions.tanh, np.tanh, -10, 10),
    Case("logistic", real_functions.logistic, _logistic, -104, 16.6),
)


def floats(every: int) -> Iterator[Float32Array]:
    """Each so many-th of all floats, in pieces."""
    for start in range(0, _FLOATS, _CHUNK * every):
        bits = np.arange(start, min(start + _CHUNK * every, _FLOATS), every, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def places(actual: Float32Array, exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances in last places of the exact results, those of float32's."""
    with np.errstate(over="ignore"):
        unit = np.spacing(np.abs(exact).astype(np.float32))
    finite = np.isfinite(unit) & np.isfinite(actual)
    with np.errstate(invalid="ignore"):
        return np.where(finite, np.abs(actual.astype(np.float64) - exact) / unit, 0.0)


def furthest(case: Case, every: int) -> tuple[float, float]:
    """The largest distance from the exact function, and an argument that has it."""
    worst = (0.0, 0.0)
    for values in floats(every):
        x = values[(values >= case.low) & (values <= case.high)]
        if x.size:
            with np.errstate(all="ignore"):
                apart = places(case.compute(x), case.exact(x.astype(np.float64)))
            at = int(apart.argmax())
            worst = max(worst, (float(apart[at]), float(x[at])))
    return worst


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=61)
    every = parser.parse_args().every
    print("| function | from | to | ulp at most | at |\n| --- | ---: | ---: | ---: | ---: |")
    for case in CASES:
        apart, at = furthest(case, every)
        print(
            f"| {case.name} | {case.low:g} | {case.high:g} | {apart:.2f} | {at:.9g} |", flush=True
        )


if __name__ == "__main__":
    main()
