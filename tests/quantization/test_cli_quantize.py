# SPDX-License-Identifier: Apache-2.0
"""``tinygen quantize``: exit codes, one sentence on stderr, nothing of TensorFlow's there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command import tinygen
from tests.conftest import shared_model
from tests.quantization.networks import CLASSES, image_network, keras
from tinygen.cli.main import main

COUNT = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``net.keras``, and ``data.npz`` with labels that the network itself gives."""
    made = tmp_path_factory.mktemp("quantize")
    network = image_network(keras())
    network.save(made / "net.keras")
    images = np.random.default_rng(1).normal(size=(COUNT, 8, 8, 3)).astype(np.float32)
    labels = network.predict(images, verbose=0).argmax(axis=1)
    np.savez(made / "data.npz", image=images, labels=labels)
    np.savez(made / "unlabelled.npz", image=images)
    return made


def quantize(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return tinygen("quantize", folder / "net.keras", "-o", folder / "out.tflite", *arguments)


def test_after_training(folder: Path) -> None:
    result = quantize(folder, "--data", folder / "data.npz", "--json")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    data = json.loads(result.stdout)
    assert data["scheme"] == "int8"
    assert data["calibration"] == "min-max"
    assert data["calibration_samples"] == COUNT
    assert data["bytes"] == (folder / "out.tflite").stat().st_size
    verdict = tinygen("verify", folder / "out.tflite", "--board", "host", "--samples", "3")
    assert verdict.returncode == 0, verdict.stderr


@pytest.mark.qemu
def test_the_report_compares_float_ptq_and_qat(folder: Path) -> None:
    result = quantize(
        folder,
        *("--data", folder / "unlabelled.npz", "--test", folder / "data.npz"),
        *("--qat", "--teacher", "--epochs", "1", "--json"),
        *("--report", folder / "report", "--board", "qemu-mps2-an386"),
    )
    assert result.returncode == 0, result.stderr
    compared = json.loads(result.stdout)["comparison"]
    assert compared["metric"] == "classification"
    assert compared["agrees"]
    floats, *others = compared["variants"]
    assert [variant["name"] for variant in others] == ["ptq", "qat"]
    # The labels are the float network's own answers.
    assert floats["compiled_accuracy"]["scores"][0]["value"] == 1.0
    for variant in others:
        assert variant["accuracy"] == variant["compiled_accuracy"]
        assert variant["noise"]["unmatched"] == []
        assert len(variant["noise"]["worst"]) == 3
    assert all(layer["own_db"] > 20 for layer in others[0]["noise"]["layers"])
    page = (folder / "report" / "comparison.html").read_text(encoding="utf-8")
    assert page.count("Its weights were trained on") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--report", "here", "--scheme", "dynamic"), "--report needs --test"),
        (("--test", "data.npz"), "--test belongs to --report"),
    ],
)
def test_reports_need_samples(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    result = quantize(folder, *arguments)
    assert result.returncode == 2
    assert says in result.stderr


def test_in_training(folder: Path) -> None:
    arguments = ("--qat", "--epochs", "2", "--json", "--float-output", folder / "float.tflite")
    result = quantize(folder, "--data", folder / "data.npz", *arguments)
    assert result.returncode == 0, result.stderr
    training = json.loads(result.stdout)["training"]
    assert training["loss"] == "cross-entropy"
    assert len(training["epochs"]) == 3
    assert (folder / "float.tflite").read_bytes()[4:8] == b"TFL3"


def quantize_here(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """In this process, where TensorFlow is loaded already; gives exit code and standard error."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main.main(args=["quantize", *map(str, arguments)])
    captured = capfd.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) <= 2
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--data", "unlabelled.npz", "--qat"), "has no 'labels', which quantization-aware"),
        (("--data", "unlabelled.npz", "--train", "data.npz"), "belongs to --qat"),
        (("--data", "data.npz", "--epochs", "3"), "belongs to --qat"),
        (("--data", "data.npz", "--qat", "--scheme", "int16x8"), "not for --scheme int16x8"),
        (("--qat",), "--qat needs --data"),
        ((), "needs samples to measure them"),
        (("--data", "absent.npz"), "absent.npz does not exist"),
        (("--data", "data.npz", "--input-range", "0:1"), "outside the range 0 to 1"),
        (("--data", "data.npz", "--input-range", "5"), "'5' is not LOW:HIGH"),
        (("--data", "data.npz", "--preprocess", "size=2x2"), "is not a folder"),
    ],
)
def test_what_cannot_be(
    folder: Path, arguments: tuple[str, ...], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    located = [str(folder / one) if one.endswith(".npz") else one for one in arguments]
    output = folder / "bad.tflite"
    code, errors = quantize_here(capfd, folder / "net.keras", "-o", output, *located)
    assert code == 2
    assert errors.startswith("Error: ")
    assert sentence in errors.splitlines()[0]
    assert not output.exists()


def bad(images: Any) -> dict[str, Any]:
    return {"image": images}


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (bad(np.ones((COUNT, 8, 8, 1))), "needs (samples, 8, 8, 3), the data is [120, 8, 8, 1]"),
        (bad(np.full((COUNT, 8, 8, 3), "x")), "is <U1, not real numbers"),
        (bad(np.full((COUNT, 8, 8, 3), np.nan)), "NaN or infinite values in 120 of 120 samples"),
        (bad(np.random.default_rng(1).random((3, 8, 8, 3))), "has 3 samples; calibration needs 10"),
        (bad(np.full((COUNT, 8, 8, 3), 0.5)), "every value of input 'image' is 0.5"),
    ],
)
def test_data_that_does_not_do(
    folder: Path,
    tmp_path: Path,
    arrays: dict[str, Any],
    sentence: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    model, output = folder / "net.keras", tmp_path / "out.tflite"
    code, errors = quantize_here(capfd, model, "--data", tmp_path / "bad.npz", "-o", output)
    assert code == 2
    assert sentence in errors.splitlines()[0]


def test_unreadable_files(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for suffix in ("npz", "keras"):
        (tmp_path / f"bad.{suffix}").write_bytes(b"PK\x03\x04 cut off")
    data, model, output = (tmp_path / one for one in ("bad.npz", "bad.keras", "out.tflite"))
    code, errors = quantize_here(capfd, folder / "net.keras", "--data", data, "-o", output)
    assert code == 2
    assert "bad.npz cannot be read as .npy or .npz" in errors
    code, errors = quantize_here(capfd, model, "-o", output)
    assert code == 2
    assert "bad.keras cannot be read as a Keras model" in errors


def test_without_the_extra(folder: Path) -> None:
    """As on a machine where TensorFlow was never installed."""
    program = (
        "import importlib.util as util, sys\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *more: "
        "None if name == 'tensorflow' else find(name, *more)\n"
        "from tinygen.cli.main import main\n"
        "main()\n"
    )
    arguments = (
        "quantize",
        folder / "net.keras",
        "--data",
        folder / "data.npz",
        "-o",
        "out.tflite",
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 3
    assert result.stderr.splitlines() == [
        "Error: tensorflow is not installed; quantization needs it.",
        "Hint: Install it: pip install 'tinygen[quantize]'",
    ]


def test_the_command_line_starts_without_tensorflow() -> None:
    modules = "sys, tinygen.cli.main, tinygen.quantization.training"
    program = f"import {modules}; print('tensorflow' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


@pytest.mark.qemu
def test_mlperf_image_classification(tmp_path: Path) -> None:
    """The float model of MLPerf Tiny: quantized from its .h5, bit-exact on the emulated M4."""
    keras()
    path = shared_model("mlperf_ic_float.h5")
    images = np.random.default_rng(1).integers(0, 256, (100, 32, 32, 3)).astype(np.uint8)
    np.savez(tmp_path / "cal.npz", input_1=images)
    output = tmp_path / "ic.tflite"
    result = tinygen("quantize", path, "--data", tmp_path / "cal.npz", "-o", output)
    assert result.returncode == 0, result.stderr
    verdict = tinygen("verify", output, "--samples", "2", "--json")
    assert json.loads(verdict.stdout)["bit_exact"], verdict.stderr


def test_labels_reach_every_class(folder: Path) -> None:
    """The data of these tests is no trivial task."""
    with np.load(folder / "data.npz") as data:
        assert 1 < len(np.unique(data["labels"])) <= CLASSES
