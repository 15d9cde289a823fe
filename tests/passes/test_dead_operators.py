# SPDX-License-Identifier: Apache-2.0
"""What nobody reads is not computed; what has an effect is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare, names
from tinygen.errors import UnsupportedError
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes


def test_chains_that_nobody_reads_are_removed(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x, y, a, b, c = (builder.tensor((2, 3), scale=0.1 + i / 100) for i in range(5))
    builder.operator("RELU", [x], [a])
    builder.operator("RELU", [a], [b])
    builder.operator("RELU", [x], [y])
    builder.operator("RELU", [y], [c])
    (network,) = compare([builder.inputs(x).outputs(y).build()], tmp_path)
    assert names(network) == ["RELU"]
    assert sorted(r.operator.index for r in network.graph.rewrites) == [0, 1, 3]


def test_one_output_of_several_is_enough_to_stay(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((4, 3), scale=0.1)
    first, second = (builder.tensor((2, 3), scale=0.1) for _ in range(2))
    axis = builder.tensor((), "INT32", data=0)
    builder.operator("SPLIT", [axis, x], [first, second], num_splits=2)
    (network,) = compare([builder.inputs(x).outputs(second).build()], tmp_path)
    assert names(network) == ["SPLIT"]


def test_an_assignment_stays() -> None:
    builder = ModelBuilder()
    x, old = (builder.tensor((1, 4), scale=0.5) for _ in range(2))
    handle = builder.tensor((), "RESOURCE")
    builder.operator("VAR_HANDLE", [], [handle], container="", shared_name="v")
    builder.operator("READ_VARIABLE", [handle], [old])
    builder.operator("ASSIGN_VARIABLE", [handle, x], [])
    network = lower(rewrite(read_model_bytes(builder.inputs(x).outputs(old).build(), "state")))
    assert names(network) == ["READ_VARIABLE", "ASSIGN_VARIABLE"]


def test_what_cannot_be_compiled_is_refused_though_nobody_reads_it() -> None:
    builder = ModelBuilder()
    x, y, unread = (builder.tensor((2, 3), scale=0.1 + i / 100) for i in range(3))
    builder.operator("RELU", [x], [y])
    builder.operator("RANK", [x], [unread])
    graph = rewrite(read_model_bytes(builder.inputs(x).outputs(y).build(), "m.tflite"))
    with pytest.raises(UnsupportedError, match="RANK"):
        lower(graph)
