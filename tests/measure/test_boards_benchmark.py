# SPDX-License-Identifier: Apache-2.0
"""The benchmark of boards: its rows, and a model that does not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.board_ratios import ratio_row
from benchmarks.boards import Measured, main, rows
from tests.conftest import shared_model
from tinygen.measure.plugin import Stalls
from tinygen.measure.profile import Time


def test_the_fastest_board_comes_first_and_silicon_beside_its_board() -> None:
    slow = Time(100, 2000, 1400, Stalls(100, 200, 300), 2000.0)
    fast = Time(100, 1500, 1500, Stalls(), 15.0)
    untimed = Time(100, None)
    found = [
        Measured("untimed", 16_000_000, untimed),
        Measured("nucleo-f746zg", 1_000_000, slow),
        Measured("quick", 100_000_000, fast, 0.018),
    ]
    assert list(rows("mlperf_ad", found)) == [
        ("quick", "100", "1,500", "0", "0", "0", "1,500", "0.01", "0.02 (+20.0%)", ""),
        (
            "nucleo-f746zg",
            "1",
            "1,400",
            "100",
            "200",
            "300",
            "2,000",
            "2.00",
            "–",
            "0.308 (Bosch v1.2, Plumerai v1.1)",
        ),
        ("untimed", "16", "–", "–", "–", "–", "–", "–", "–", ""),
    ]


@pytest.mark.qemu
def test_boards_that_a_model_does_not_fit_have_no_row(tmp_path: Path) -> None:
    for tool in ("cc", "arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    model = shared_model("mlperf_ic_float.tflite")
    names = ("nrf52832-dk", "nucleo-l4r5zi")
    arguments = [str(model), "-o", str(tmp_path)]
    for name in names:
        arguments += ["--board", name]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    (found,) = json.loads((tmp_path / "boards.json").read_text(encoding="utf-8")).values()
    assert [one["board"] for one in found] == ["nucleo-l4r5zi"]
    text = (tmp_path / "boards.md").read_text(encoding="utf-8")
    assert f"{found[0]['time']['cycles']:,}" in text
    assert "nrf52832" not in text


def test_ratios_are_of_all_cycles() -> None:
    ours = Time(100, 2000, 1400, Stalls(100, 200, 300))
    theirs = Time(100, 5000, 4900, Stalls(100, 0, 0))
    assert ratio_row("m", "b", ours, theirs)[2:] == ("2,000", "600", "5,000", "100", "2.50")
    assert ratio_row("m", "b", Time(100, None), theirs)[2:] == ("–", "0", "5,000", "100", "–")
