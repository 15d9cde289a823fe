# SPDX-License-Identifier: Apache-2.0
"""The API: docs/api.md is executed and names all of it, and importing it costs nothing."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygen
from tests.models.builder import ModelBuilder
from tests.quantization.networks import skip_without_tensorflow
from tests.run.programs import need
from tinygen.planning.options import Options

_ROOT = Path(__file__).parents[1]
_PAGE = (_ROOT / "docs" / "api.md").read_text(encoding="utf-8")
_DIGITS = _ROOT / "examples" / "digits" / "digits.tflite"


@pytest.mark.qemu
def test_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of the page, in order, as in one notebook."""
    skip_without_tensorflow()
    pytest.importorskip("sklearn")
    need("cc", "arm-none-eabi-gcc", "qemu-system-arm")
    monkeypatch.chdir(tmp_path)
    notebook: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(block, "docs/api.md", "exec"), notebook)  # noqa: S102
    assert (tmp_path / "firmware" / "digits" / "digits.c").is_file()
    for name in ("quantized", "model", "verdict", "cost"):
        json.loads(json.dumps(notebook[name].to_dict(), allow_nan=False))


def test_the_page_names_the_whole_api() -> None:
    assert set(re.findall(r"`tinygen\.(\w+)`", _PAGE)) == set(tinygen.__all__)
    assert all(getattr(tinygen, name) is not None for name in tinygen.__all__)
    with pytest.raises(AttributeError, match="Compiler"):
        _ = tinygen.Compiler


def test_importing_is_quick() -> None:
    """Nothing is imported that takes time: what takes it on any machine is NumPy and TensorFlow."""
    code = "import sys, tinygen; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "tensorflow", "jinja2", "rich", "serial"} & set(ran.stdout.split())


def test_defaults_are_those_of_the_options() -> None:
    """What ``compile`` says in its signature is what commands take from ``Options``."""
    said = inspect.signature(tinygen.compile).parameters
    for field in fields(Options):
        if field.name in said:
            default = field.default.value if isinstance(field.default, Enum) else field.default
            assert said[field.name].default == default, field.name


def _two_inputs() -> bytes:
    builder = ModelBuilder()
    x, y, z = (builder.tensor((1, 4), scale=0.1, name=name) for name in ("left", "right", "sum"))
    builder.operator("ADD", [x, y], [z])
    return builder.inputs(x, y).outputs(z).build()


def test_models_and_samples_of_every_kind() -> None:
    need("cc")
    left, right = np.arange(24, dtype=np.int8).reshape(2, 3, 4)[:, :, np.newaxis]
    by_name = tinygen.verify(_two_inputs(), {"right": right, "left": left}, on="host")
    in_order = tinygen.verify(_two_inputs(), [left, right], on="host")
    assert (by_name.bit_exact, by_name.samples) == (True, 3)
    for one, other in zip(by_name.outputs, in_order.outputs, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    with pytest.raises(tinygen.InputError, match="the samples holds one array"):
        tinygen.verify(_two_inputs(), left, on="host")
    model = tinygen.compile(str(_DIGITS), target="host")
    again = tinygen.compile(model.graph, target="host", name=model.name)
    assert again.arena_bytes == model.arena_bytes
    assert tinygen.verify(model, 2).board == "host"


def test_a_board_brings_its_core_and_its_memories() -> None:
    model = tinygen.compile(_DIGITS, board="nucleo-f746zg")
    assert (model.plan.options.core.name, model.plan.banks[0].bank.name) == ("cortex-m7", "dtcm")
    with pytest.raises(tinygen.BudgetError, match="microbit"):
        tinygen.compile(_large(), board="qemu-microbit")


def _large() -> bytes:
    builder = ModelBuilder()
    x, y = (builder.tensor((1, 20000), scale=0.1) for _ in range(2))
    builder.operator("ADD", [x, x], [y])
    return builder.inputs(x).outputs(y).build()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"optimize": "best"}, "optimize cannot be 'best'"),
        ({"board": "qemu-microbit", "target": "cortex-m4"}, "cannot run programs for cortex-m4"),
        ({"target": "cortex-z9"}, "cortex-z9"),
    ],
)
def test_bad_arguments_are_one_sentence(options: dict[str, str], says: str) -> None:
    with pytest.raises(tinygen.InputError, match=says):
        tinygen.compile(_DIGITS, **options)  # type: ignore[arg-type]


def test_options_come_too_late_for_a_compilation() -> None:
    with pytest.raises(tinygen.InputError, match="too late for optimize"):
        tinygen.analyze(tinygen.compile(_DIGITS), optimize="size")


def test_results_show_themselves_in_notebooks() -> None:
    need("cc")
    model = tinygen.compile(_DIGITS, target="host")
    shown = (
        (model, "<svg"),
        (tinygen.analyze(model, ram_curve=True), "estimated cycles beside the plan"),
        (tinygen.verify(model, 1, on="host"), "bit-exact"),
        (tinygen.explain(model, 0), "layer 0"),
    )
    for result, word in shown:
        assert word in result._repr_html_()
