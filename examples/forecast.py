# SPDX-License-Identifier: Apache-2.0
"""An LSTM that forecasts a time series: ``python -m examples.forecast``.

The series is the load of a grid, an hour a step: a day's and a week's rhythm, a slow drift, weather as
an autoregressive process, and noise. From 24 hours of load and the hour of the day the network tells
the next hour's load.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.common import SEED, Budget, Task, run
from tinygen.ir.graph import AnyArray
from tinygen.quantization.tensorflow_extra import require
from tinygen.quantization.training import TrainingOptions

WINDOW = 24


def load_series(hours: int, seed: int) -> AnyArray:
    """About zero mean and unit variance."""
    generator = np.random.default_rng(seed)
    time = np.arange(hours)
    weather = np.zeros(hours)
    shocks = generator.normal(0, 0.12, hours)
    for hour in range(1, hours):
        weather[hour] = 0.95 * weather[hour - 1] + shocks[hour]
    day = np.sin(2 * np.pi * time / 24) + 0.4 * np.sin(4 * np.pi * time / 24 + 1)
    week = 0.5 * (time // 24 % 7 >= 5)
    drift = 0.3 * np.sin(2 * np.pi * time / 2000)
    series: AnyArray = day - week + drift + weather + generator.normal(0, 0.05, hours)
    return series


def make_data(hours: int, seed: int) -> dict[str, AnyArray]:
    """``window`` (samples, 24, 3): load, and sine and cosine of the hour; ``labels``: the next load."""
    series = load_series(hours, seed)
    angle = 2 * np.pi * np.arange(hours) / 24
    columns = np.stack([series, np.sin(angle), np.cos(angle)], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(columns, WINDOW, axis=0)[:-1]
    return {
        "window": windows.transpose(0, 2, 1).astype(np.float32),
        "labels": series[WINDOW:, None].astype(np.float32),
    }


def build_network(keras: Any) -> Any:
    """An LSTM of 16 units and a dense layer: (24, 3) → 1."""
    layers = keras.layers
    window = layers.Input((WINDOW, 3), name="window")
    return keras.Model(window, layers.Dense(1, name="load")(layers.LSTM(16)(window)))


def make(budget: Budget) -> Task:
    """Train the float network. Only tf-keras's LSTM is converted to TensorFlow Lite's one operator."""
    keras = require("tf_keras", "the example")
    training = make_data(budget.of(4000, 1000), SEED)
    network = build_network(keras)
    network.compile(keras.optimizers.Adam(5e-3), "mse")
    network.fit(
        training["window"], training["labels"], epochs=budget.of(20, 6), batch_size=64, verbose=0
    )
    order = np.random.default_rng(SEED).permutation(len(training["labels"]))
    return Task(
        name="forecast",
        network=network,
        training={name: array[order] for name, array in training.items()},
        evaluation=make_data(budget.of(524, 174), SEED + 1),
        metric="regression",
        options=TrainingOptions(epochs=budget.of(8, 2), patience=3, seed=SEED),
    )


if __name__ == "__main__":
    run(make, __doc__)
