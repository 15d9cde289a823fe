# SPDX-License-Identifier: Apache-2.0
"""Handwritten digits, quantized after and in training, and proved: ``python -m examples.digits``."""

from __future__ import annotations

import numpy as np

from examples.common import SEED, Budget, Task, run
from examples.digits.data import load_data
from examples.digits.train import EPOCHS, build_network, train
from tinygen.quantization.tensorflow_extra import require
from tinygen.quantization.training import TrainingOptions


def make(budget: Budget) -> Task:
    """Train the network of ``train``."""
    keras = require("keras", "the example")
    data = load_data()
    network = build_network(keras)
    train(keras, network, data, budget.of(EPOCHS, 6))
    return Task(
        name="digits",
        network=network,
        training={
            "image": data.train_images,
            "labels": data.train_labels.astype(np.int64),
        },
        evaluation={"image": data.test_images, "labels": data.test_labels.astype(np.int64)},
        metric="classification",
        options=TrainingOptions(epochs=budget.of(10, 2), patience=3, seed=SEED),
    )


if __name__ == "__main__":
    run(make, __doc__)
