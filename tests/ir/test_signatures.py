# SPDX-License-Identifier: Apache-2.0
"""Models with several entry points: one is compiled, the others are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinygen
from tests.command import tinygen as command
from tests.models.builder import ModelBuilder
from tinygen.ir import reference


def _negation_and_loop() -> bytes:
    """``negate`` in subgraph 0; ``double`` in 1 doubles three times, by a loop of 2 and 3."""
    builder = ModelBuilder()
    x, y = builder.tensor((2,), "FLOAT32"), builder.tensor((2,), "FLOAT32")
    builder.operator("NEG", [x], [y])
    builder.inputs(x).outputs(y).signature("negate", {"x": x}, {"y": y})
    builder.subgraph("double")
    i = builder.tensor((1,), "INT32", data=[0])
    x, y = builder.tensor((2,), "FLOAT32"), builder.tensor((2,), "FLOAT32")
    last = builder.tensor((1,), "INT32")
    builder.operator("WHILE", [i, x], [last, y], cond_subgraph_index=2, body_subgraph_index=3)
    builder.inputs(x).outputs(y).signature("double", {"x": x}, {"y": y})
    builder.subgraph("condition")
    i, x = builder.tensor((1,), "INT32"), builder.tensor((2,), "FLOAT32")
    holds = builder.tensor((1,), "BOOL")
    builder.operator("LESS", [i, builder.tensor((1,), "INT32", data=[3])], [holds])
    builder.inputs(i, x).outputs(holds)
    builder.subgraph("body")
    i, x = builder.tensor((1,), "INT32"), builder.tensor((2,), "FLOAT32")
    after, y = builder.tensor((1,), "INT32"), builder.tensor((2,), "FLOAT32")
    builder.operator("ADD", [i, builder.tensor((1,), "INT32", data=[1])], [after])
    builder.operator("ADD", [x, x], [y])
    builder.inputs(i, x).outputs(after, y)
    return builder.build()


@pytest.mark.parametrize(
    ("signature", "factor", "other"), [("", -1, "double"), ("double", 8, "negate")]
)
def test_one_is_compiled(signature: str, factor: int, other: str) -> None:
    compilation = tinygen.compile(_negation_and_loop(), signature=signature)
    sample = np.array([1.5, -2.0], np.float32)
    (got,) = reference.outputs(compilation.network, [sample])
    assert np.array_equal(got, factor * sample)
    (sentence,) = compilation.left_out
    assert repr(other) in sentence


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(tinygen.InputError, match="no signature 'decode'") as raised:
        tinygen.compile(_negation_and_loop(), signature="decode")
    assert raised.value.hint == "It has 'negate', 'double'."


def test_commands_name_the_others(tmp_path: Path) -> None:
    model = tmp_path / "two.tflite"
    model.write_bytes(_negation_and_loop())
    for arguments in (
        ("analyze",),
        ("generate", "-o", tmp_path / "out"),
        ("verify", "--board", "host"),
    ):
        result = command(*arguments, model)
        assert result.returncode == 0, result.stderr
        assert "Signature 'double' is not compiled" in result.stdout
    assert command("verify", "--board", "host", "--signature", "double", model).returncode == 0
