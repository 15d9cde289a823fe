# SPDX-License-Identifier: Apache-2.0
"""``tinygen compare`` on the digits model and the float network it stands for, down to the pixels."""

from __future__ import annotations

import fcntl
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command import tinygen
from tests.models.float_twin import float_twin
from tests.reporting.browser import plots_of
from tinygen.errors import InputError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.quantization.compare import Comparison, compare
from tinygen.quantization.data import Dataset, load_dataset, signature_of
from tinygen.reporting.quantization_page import quantization_page
from tinygen.tflite.reader import read_model, read_model_bytes

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = DIGITS / "digits.tflite"
SAMPLES = 40
SERIES = {"light": [(154, 160, 168), (63, 118, 181)], "dark": [(134, 141, 150), (108, 166, 228)]}
"""Colours of the first two series in ``templates/style.css.j2``."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of a test run share."""
    base: Path = tmp_path_factory.getbasetemp()
    path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "comparison"
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture(scope="module")
def compared(folder: Path) -> dict[str, Any]:
    """The whole comparison, on all three emulated boards, through the command line, made once."""
    report = folder / "report" / "comparison.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not report.exists():
            _compare(folder)
    data: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return data


def _compare(path: Path) -> None:
    (path / "digits_float.tflite").write_bytes(float_twin(MODEL.read_bytes()))
    with np.load(DIGITS / "digits_test.npz") as data:
        np.savez(
            path / "some.npz", images=data["images"][:SAMPLES], labels=data["labels"][:SAMPLES]
        )
    ran = tinygen(
        "compare",
        path / "digits_float.tflite",
        MODEL,
        *("--data", path / "some.npz", "-o", path / "report", "--json"),
        timeout=500,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["agrees"]


def images_of(path: Path) -> tuple[AnyArray, AnyArray]:
    with np.load(path / "some.npz") as data:
        return data["images"].astype(np.float32), data["labels"]


@pytest.mark.qemu
def test_accuracies_are_the_references_and_the_generated_codes(
    compared: dict[str, Any], folder: Path
) -> None:
    images, labels = images_of(folder)
    network = lower(rewrite(read_model(MODEL)))
    quantization = network.tensors[network.inputs[0]].quantization
    assert quantization is not None
    steps = np.rint(images / quantization.scales[0]) + quantization.zero_points[0]
    inputs = np.clip(steps, -128, 127).astype(np.int8)
    hits = [
        int(reference.outputs(network, [image[np.newaxis]])[0].argmax()) == label
        for image, label in zip(inputs, labels, strict=True)
    ]
    ours = compared["variants"][1]
    assert ours["accuracy"]["scores"][0]["value"] == np.mean(hits)
    for variant in compared["variants"]:
        assert variant["accuracy"] == variant["compiled_accuracy"]
        assert variant["compared"] == 10 * SAMPLES
        assert variant["differing"] == 0
        assert sum(map(sum, variant["accuracy"]["confusion"])) == SAMPLES
    assert compared["agrees"]


@pytest.mark.qemu
def test_costs_are_those_of_profile(compared: dict[str, Any], folder: Path) -> None:
    """The figures of a real build and an emulated run, with and without FPU."""
    for path, variant in zip(
        (folder / "digits_float.tflite", MODEL), compared["variants"], strict=True
    ):
        assert variant["file_bytes"] == path.stat().st_size
        by_board = {cost["board"]: cost for cost in variant["costs"]}
        board = "qemu-mps2-an386" if path == MODEL else "qemu-mps2-an385"
        ran = tinygen("profile", path, "--board", board, "--json")
        measured, cost = json.loads(ran.stdout), by_board[board]
        memory = measured["memory"]
        assert cost["instructions"] == measured["total"]["instructions"]
        assert cost["cycles"] == measured["total"]["cycles"]
        assert cost["flash_bytes"] == memory["flash_code"] + memory["flash_weights"]
        assert cost["ram_bytes"] == sum(
            memory[key] for key in ("ram_arena", "ram_static", "stack_peak")
        )
        assert all(cost["bit_exact"] for cost in by_board.values())
    floats, ours = (
        {cost["board"]: cost for cost in variant["costs"]} for variant in compared["variants"]
    )
    assert floats["qemu-mps2-an386"]["fpu"]
    assert not floats["qemu-mps2-an385"]["fpu"]
    ratios = {board: floats[board]["cycles"] / ours[board]["cycles"] for board in floats}
    stated = compared["variants"][1]["ratios"]["boards"]
    assert {board: times["cycles"] for board, times in stated.items()} == ratios
    # Float32 in software costs several times what the FPU takes.
    assert floats["qemu-mps2-an385"]["cycles"] > 3 * floats["qemu-mps2-an386"]["cycles"]
    assert ratios["qemu-mps2-an386"] > 2


@pytest.mark.qemu
def test_energy_and_bytes_moved_by_hand(compared: dict[str, Any]) -> None:
    floats, ours = compared["variants"]
    cost = ours["costs"][0]
    (nordic,) = [e for e in cost["energy"] if e["board"] == "nrf52840-dk"]
    # 52 µA/MHz × 3 V = 156 pJ a cycle.
    assert nordic["microjoules"] == pytest.approx(cost["cycles"] * 156e-6)
    assert "Product Specification" in nordic["source"]
    network = lower(rewrite(read_model(MODEL)))
    moved = sum(
        network.tensors[index].nbytes
        for layer in network.layers
        if layer.operator.opcode != "RESHAPE"
        for index in (*layer.inputs, *layer.outputs)
    )
    assert ours["traffic"]["activations"] == moved
    assert floats["traffic"]["activations"] == 4 * moved
    assert floats["traffic"]["weights"] > 2.5 * ours["traffic"]["weights"]


@pytest.mark.qemu
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_plot_of_the_page_shows_pixels(
    compared: dict[str, Any], folder: Path, tmp_path: Path, scheme: str
) -> None:
    page = folder / "report" / "comparison.html"
    text = page.read_text(encoding="utf-8")
    without_namespace = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|\bsrc=|\bhref=|url\(|@import|<script", without_namespace)
    plots = plots_of(page, tmp_path, width=1100, height=3400, dark=scheme == "dark")
    worst = compared["variants"][1]["noise"]["worst"]
    # Two confusion matrices, bars of cycles and of memory, the layers, histograms.
    assert len(plots) == 2 + 2 + 1 + len(worst)
    assert len(worst) == 3
    for plot in plots:
        paper = plot.pixels[0, 0]
        drawn = (plot.pixels != paper).any(axis=2).mean()
        assert drawn > 0.01, f"{plot.title} is empty"
        colours = [
            np.abs(plot.pixels.astype(int) - colour).max(axis=2) < 24 for colour in SERIES[scheme]
        ]
        assert any(colour.sum() > 60 for colour in colours), f"{plot.title} lacks its series"
    (cycles,) = [plot for plot in plots if plot.title.startswith("Cycles")]
    lengths = [
        (np.abs(cycles.pixels.astype(int) - colour).max(axis=2) < 6).sum(axis=1).max()
        for colour in SERIES[scheme]
    ]
    drawn_ratio = lengths[0] / lengths[1]
    shortest = min(
        times["cycles"] for times in compared["variants"][1]["ratios"]["boards"].values()
    )
    assert drawn_ratio == pytest.approx(shortest, rel=0.05), "bars are as long as they say"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Dataset]:
    """A comparison without boards, of few samples."""
    models = {"float": float_twin(MODEL.read_bytes()), "ptq": MODEL.read_bytes()}
    signature = signature_of(read_model_bytes(models["float"], "float"))
    data = load_dataset(DIGITS / "digits_test.npz", signature).taken(slice(0, 8))
    work: Path = tmp_path_factory.mktemp("small")
    return compare(models, data, work, boards=[]), data


def test_a_difference_is_shouted(small: tuple[Comparison, Dataset]) -> None:
    comparison, _ = small
    assert comparison.agrees
    assert "Proved" in quantization_page(comparison.to_dict())
    wrong = replace(comparison, variants=(replace(comparison.variants[0], differing=1),) * 2)
    assert not wrong.agrees
    page = quantization_page(replace(wrong, title="<b>").to_dict())
    assert "NOT bit-exact" in page
    assert "<title>&lt;b&gt;: quantization</title>" in page


def test_inputs_that_do_not_fit_a_variant(
    small: tuple[Comparison, Dataset], tmp_path: Path
) -> None:
    _, data = small
    models = {"float": float_twin(MODEL.read_bytes())}
    with pytest.raises(InputError, match="nothing to compare"):
        compare(models, data, tmp_path)
    other = replace(data, inputs={"image": np.zeros((8, 1, 7, 7, 1), np.float32)})
    with pytest.raises(InputError, match="takes inputs of"):
        compare({**models, "ptq": MODEL.read_bytes()}, other, tmp_path, boards=[])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("missing.tflite", MODEL, "--data", DIGITS / "digits_test.npz"), "missing.tflite"),
        ((MODEL, MODEL, "--data", DIGITS / "digits_test.npz"), "two have the same name"),
        ((MODEL, DIGITS / "other.tflite", "--data", "no.npz"), "other.tflite"),
    ],
)
def test_bad_requests_are_one_sentence(
    arguments: tuple[str | Path, ...], says: str, tmp_path: Path
) -> None:
    ran = tinygen("compare", *arguments, "-o", tmp_path)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr
