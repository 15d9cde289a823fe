# SPDX-License-Identifier: Apache-2.0
"""IF and WHILE beyond random models: bounds, variables shared with subgraphs, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tflite_micro.python.tflite_micro import runtime

from tests.kernels.host_batch import build
from tests.models.builder import ModelBuilder
from tests.ops.comparison import assert_equal, lower_bytes
from tinygen.cli.main import main
from tinygen.errors import InputError, ModelError, UnsupportedError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ops import control_flow
from tinygen.ops.control_flow import Loop
from tinygen.planning.options import Optimize


def _loop(
    start: int | None = 0, limit: int = 5, step: int = 1, comparison: str = "LESS", **changed: Any
) -> bytes:
    """I from ``start`` (an input if None) by ``step`` while ``i comparison limit``."""
    builder = ModelBuilder()
    i = builder.tensor((1,), "INT32", data=None if start is None else [start])
    x = builder.tensor((2,), "FLOAT32")
    y, last = builder.tensor((2,), "FLOAT32"), builder.tensor((1,), "INT32")
    options = {"cond_subgraph_index": 1, "body_subgraph_index": 2, **changed}
    builder.operator("WHILE", [i, x], [last, y], **options)
    builder.inputs(*([i] if start is None else []), x).outputs(y, last)
    builder.subgraph("condition")
    i, x = builder.tensor((1,), "INT32"), builder.tensor((2,), "FLOAT32")
    holds = builder.tensor((1,), "BOOL")
    builder.operator(comparison, [i, builder.tensor((1,), "INT32", data=[limit])], [holds])
    builder.inputs(i, x).outputs(holds)
    builder.subgraph("body")
    i, x = builder.tensor((1,), "INT32"), builder.tensor((2,), "FLOAT32")
    after, y = builder.tensor((1,), "INT32"), builder.tensor((2,), "FLOAT32")
    if step:
        builder.operator("ADD", [i, builder.tensor((1,), "INT32", data=[step])], [after])
    builder.operator("ADD", [x, x], [y])
    builder.inputs(i, x).outputs(after if step else i, y)
    return builder.build()


@pytest.mark.parametrize(
    ("start", "limit", "step", "comparison", "turns"),
    [
        (0, 5, 1, "LESS", 5),
        (1, 6, 2, "LESS_EQUAL", 3),
        (9, 0, -4, "GREATER", 3),
        (9, 1, -4, "GREATER_EQUAL", 3),
        (7, 5, 1, "LESS", 0),
        (0, 5, -1, "LESS", None),
        (0, 5, 1, "NOT_EQUAL", None),
        (None, 5, 1, "LESS", None),
    ],
)
def test_bound(start: int | None, limit: int, step: int, comparison: str, turns: int) -> None:
    (layer,) = lower_bytes(_loop(start, limit, step, comparison)).layers
    assert isinstance(layer, Loop)
    assert layer.turns.most == turns
    if turns is not None:
        y, last = reference.outputs(lower_bytes(_loop(start, limit, step, comparison)), [_ONES])
        assert y.tolist() == [2.0**turns] * 2
        assert (int(last[0]) - (start or 0)) // step == turns


_ONES = np.ones(2, dtype=np.float32)


def test_loop_without_a_bound_is_refused() -> None:
    with pytest.raises(ModelError, match=r"operator 0 \(WHILE\): its loop has no bound"):
        lower_bytes(_loop(step=0))


@pytest.mark.parametrize(("start", "said"), [(0, ""), (None, "which starts anywhere")])
def test_generate_says_which_loops_have_no_bound(
    start: int | None, said: str, tmp_path: Path
) -> None:
    (tmp_path / "loop.tflite").write_bytes(_loop(start))
    arguments = ["generate", str(tmp_path / "loop.tflite"), "-o", str(tmp_path / "c")]
    result = CliRunner().invoke(main, [*arguments, "--kernels", "tinygen"])
    assert result.exit_code == 0, result.output
    assert ("WHILE" in result.output) == bool(said)
    assert said in " ".join(result.output.split())


def test_loop_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_flow, "MAX_TURNS", 1000)
    network = lower_bytes(_loop(start=None, limit=2**31 - 1, step=1))
    with pytest.raises(InputError, match=r"operator 0 \(WHILE\) has not ended after 1,000"):
        reference.outputs(network, [np.array([-(2**31)], np.int32), np.zeros(2, np.float32)])


def _if(condition: str = "BOOL", inner: str = "INT8", outputs: int = 1, index: int = 2) -> bytes:
    builder = ModelBuilder()
    c = builder.tensor((1,), condition)
    x, y = (builder.tensor((3,), "INT8", scale=0.5) for _ in range(2))
    builder.operator("IF", [c, x], [y], then_subgraph_index=1, else_subgraph_index=index)
    builder.inputs(c, x).outputs(y)
    for _ in range(2):
        builder.subgraph("branch")
        x, y = (builder.tensor((3,), inner, scale=0.5) for _ in range(2))
        builder.operator("RELU", [x], [y])
        builder.inputs(x).outputs(*[y] * outputs)
    return builder.build()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"condition": "INT32"}, r"operator 0 \(IF\): tensor 't0' is INT32, and this needs BOOL"),
        ({"inner": "FLOAT32"}, r"operator 0 \(IF\): output of its then_subgraph_index 1 't1'"),
        ({"outputs": 2}, r"operator 0 \(IF\): its then_subgraph_index 1 has 2 outputs, not 1"),
        ({"index": 7}, r"operator 0 \(IF\): its else_subgraph_index is 7"),
        ({"index": 0}, r"operator 0 \(IF\): its else_subgraph_index is 0"),
    ],
)
def test_if_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lower_bytes(_if(**options))


def test_subgraph_that_runs_itself_is_refused() -> None:
    builder = ModelBuilder()
    for name in ("main", "branch"):
        if name == "branch":
            builder.subgraph(name)
        c = builder.tensor((1,), "BOOL")
        y = builder.tensor((1,), "BOOL")
        builder.operator("IF", [c, c], [y], then_subgraph_index=1, else_subgraph_index=1)
        builder.inputs(c).outputs(y)
    with pytest.raises(ModelError, match="runs itself"):
        lower_bytes(builder.build())


def test_unsupported_operator_in_a_subgraph_is_named() -> None:
    builder = ModelBuilder()
    c, x, y = builder.tensor((1,), "BOOL"), builder.tensor((3,)), builder.tensor((3,))
    builder.operator("IF", [c, x], [y], then_subgraph_index=1, else_subgraph_index=1)
    builder.inputs(c, x).outputs(y)
    builder.subgraph("branch")
    x, y = builder.tensor((3,)), builder.tensor((3,))
    builder.custom("Mystery", [x], [y])
    builder.inputs(x).outputs(y)
    with pytest.raises(UnsupportedError, match=r"subgraph 1 \('branch'\).*Mystery"):
        lower_bytes(builder.build())


def _counting_branch(pass_handle: bool) -> bytes:
    """If c, v += x in a subgraph; y = v. The variable begins at 3, by a subgraph of CALL_ONCE."""
    builder = ModelBuilder()
    c, x = builder.tensor((), "BOOL"), builder.tensor((4,), "INT32")
    handle, unused = builder.tensor((), "RESOURCE"), builder.tensor((4,), "INT32")
    now, y = builder.tensor((4,), "INT32"), builder.tensor((4,), "INT32")
    builder.operator("CALL_ONCE", [], [], init_subgraph_index=3)
    builder.operator("VAR_HANDLE", [], [handle], container="", shared_name="v")
    operands = [c, x, handle] if pass_handle else [c, x]
    builder.operator("IF", operands, [unused], then_subgraph_index=1, else_subgraph_index=2)
    builder.operator("READ_VARIABLE", [handle], [now])
    builder.operator("ADD", [now, unused], [y])
    builder.inputs(c, x).outputs(y)
    for name in ("then", "else"):
        builder.subgraph(name)
        x = builder.tensor((4,), "INT32")
        inner = builder.tensor((), "RESOURCE")
        old, new = builder.tensor((4,), "INT32"), builder.tensor((4,), "INT32")
        if name == "then":
            if not pass_handle:
                builder.operator("VAR_HANDLE", [], [inner], container="", shared_name="v")
            builder.operator("READ_VARIABLE", [inner], [old])
            builder.operator("ADD", [old, x], [new])
            builder.operator("ASSIGN_VARIABLE", [inner, new], [])
        builder.inputs(*([x, inner] if pass_handle else [x])).outputs(x)
    builder.subgraph("init")
    inner = builder.tensor((), "RESOURCE")
    three = builder.tensor((4,), "INT32", data=np.full(4, 3, np.int32))
    builder.operator("VAR_HANDLE", [], [inner], container="", shared_name="v")
    builder.operator("ASSIGN_VARIABLE", [inner, three], [])
    builder.inputs().outputs()
    return builder.build()


@pytest.mark.parametrize("pass_handle", [False, True])
def test_variable_is_shared_with_a_subgraph(pass_handle: bool, tmp_path: Path) -> None:
    model = _counting_branch(pass_handle)
    network = lower_bytes(model)
    (host,) = build([network], tmp_path, optimize=Optimize.SIZE, flags=("-O1",), compiler="gcc")
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 16)
    states: dict[int, AnyArray] = {}
    rng = np.random.default_rng(1)
    for number in range(50):
        inputs = [np.array(rng.random() < 0.5), rng.integers(-99, 99, 4).astype(np.int32)]
        for position, value in enumerate(inputs):
            interpreter.set_input(value, position)
        interpreter.invoke()
        (computed,) = reference.outputs(network, inputs, states)
        assert_equal(np.array(interpreter.get_output(0)), computed, f"inference {number}")
        assert_equal(computed, host.run(inputs)[0], f"C, inference {number}")
