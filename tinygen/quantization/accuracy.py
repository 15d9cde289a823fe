# SPDX-License-Identifier: Apache-2.0
"""How good a model's outputs are: classification, regression, anomaly detection, or the user's own.

A metric turns the outputs of all samples into scores. ``auto`` looks at the labels and at the shapes.
Without labels, what can be said is how far a model agrees with the one it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray
from tinygen.quantization.data import Dataset, user_function

METRICS = ("classification", "regression", "autoencoder", "agreement")
"""Names of the metrics; another one is given as ``module:function``."""

_TOP_K = 5
_MOST_CONFUSED = 40
"""Classes up to which a confusion matrix is kept."""


@dataclass(frozen=True)
class Score:
    """One figure of merit.

    ``is_share`` says that it is between 0 and 1, ``in_percent`` that it is written so;
    ``higher_is_better`` which way is good.
    """

    name: str
    value: float
    is_share: bool = False
    higher_is_better: bool = True
    in_percent: bool = False


def _percent(name: str, value: float) -> Score:
    return Score(name, value, is_share=True, in_percent=True)


@dataclass(frozen=True)
class Accuracy:
    """What a metric says; the first score is the one that counts.

    ``confusion[label][predicted]`` are numbers of samples; empty for other metrics than
    classification, or for very many classes.
    """

    metric: str
    scores: tuple[Score, ...]
    confusion: tuple[tuple[int, ...], ...] = ()


def choose_metric(metric: str, outputs: Sequence[AnyArray], data: Dataset) -> str:
    """``auto`` resolved: what the labels and the first output (samples, …) are for."""
    if metric != "auto":
        if metric not in METRICS and ":" not in metric:
            raise InputError(
                f"unknown metric {metric!r}", f"Known are {', '.join(METRICS)}, module:function."
            )
        return metric
    if data.labels is None:
        return "agreement"
    result = outputs[0].reshape(data.count, -1)
    inputs = [values.size // data.count for values in data.inputs.values()]
    whole = data.labels.dtype.kind in "iub" and data.labels.size == data.count
    if whole and inputs == [result.shape[1]] and set(np.unique(data.labels)) <= {0, 1}:
        return "autoencoder"
    return "classification" if whole else "regression"


def judge(
    metric: str, outputs: Sequence[AnyArray], data: Dataset, baseline: Sequence[AnyArray]
) -> Accuracy:
    """The scores of a model by a metric that ``choose_metric`` gave.

    ``outputs`` are real values of each output, (samples, …); ``baseline`` those of the model that this
    one was made from, for ``agreement``.

    Raises:
        InputError: labels are missing or of the wrong shape, or the user's function failed.
    """
    if ":" in metric:
        return _own(metric, outputs, data)
    scored = {
        "classification": _classification,
        "regression": _regression,
        "autoencoder": _autoencoder,
    }
    if metric == "agreement":
        return _agreement(outputs, baseline)
    return scored[metric](outputs[0].reshape(data.count, -1), data)


def _labels(data: Dataset, metric: str) -> AnyArray:
    if data.labels is None:
        raise InputError(
            f"{data.source}: the metric {metric} needs labels.",
            "Put an array `labels` beside the inputs, or leave --metric out.",
        )
    return data.labels


def _classification(outputs: AnyArray, data: Dataset) -> Accuracy:
    labels = _labels(data, "classification").reshape(-1)
    classes = max(outputs.shape[1], 2)
    if labels.size != data.count or labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{data.source}: classification needs one label a sample, from 0 to {classes - 1}."
        )
    labels = labels.astype(np.int64)
    if outputs.shape[1] == 1:
        # One output is the probability of class 1.
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    # Stable: of equal scores the lower class comes first, as argmax has it.
    ranking = np.argsort(-outputs, axis=1, kind="stable")
    hits = ranking == labels[:, None]
    scores = [_percent("top-1 accuracy", float(hits[:, 0].mean()))]
    if classes > 2:
        k = min(_TOP_K, classes - 1)
        scores.append(_percent(f"top-{k} accuracy", float(hits[:, :k].any(axis=1).mean())))
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (labels, ranking[:, 0]), 1)
    kept = confusion.tolist() if classes <= _MOST_CONFUSED else []
    return Accuracy("classification", tuple(scores), tuple(tuple(row) for row in kept))


def _regression(outputs: AnyArray, data: Dataset) -> Accuracy:
    labels = _labels(data, "regression").reshape(data.count, -1).astype(np.float64)
    if labels.shape != outputs.shape:
        raise InputError(
            f"{data.source}: regression needs {outputs.shape[1]} labels a sample, not "
            f"{labels.shape[1]}."
        )
    errors = outputs - labels
    spread = float(((labels - labels.mean(axis=0)) ** 2).sum())
    scores = [
        Score("RMS error", float(np.sqrt((errors**2).mean())), higher_is_better=False),
        Score("mean absolute error", float(np.abs(errors).mean()), higher_is_better=False),
    ]
    if spread > 0:
        scores.append(Score("R²", 1 - float((errors**2).sum()) / spread))
    return Accuracy("regression", tuple(scores))


def _autoencoder(outputs: AnyArray, data: Dataset) -> Accuracy:
    inputs = next(iter(data.inputs.values())).reshape(data.count, -1)
    if inputs.shape != outputs.shape:
        raise InputError(
            f"{data.source}: an autoencoder gives back its input, but this model takes "
            f"{inputs.shape[1]} values and gives {outputs.shape[1]}."
        )
    errors = ((outputs - inputs) ** 2).mean(axis=1)
    reconstruction = Score("reconstruction error", float(errors.mean()), higher_is_better=False)
    if data.labels is None:
        return Accuracy("autoencoder", (reconstruction,))
    anomalous = data.labels.reshape(-1) != 0
    if anomalous.size != data.count or anomalous.all() or not anomalous.any():
        raise InputError(
            f"{data.source}: the AUC needs one label a sample, 0 for normal and 1 for anomalous, and "
            "samples of both."
        )
    area = Score("AUC", area_under_curve(errors, anomalous), is_share=True)
    return Accuracy("autoencoder", (area, reconstruction))


def area_under_curve(scores: AnyArray, positive: AnyArray) -> float:
    """Area under the receiver operating characteristic: the chance that a positive scores higher.

    Mann-Whitney's statistic; a tie counts half.
    """
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    positives = int(positive.sum())
    negatives = positive.size - positives
    above = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _agreement(outputs: Sequence[AnyArray], baseline: Sequence[AnyArray]) -> Accuracy:
    """How close the outputs are to the baseline's."""
    ours, theirs = (values[0].reshape(len(values[0]), -1) for values in (outputs, baseline))
    scores = []
    if ours.shape[1] > 1:
        same = ours.argmax(axis=1) == theirs.argmax(axis=1)
        scores.append(_percent("same largest output", float(same.mean())))
    error = float(np.sqrt(((ours - theirs) ** 2).mean()))
    scores.append(Score("RMS difference", error, higher_is_better=False))
    return Accuracy("agreement", tuple(scores))


def _own(metric: str, outputs: Sequence[AnyArray], data: Dataset) -> Accuracy:
    """``function(outputs, inputs, labels)`` of the user's: a number, or numbers by name."""
    function = user_function(metric, f"the metric {metric} is no module:function")
    try:
        result: Mapping[str, Any] | Any = function(list(outputs), dict(data.inputs), data.labels)
        named = result if isinstance(result, Mapping) else {metric.partition(":")[2]: result}
        scores = tuple(Score(str(name), float(value)) for name, value in named.items())
    except Exception as error:
        raise InputError(f"the metric {metric} failed: {type(error).__name__}: {error}.") from error
    if not scores:
        raise InputError(f"the metric {metric} returned no score.")
    return Accuracy(metric, scores)
