# SPDX-License-Identifier: Apache-2.0
"""The command line: exit codes, JSON, and one clear sentence for every kind of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.command import tinygen
from tests.conftest import DIGITS, shared_model
from tests.models.builder import ModelBuilder
from tinygen.emit.writer import MANIFEST


def add_model(scale: float = 0.1, zero_point: int = 0, dtype: str = "INT8") -> bytes:
    """``y = x + x`` over four elements."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), dtype, scale=scale, zero_point=zero_point, name="the_input")
    y = builder.tensor((1, 4), dtype, scale=0.2, zero_point=0, name="the_output")
    builder.operator("ADD", [x, x], [y], fused_activation_function="NONE")
    return builder.inputs(x).outputs(y).build()


def test_help_and_version() -> None:
    assert "generate" in tinygen("--help").stdout
    assert tinygen("--version").returncode == 0


def test_analyze_json_has_the_promised_keys() -> None:
    result = tinygen("analyze", DIGITS, "--json")
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["macs"] == 46592
    assert data["arena_bytes"] >= data["arena_lower_bound_bytes"] > 0
    assert data["weight_bytes"] > 2874
    assert [o["op"] for o in data["operators"]][:3] == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
    assert set(data["times"][0]) == {"board", "core", "clock_hz", "cycles", "milliseconds"}


def test_analyze_table_names_every_operator() -> None:
    result = tinygen("analyze", DIGITS)
    assert result.returncode == 0, result.stderr
    assert "DEPTHWISE_CONV_2D" in result.stdout
    assert "46,592" in result.stdout
    assert "nucleo-l4r5zi" in result.stdout.partition("estimated, by board")[2]


def test_generate_twice_is_byte_identical(tmp_path: Path) -> None:
    for out in ("one", "two"):
        result = tinygen("generate", DIGITS, "-o", tmp_path / out, "--name", "digits")
        assert result.returncode == 0, result.stderr
    first, second = (
        {p.relative_to(tmp_path / out): p.read_bytes() for p in (tmp_path / out).rglob("*.*")}
        for out in ("one", "two")
    )
    assert first == second
    assert Path("digits.h") in first


def test_generate_replaces_what_it_generated(tmp_path: Path) -> None:
    for _ in range(2):
        result = tinygen("generate", DIGITS, "-o", tmp_path, "--name", "digits")
        assert result.returncode == 0, result.stderr
    listed = [line.split("  ")[1] for line in (tmp_path / MANIFEST).read_text().splitlines()]
    there = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(there) == sorted([MANIFEST, *listed])


def test_verify_on_the_host_is_bit_exact() -> None:
    result = tinygen("verify", DIGITS, "--board", "host", "--samples", "3", "--layers", "--json")
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["bit_exact"] is True
    assert data["samples"] == 3
    assert data["outputs_compared"] == 30
    assert data["mismatches"] == 0
    assert data["first_mismatch"] is None
    assert len(data["layers"]) == 11


def test_verify_takes_samples_from_files(tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", np.zeros((2, 8, 8, 1), dtype=np.int8))
    np.save(tmp_path / "shape.npy", np.zeros((2, 9, 8, 1), dtype=np.int8))
    np.save(tmp_path / "range.npy", np.full((2, 8, 8, 1), 300))
    (tmp_path / "text.npz").write_text("no archive")
    good = tinygen("verify", DIGITS, "--board", "host", "--input", tmp_path / "good.npy", "--json")
    assert json.loads(good.stdout)["samples"] == 2
    for name, message in (
        ("shape.npy", "needs samples of shape [1, 8, 8, 1]"),
        ("range.npy", "cannot represent"),
        ("text.npz", "cannot be read"),
        ("absent.npy", "cannot be read"),
    ):
        bad = tinygen("verify", DIGITS, "--board", "host", "--input", tmp_path / name)
        assert bad.returncode == 2
        assert message in bad.stderr


BAD_FILES = [
    ("empty.tflite", b"", "empty"),
    ("random.tflite", bytes(range(256)) * 4, "TFL3"),
    ("truncated.tflite", DIGITS.read_bytes()[:3000], ""),
    ("identifier.tflite", DIGITS.read_bytes()[:4] + b"TFL9" + DIGITS.read_bytes()[8:], "TFL3"),
    ("keras.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
    ("model.onnx", b"\x08\x07\x12\x07pytorch", "ONNX"),
    (
        "pointer.tflite",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
        "LFS",
    ),
    ("nan.tflite", add_model(scale=float("nan")), "the_input"),
    ("zero_scale.tflite", add_model(scale=0.0), "the_input"),
    ("zero_point.tflite", add_model(zero_point=300), "the_input"),
]


@pytest.mark.parametrize(("name", "content", "word"), BAD_FILES, ids=[b[0] for b in BAD_FILES])
def test_bad_models_end_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, word: str
) -> None:
    model = tmp_path / name
    model.write_bytes(content)
    result = tinygen("generate", model, "-o", tmp_path / "out")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("Error: ")
    assert word in result.stderr
    assert name in result.stderr
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_errors_are_json_too(tmp_path: Path) -> None:
    (tmp_path / "empty.tflite").touch()
    result = tinygen("analyze", tmp_path / "empty.tflite", "--json")
    assert result.returncode == 2
    assert json.loads(result.stdout)["exit_code"] == 2


def test_unsupported_operators_are_all_listed(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "INT8", scale=0.1, name="x")
    y = builder.tensor((1, 4), "INT8", scale=0.1, name="first_result")
    z = builder.tensor((1, 4), "INT8", scale=0.1, name="second_result")
    builder.operator("ATAN2", [x, x], [y])
    builder.custom("Mystery", [y], [z])
    (tmp_path / "m.tflite").write_bytes(builder.inputs(x).outputs(z).build())
    result = tinygen("generate", tmp_path / "m.tflite", "-o", tmp_path / "out")
    assert result.returncode == 2
    for words in ("ATAN2", "first_result", "Mystery", "second_result"):
        assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_dynamic_shape_names_the_input(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 1), "INT8", scale=0.1, name="wide", shape_signature=(1, -1))
    y = builder.tensor((1, 1), "INT8", scale=0.1, name="out")
    builder.operator("ADD", [x, x], [y])
    (tmp_path / "m.tflite").write_bytes(builder.inputs(x).outputs(y).build())
    result = tinygen("analyze", tmp_path / "m.tflite")
    assert result.returncode == 2
    assert "'wide'" in result.stderr


def test_shapes_that_do_not_fit(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "INT8", scale=0.1, name="four")
    w = builder.tensor((3, 5), "INT8", scale=0.1, name="weights", data=np.ones((3, 5), np.int8))
    y = builder.tensor((1, 3), "INT8", scale=0.1, name="out")
    builder.operator("FULLY_CONNECTED", [x, w], [y])
    (tmp_path / "m.tflite").write_bytes(builder.inputs(x).outputs(y).build())
    result = tinygen("analyze", tmp_path / "m.tflite")
    assert result.returncode == 2
    assert "'weights'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify", DIGITS, "--board", "nucleo-x"), "nucleo-x"),
        (("analyze", DIGITS, "--target", "cortex-z9"), "cortex-z9"),
        (("analyze", "absent.tflite"), "absent.tflite"),
        (("generate", DIGITS, "--name", "Not An Identifier"), "not_an_identifier"),
        (("generate", DIGITS, "--kernels", "magic"), "magic"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_bad_command_lines(arguments: tuple[str | Path, ...], words: str) -> None:
    result = tinygen(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_tools_are_named_with_the_command_that_installs_them() -> None:
    for board, package in (("qemu-mps2-an386", "gcc-arm-none-eabi"), ("host", "gcc")):
        result = tinygen("verify", DIGITS, "--board", board, PATH="/nonexistent")
        assert result.returncode == 3
        assert package in result.stderr


def test_an_arena_larger_than_the_ram(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 20000), "INT8", scale=0.1, name="large")
    y = builder.tensor((1, 20000), "INT8", scale=0.1, name="out")
    builder.operator("ADD", [x, x], [y])
    (tmp_path / "m.tflite").write_bytes(builder.inputs(x).outputs(y).build())
    result = tinygen("verify", tmp_path / "m.tflite", "--board", "qemu-microbit")
    assert result.returncode == 2
    assert "'large'" in result.stderr
    assert "16,384" in result.stderr


def test_a_float_model_is_compiled_as_it_is() -> None:
    result = tinygen("analyze", shared_model("mlperf_ic_float.tflite"), "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["macs"] == 12501632


def test_doctor_and_boards_print_json() -> None:
    assert {t["tool"] for t in json.loads(tinygen("doctor", "--json").stdout)["tools"]} >= {
        "arm-none-eabi-gcc",
        "qemu-system-arm",
    }
    names = {b["name"] for b in json.loads(tinygen("boards", "--json").stdout)["boards"]}
    assert {"host", "qemu-mps2-an386", "qemu-microbit"} <= names
