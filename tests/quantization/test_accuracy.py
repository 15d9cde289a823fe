# SPDX-License-Identifier: Apache-2.0
"""Metrics against their definitions, written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray
from tinygen.quantization.accuracy import Accuracy, area_under_curve, choose_metric, judge
from tinygen.quantization.data import Dataset


def dataset(labels: AnyArray | None, count: int = 0, width: int = 3) -> Dataset:
    rows = len(labels) if labels is not None else count
    inputs = np.arange(rows * width, dtype=np.float32).reshape(rows, 1, width)
    return Dataset({"x": inputs}, labels, "here")


def scores(accuracy: Accuracy) -> dict[str, float]:
    return {score.name: score.value for score in accuracy.scores}


def test_classification_counts_hits_and_confusions() -> None:
    outputs = np.array([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    labels = np.array([1, 1, 2, 1])
    judged = judge("classification", [outputs], dataset(labels), [outputs])
    # Of the two equal scores the first one is taken, as argmax does.
    assert scores(judged) == {"top-1 accuracy": 0.5, "top-2 accuracy": 1.0}
    assert judged.confusion == ((0, 0, 0), (2, 1, 0), (0, 0, 1))


def test_one_output_is_the_probability_of_class_1() -> None:
    outputs = np.array([[0.9], [0.4], [0.6], [0.1]])
    judged = judge("classification", [outputs], dataset(np.array([1, 0, 0, 0])), [outputs])
    assert scores(judged) == {"top-1 accuracy": 0.75}
    assert judged.confusion == ((2, 1), (0, 1))


def test_regression_errors() -> None:
    outputs, labels = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 3.0, 2.0])
    judged = scores(judge("regression", [outputs], dataset(labels), [outputs]))
    assert judged["RMS error"] == pytest.approx(np.sqrt(5 / 3))
    assert judged["mean absolute error"] == pytest.approx(1.0)
    assert judged["R²"] == pytest.approx(1 - 5 / 2)


def test_area_under_curve_is_the_chance_to_score_higher() -> None:
    generator = np.random.default_rng(5)
    points = generator.integers(0, 20, 200).astype(np.float64)
    positive = generator.random(200) < 0.3
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a in points[positive]
        for b in points[~positive]
    ]
    assert area_under_curve(points, positive) == pytest.approx(np.mean(wins), rel=1e-12)


def test_autoencoder_scores_anomalies_by_reconstruction_error() -> None:
    labels = np.array([0, 1, 0, 1])
    data = dataset(labels)
    inputs = data.inputs["x"].reshape(4, 3)
    outputs = inputs + np.array([[0.1], [2.0], [0.2], [0.15]])
    judged = scores(judge("autoencoder", [outputs], data, [outputs]))
    assert judged["AUC"] == 0.75
    assert judged["reconstruction error"] == pytest.approx((0.01 + 4 + 0.04 + 0.0225) / 4, rel=1e-5)


def test_the_metric_follows_from_labels_and_shapes() -> None:
    rows = np.zeros((4, 3))
    assert choose_metric("auto", [rows], dataset(None, 4)) == "agreement"
    assert choose_metric("auto", [rows], dataset(np.array([0, 1, 1, 0]))) == "autoencoder"
    assert choose_metric("auto", [rows], dataset(np.array([0, 1, 2, 0]))) == "classification"
    assert choose_metric("auto", [rows], dataset(np.array([0.5, 1, 2, 0]))) == "regression"
    with pytest.raises(InputError, match="unknown metric"):
        choose_metric("f1", [rows], dataset(None, 4))


def test_agreement_needs_no_labels() -> None:
    ours, theirs = np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([[1.0, 2.0], [1.0, 2.0]])
    judged = scores(judge("agreement", [ours], dataset(None, 2), [theirs]))
    assert judged == {"same largest output": 0.5, "RMS difference": pytest.approx(np.sqrt(0.5))}


def test_a_function_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_metric_1.py").write_text(
        "def best(outputs, inputs, labels):\n"
        "    return {'mean': outputs[0].mean(), 'first': inputs['x'].flat[0], 'n': len(labels)}\n"
        "def bad(outputs, inputs, labels):\n    return 1 / 0\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    data = dataset(np.array([0, 1]))
    outputs = np.array([[1.0], [3.0]])
    judged = judge("own_metric_1:best", [outputs], data, [outputs])
    assert scores(judged) == {"mean": 2.0, "first": 0.0, "n": 2.0}
    with pytest.raises(InputError, match="own_metric_1:bad failed: ZeroDivisionError"):
        judge("own_metric_1:bad", [outputs], data, [outputs])
    with pytest.raises(InputError, match="no module:function"):
        judge("own_metric_1:none", [outputs], data, [outputs])


@pytest.mark.parametrize(
    ("metric", "labels", "says"),
    [
        ("classification", None, "needs labels"),
        ("classification", np.array([0, 3]), "from 0 to 2"),
        ("regression", np.array([1.0, 2.0]), "needs 3 labels a sample"),
        ("autoencoder", np.array([0, 0]), "samples of both"),
    ],
)
def test_labels_that_do_not_fit(metric: str, labels: AnyArray | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        judge(metric, [np.zeros((2, 3))], dataset(labels, 2), [np.zeros((2, 3))])


def test_autoencoders_give_back_what_they_take() -> None:
    with pytest.raises(InputError, match="takes 3 values and gives 2"):
        judge("autoencoder", [np.zeros((2, 2))], dataset(np.array([0, 1])), [np.zeros((2, 2))])
