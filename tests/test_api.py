# SPDX-License-Identifier: Apache-2.0
"""What the API refuses: values that mean nothing, and options that contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tinygen

_DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tinygen.verify(_DIGITS, 0), "0 samples show nothing"),
        (lambda: tinygen.explain(_DIGITS, samples=0), "0 samples show nothing"),
        (lambda: tinygen.explain(_DIGITS, sample=-1), "no sample -1"),
        (lambda: tinygen.explain(_DIGITS, element=[3]), "an element is one of a layer's output"),
        (lambda: tinygen.compile(_DIGITS, weight_growth=0.5), "leaves out weights"),
        (lambda: tinygen.compile(_DIGITS, weight_growth=float("nan")), "leaves out weights"),
        (lambda: tinygen.compile(_DIGITS, optimize="fast"), "optimize cannot be 'fast'"),
        (lambda: tinygen.quantize("m.keras", nonsense=1), "no option 'nonsense'"),
        (lambda: tinygen.quantize("m.keras", epochs=3), "belongs to --qat"),
        (lambda: tinygen.quantize("m.keras", train="d.npz"), "belongs to --qat"),
        (lambda: tinygen.quantize("m.keras", qat=True), "--qat needs --data"),
        (lambda: tinygen.quantize("m.keras", "d.npz", qat=True, scheme="int16x8"), "int16x8"),
    ],
)
def test_refused(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(tinygen.InputError, match=says):
        call()
