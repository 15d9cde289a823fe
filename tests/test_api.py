# SPDX-License-Identifier: Apache-2.0
"""What the API refuses: values that mean nothing, and options that contradict each other."""

from __future__ import annotations

import json
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
        (lambda: tinygen.compile(_DIGITS, weight_growth=0.5), "weight_growth is 1 or more"),
        (lambda: tinygen.compile(_DIGITS, weight_growth=float("nan")), "not nan"),
        (lambda: tinygen.compile(_DIGITS, ram=0), "ram is 1 or more"),
        (lambda: tinygen.compile(_DIGITS, flash=-1), "flash is 1 or more"),
        (lambda: tinygen.compile(_DIGITS, target=""), "core ''"),
        (lambda: tinygen.compile(_DIGITS, banks=["a=900", "A=900"]), "two banks are called a"),
        (lambda: tinygen.verify(_DIGITS, seed=-1), "a seed is 0 or more"),
        (lambda: tinygen.explain(_DIGITS, seed=-1), "a seed is 0 or more"),
        (lambda: tinygen.explain(tinygen.compile(_DIGITS), numerics="litert"), "too late"),
        (lambda: tinygen.compare([], "d.npz"), "no models"),
        (lambda: tinygen.custom_operator("A", function="a b"), "no name of a C function"),
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


@pytest.mark.parametrize(
    "shown", [tinygen.boards()[0], tinygen.targets()[0], tinygen.operators()[0]]
)
def test_results_are_plain_data_and_show_themselves(shown: Any) -> None:
    data = shown.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert all(name in shown._repr_html_() for name in data)


def test_a_compilation_is_called_by_its_name() -> None:
    assert repr(tinygen.compile(_DIGITS, name="net")).startswith("<net for cortex-m4: arena ")
