# SPDX-License-Identifier: Apache-2.0
"""A network that post-training quantization spoils: ``python -m examples.outliers``.

Small, and with outlier channels: in each convolution two channels are 150 times as large as the others,
and the next convolution divides them by as much again. The float network computes the same as before,
but all channels of an activation share one int8 scale, which leaves the small ones a step or two. Such
channels come about by themselves where batch normalization is folded into depthwise convolutions
(Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019).
Quantization-aware training evens them out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.common import SEED, Budget, Task, run
from examples.digits.data import load_data
from tinygen.quantization.tensorflow_extra import require
from tinygen.quantization.training import TrainingOptions

OUTLIER = 150.0
OUTLIER_CHANNELS = 2
CHANNELS = 8


def build_network(keras: Any) -> Any:
    """Three convolutions and a classifier: (8, 8, 1) pixel values 0..16 → 10."""
    layers = keras.layers
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Rescaling(1 / 16)(image)
    x = layers.Conv2D(CHANNELS, 3, padding="same", activation="relu", name="first")(x)
    x = layers.Conv2D(CHANNELS, 3, 2, padding="same", activation="relu", name="second")(x)
    x = layers.Conv2D(16, 3, 2, padding="same", activation="relu", name="third")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))


def add_outliers(network: Any) -> None:
    """Make channels larger and the weights that read them smaller; ReLU lets the factor through."""
    factors = np.ones(CHANNELS, np.float32)
    factors[:OUTLIER_CHANNELS] = OUTLIER
    for writer, reader in (("first", "second"), ("second", "third")):
        kernel, bias = network.get_layer(writer).get_weights()
        network.get_layer(writer).set_weights([kernel * factors, bias * factors])
        kernel, bias = network.get_layer(reader).get_weights()
        network.get_layer(reader).set_weights([kernel / factors[:, None], bias])


def make(budget: Budget) -> Task:
    """Train the float network and spoil its scales."""
    keras = require("keras", "the example")
    data = load_data()
    images, labels = data.train_images.astype(np.float32), data.train_labels.astype(np.int64)
    network = build_network(keras)
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    network.fit(images, labels, epochs=budget.of(30, 20), batch_size=32, verbose=0)
    add_outliers(network)
    return Task(
        name="outliers",
        network=network,
        training={"image": images, "labels": labels},
        evaluation={"image": data.test_images, "labels": data.test_labels},
        metric="classification",
        options=TrainingOptions(epochs=budget.of(30, 15), patience=8, seed=SEED),
    )


if __name__ == "__main__":
    run(make, __doc__)
