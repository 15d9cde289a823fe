# SPDX-License-Identifier: Apache-2.0
"""An anomaly detector (autoencoder) on synthetic vibration: ``python -m examples.vibration``.

A motor turns at a speed that varies; its acceleration has harmonics of that speed and noise. The
network learns to give back the spectrum of a healthy motor; what it cannot give back is an anomaly.
It never sees one in training: the evaluation has imbalance, looseness and bearing faults.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.common import SEED, Budget, Task, run
from tinygen.ir.graph import AnyArray
from tinygen.quantization.tensorflow_extra import require
from tinygen.quantization.training import TrainingOptions

RATE = 2000
FRAME = 256
FRAMES = 8
BINS = 64


def vibration(fault: str, generator: np.random.Generator) -> AnyArray:
    """Acceleration over ``FRAMES`` frames."""
    times = np.arange(FRAME * FRAMES) / RATE
    speed = generator.uniform(20, 35)
    turns = 2 * np.pi * (speed * times + generator.uniform())
    signal = sum(
        generator.uniform(0.8, 1.2) / order * np.sin(order * turns + generator.uniform(0, 6))
        for order in (1, 2, 3, 5)
    )
    if fault == "imbalance":
        signal = signal + generator.uniform(1.2, 2.4) * np.sin(turns)
    if fault == "looseness":
        signal = signal + generator.uniform(0.2, 0.5) * np.sin(turns / 2) * (1 + np.sin(turns))
    if fault == "bearing":
        hits = np.sin(3.58 * turns) > 0.97
        ringing = np.exp(-np.arange(60) / 12) * np.sin(2 * np.pi * 620 / RATE * np.arange(60))
        signal = signal + generator.uniform(0.25, 0.6) * np.convolve(hits, ringing)[: len(times)]
    noisy: AnyArray = signal + generator.normal(0, 0.15, len(times))
    return noisy


def features(signal: AnyArray) -> AnyArray:
    """Logarithm of the power in 64 equal bands, averaged over the frames."""
    frames = signal.reshape(FRAMES, FRAME) * np.hanning(FRAME)
    power = (np.abs(np.fft.rfft(frames))[:, 1:] ** 2).mean(axis=0)
    bands: AnyArray = np.log10(power.reshape(BINS, -1).sum(axis=1) + 1e-3)
    return bands


def make_data(samples: int, seed: int, *, faults: bool) -> dict[str, AnyArray]:
    """``spectrum`` (samples, 64); half of them faulty if asked, which ``labels`` say then."""
    generator = np.random.default_rng(seed)
    kinds = np.array(["imbalance", "looseness", "bearing"])[generator.integers(0, 3, samples)]
    faulty = (np.arange(samples) % 2 == 1) & faults
    spectra = [
        features(vibration(kind if bad else "", generator))
        for kind, bad in zip(kinds, faulty, strict=True)
    ]
    return {"spectrum": np.stack(spectra), "labels": faulty.astype(np.int64)}


def build_network(keras: Any) -> Any:
    """64 → 32 → 6 → 32 → 64."""
    layers = keras.layers
    spectrum = x = layers.Input((BINS,), name="spectrum")
    for units in (32, 6, 32):
        x = layers.Dense(units, activation="relu")(x)
    return keras.Model(spectrum, layers.Dense(BINS, name="reconstruction")(x))


def make(budget: Budget) -> Task:
    """Train the float network on the healthy motor."""
    keras = require("keras", "the example")
    healthy = make_data(budget.of(3000, 800), SEED, faults=False)["spectrum"]
    network = build_network(keras)
    network.compile(keras.optimizers.Adam(2e-3), "mse")
    network.fit(healthy, healthy, epochs=budget.of(60, 20), batch_size=32, verbose=0)
    return Task(
        name="vibration",
        network=network,
        training={"spectrum": healthy, "labels": healthy.astype(np.float32)},
        evaluation=make_data(budget.of(600, 200), SEED + 1, faults=True),
        metric="autoencoder",
        options=TrainingOptions(epochs=budget.of(20, 3), patience=5, seed=SEED),
    )


if __name__ == "__main__":
    run(make, __doc__)
