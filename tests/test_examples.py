# SPDX-License-Identifier: Apache-2.0
"""The examples with a reduced budget: they train, quantize both ways, and are bit-exact on the M4."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.command import tinygen
from tests.quantization.networks import skip_without_tensorflow

pytestmark = pytest.mark.qemu

REPOSITORY = Path(__file__).resolve().parent.parent
VARIANTS = ("float", "ptq", "qat")


def run(name: str, output: Path) -> dict[str, float]:
    """The first score of each variant, from the table that the example prints."""
    skip_without_tensorflow()
    result = subprocess.run(
        [sys.executable, "-m", f"examples.{name}", "--quick", "-o", output],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=600,
    )
    print(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    assert result.stdout.count("bit-exact") == 2
    rows = {
        variant: re.search(rf"^{variant} +([0-9.]+)", result.stdout, re.M) for variant in VARIANTS
    }
    return {variant: float(row[1]) for variant, row in rows.items() if row is not None}


def test_digits(tmp_path: Path) -> None:
    """Within a point after training; and the command line gives what the example gave."""
    scores = run("digits", tmp_path)
    assert scores["float"] > 90
    assert scores["ptq"] > scores["float"] - 1.0
    assert scores["qat"] > scores["float"] - 1.0
    output = tmp_path / "out.tflite"
    data = ("--data", tmp_path / "calibration.npz")
    result = tinygen("quantize", tmp_path / "digits.keras", *data, "-o", output)
    assert result.returncode == 0, result.stderr
    verdict = tinygen("verify", output, "--samples", "2")
    assert verdict.returncode == 0, verdict.stderr
    assert output.read_bytes() == (tmp_path / "digits_ptq.tflite").read_bytes()


def test_outliers(tmp_path: Path) -> None:
    """More than three points are lost after training, and half of them won back in training."""
    scores = run("outliers", tmp_path)
    lost = scores["float"] - scores["ptq"]
    assert lost > 3.0
    assert scores["qat"] - scores["ptq"] >= lost / 2


def test_keywords(tmp_path: Path) -> None:
    scores = run("keywords", tmp_path)
    assert scores["float"] > 50
    assert scores["ptq"] > scores["float"] - 5
    assert scores["qat"] > scores["float"] - 5


def test_vibration(tmp_path: Path) -> None:
    scores = run("vibration", tmp_path)
    assert min(scores.values()) > 70


def test_forecast(tmp_path: Path) -> None:
    """An error well below that of the forecast that nothing changes."""
    scores = run("forecast", tmp_path)
    with np.load(tmp_path / "evaluation.npz") as data:
        unchanged = data["window"][:, -1, 0] - data["labels"][:, 0]
    assert max(scores.values()) < 0.9 * float(np.sqrt(np.mean(unchanged**2)))
