# SPDX-License-Identifier: Apache-2.0
"""verify and analyze where operators were merged or left out, where states are, where NaNs come out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.models.builder import ModelBuilder
from tinygen.compilation import Compilation, compile_model
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.measure.verify import verify
from tinygen.planning.analysis import analyze
from tinygen.planning.as_data import plan_as_data
from tinygen.planning.options import KernelChoice, Options


def _compiled(model: bytes, directory: Path, board_name: str = "host") -> Compilation:
    path = directory / "m.tflite"
    path.write_bytes(model)
    return compile_model(path, Options(core=board(board_name).core, kernels=KernelChoice.TINYGEN))


def _padded_relu_convolution() -> bytes:
    """PAD, CONV_2D, RELU, QUANTIZE to the same, and a TRANSPOSE that moves nothing."""
    builder = ModelBuilder()
    x = builder.tensor((1, 5, 5, 2), scale=0.1, zero_point=3)
    ends = builder.tensor((4, 2), "INT32", data=[0, 0, 1, 1, 1, 1, 0, 0])
    padded = builder.tensor((1, 7, 7, 2), scale=0.1, zero_point=3)
    weights = builder.tensor((4, 3, 3, 2), scale=0.1, data=np.arange(72) % 23 - 11)
    a, b, c = (builder.tensor((1, 3, 3, 4), scale=0.3, zero_point=-100) for _ in range(3))
    order = builder.tensor((4,), "INT32", data=[1, 0, 2, 3])
    y = builder.tensor((3, 1, 3, 4), scale=0.3, zero_point=-100)
    builder.operator("PAD", [x, ends], [padded])
    builder.operator(
        "CONV_2D", [padded, weights], [a], padding="VALID", version=3, stride_h=2, stride_w=2
    )
    builder.operator("RELU", [a], [b])
    builder.operator("QUANTIZE", [b], [c])
    builder.operator("TRANSPOSE", [c, order], [y])
    return builder.inputs(x).outputs(y).build()


@pytest.mark.parametrize(
    "board_name", ["host", pytest.param("qemu-mps2-an386", marks=pytest.mark.qemu)]
)
def test_merged_operators_are_named(board_name: str, tmp_path: Path) -> None:
    compilation = _compiled(_padded_relu_convolution(), tmp_path, board_name)
    samples = reference.random_inputs(compilation.network, 3, seed=1)
    verdict = verify(compilation, board(board_name), samples, tmp_path / "work", layers=True)
    assert verdict.bit_exact
    assert [layer.operator for layer in verdict.layers] == [
        "operator 1 (PAD+CONV_2D+RELU)",
        "operator 4 (TRANSPOSE)",
    ]
    data = analyze(compilation.plan).to_dict()
    assert [operator["op"] for operator in data["operators"]] == ["PAD+CONV_2D+RELU", "TRANSPOSE"]
    assert {(r["operator"], r["pass"]) for r in data["rewrites"]} == {
        ("operator 0 (PAD)", "padding"),
        ("operator 2 (RELU)", "activations"),
        ("operator 3 (QUANTIZE)", "identities"),
        ("operator 4 (TRANSPOSE)", "identities"),
    }
    assert plan_as_data(compilation.plan)["rewrites"] == data["rewrites"]
    assert verdict.to_dict()["rewrites"] == data["rewrites"]


def _nan_model() -> bytes:
    """The square root of what may be negative, and what becomes of it."""
    builder = ModelBuilder()
    x, root, y = (builder.tensor((1, 16), "FLOAT32") for _ in range(3))
    builder.operator("SQRT", [x], [root])
    builder.operator("ADD", [root, x], [y])
    return builder.inputs(x).outputs(y).build()


@pytest.mark.parametrize(
    "board_name", ["host", pytest.param("qemu-mps2-an386", marks=pytest.mark.qemu)]
)
def test_a_nan_equals_a_nan(board_name: str, tmp_path: Path) -> None:
    compilation = _compiled(_nan_model(), tmp_path, board_name)
    samples = reference.random_inputs(compilation.network, 2, seed=1)
    expected = reference.outputs(compilation.network, samples[0])[0]
    assert np.isnan(expected).any()
    assert not np.isnan(expected).all()
    verdict = verify(compilation, board(board_name), samples, tmp_path / "work", layers=True)
    assert verdict.bit_exact, verdict.first_mismatch


def test_a_nan_where_none_is_expected_is_a_mismatch(tmp_path: Path) -> None:
    compilation = _compiled(_nan_model(), tmp_path)
    samples = reference.random_inputs(compilation.network, 1, seed=1)
    (name,) = (path for path in compilation.files if path.endswith("elementwise_f32.h"))
    text = compilation.files[name].decode()
    assert "tinygen_sqrt(a)" in text
    wrong = Compilation(
        compilation.graph,
        compilation.network,
        compilation.plan,
        {**compilation.files, name: text.replace("tinygen_sqrt(a)", "tinygen_sqrt(-a)").encode()},
    )
    verdict = verify(wrong, board("host"), samples, tmp_path / "work", layers=True)
    assert not verdict.bit_exact
    data = verdict.to_dict()
    assert data["first_mismatch"]["operator"] == "operator 0 (SQRT)"
    json.loads(json.dumps(data, allow_nan=False))


def test_analyze_counts_the_state() -> None:
    model = shared_model("mnist_lstm_int8.tflite")
    plan = compile_model(model, Options(core=board("host").core)).plan
    data = analyze(plan).to_dict()
    assert data["state_bytes"] == plan.state_bytes > 0
    assert data["flash_estimate_bytes"] >= data["weight_bytes"] + 2 * data["state_bytes"]
