# SPDX-License-Identifier: Apache-2.0
"""A keyword-spotting network (DS-CNN) on synthesized tones: ``python -m examples.keywords``.

Eight "words" are melodies of two or three tones or glides, each sung at another pitch, speed,
loudness and place in the second, in noise. The features are those of a speech front end: the logarithm
of the power in mel bands, 49 frames of 20.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.common import SEED, Budget, Task, run
from tinygen.ir.graph import AnyArray
from tinygen.quantization.folders import log_mel, parse_preprocessing
from tinygen.quantization.tensorflow_extra import require
from tinygen.quantization.training import TrainingOptions

RATE = 8000
FEATURES = parse_preprocessing("rate=8000,seconds=1,features=log-mel,bins=20")
WORDS = (
    ((1.0, 1.0), (1.5, 1.5)),
    ((1.5, 1.5), (1.0, 1.0)),
    ((1.0, 1.5),),
    ((1.5, 1.0),),
    ((1.0, 1.5), (1.5, 1.0)),
    ((1.5, 1.0), (1.0, 1.5)),
    ((1.0, 1.0), (1.5, 1.5), (1.0, 1.0)),
    ((1.0, 1.0), (1.0, 1.0), (1.5, 1.5)),
)
"""Each a series of glides, from and to a multiple of the speaker's pitch."""


def sound(word: int, generator: np.random.Generator) -> AnyArray:
    """One second of a word, -1 to 1."""
    pitch = generator.uniform(300, 900)
    length = int(RATE * generator.uniform(0.4, 0.75))
    parts = WORDS[word]
    times = np.arange(length) / length * len(parts)
    part = np.minimum(times.astype(int), len(parts) - 1)
    low, high = np.array(parts).T
    frequency = pitch * (low[part] + (high - low)[part] * (times - part))
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    gaps = np.clip(8 * np.minimum(times - part, 1 - (times - part)), 0, 1)
    voice = (np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase)) * gaps
    second = generator.normal(0, generator.uniform(0.05, 0.3), RATE)
    start = generator.integers(0, RATE - length)
    second[start : start + length] += generator.uniform(0.2, 1.0) * voice
    return second / 4


def make_data(samples: int, seed: int) -> dict[str, AnyArray]:
    """Features (samples, 49, 20, 1) of about unit variance, and the words' numbers."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(WORDS), samples)
    features = [log_mel(sound(word, generator), RATE, FEATURES) for word in labels]
    return {"features": (np.stack(features)[..., None] + 1.0) / 2.5, "labels": labels}


def build_network(keras: Any) -> Any:
    """MLPerf Tiny's keyword network, with a quarter of its channels: (49, 20, 1) → 8."""
    layers = keras.layers
    features = layers.Input((49, 20, 1), name="features")

    def normalized(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    x = layers.Conv2D(16, (10, 4), strides=2, padding="same", use_bias=False)(features)
    x = normalized(x)
    for _ in range(3):
        x = normalized(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        x = normalized(layers.Conv2D(16, 1, use_bias=False)(x))
    x = layers.Flatten()(layers.AveragePooling2D((25, 10))(x))
    return keras.Model(features, layers.Dense(len(WORDS), activation="softmax")(x))


def make(budget: Budget) -> Task:
    """Train the float network."""
    keras = require("keras", "the example")
    training = make_data(budget.of(3000, 1000), SEED)
    network = build_network(keras)
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    network.fit(
        training["features"], training["labels"], epochs=budget.of(12, 8), batch_size=32, verbose=0
    )
    return Task(
        name="keywords",
        network=network,
        training=training,
        evaluation=make_data(budget.of(500, 100), SEED + 1),
        metric="classification",
        options=TrainingOptions(epochs=budget.of(8, 2), patience=3, seed=SEED),
    )


if __name__ == "__main__":
    run(make, __doc__)
