# SPDX-License-Identifier: Apache-2.0
"""Train a small int8 digit classifier on real data: makes ``digits.tflite`` and ``digits_test.npz``.

A float network is trained on four fifths of the digits (``data``) and then quantized after training to
full int8 (int8 input and output, one weight scale an output channel).

Run with ``python -m examples.digits.train`` after ``pip install '.[quantize]'``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from examples.digits.data import SEED, TEST_IMAGES, Digits, load_data
from tinygen.quantization.convert import quantize
from tinygen.quantization.data import dataset_of
from tinygen.quantization.source import float_model_of_keras
from tinygen.quantization.tensorflow_extra import make_repeatable, quiet, require

HERE = Path(__file__).resolve().parent
CALIBRATION_IMAGES = 200
EPOCHS = 60
BATCH = 32


def build_network(keras: Any) -> Any:
    """Build the untrained float network: (8, 8, 1) pixel values 0..16 → 10 class probabilities.

    Small on purpose, yet with the operators that image models on microcontrollers are made of:
    a full convolution, a depthwise-separable block inside a residual, another one that widens, both
    poolings, a fully connected layer and softmax. The converter folds each batch normalization into
    the convolution before it; the first one is also what scales the raw pixel values.
    """
    layers = keras.layers

    def separable(x: Any, channels: int, name: str) -> Any:
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
        x = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization()(x))
        x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_pointwise")(x)
        return layers.BatchNormalization()(x)

    image = layers.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization()(x))
    x = layers.Add(name="residual")([x, separable(x, 16, "block1")])
    x = layers.MaxPooling2D(2, name="max_pool")(layers.ReLU(name="residual_relu")(x))
    x = layers.ReLU(name="block2_out")(separable(x, 32, "block2"))
    x = layers.AveragePooling2D(2, name="average_pool")(x)
    x = layers.Dropout(0.2)(layers.Flatten(name="flatten")(x))
    probabilities = layers.Dense(10, activation="softmax", name="classes")(x)
    return keras.Model(image, probabilities, name="digits")


def train(keras: Any, network: Any, data: Digits, epochs: int) -> None:
    """Train in place for a fixed number of epochs, so that the test images decide nothing."""
    steps = epochs * -(-len(data.train_images) // BATCH)
    network.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    network.fit(
        data.train_images.astype(np.float32),
        data.train_labels,
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
    )


def main() -> None:
    """Train, quantize, write the two files. ``python -m examples.digits`` also judges and proves."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=HERE, help="folder to write to")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)

    make_repeatable(SEED)
    keras = require("keras", "the example")
    data = load_data()
    begin = time.monotonic()
    network = build_network(keras)
    with quiet():
        train(keras, network, data, EPOCHS)
    print(f"trained {network.count_params():,} parameters in {time.monotonic() - begin:.0f} s")
    model = float_model_of_keras(network, "digits")
    calibration = dataset_of(
        data.train_images[:CALIBRATION_IMAGES], model.signature, "the training images"
    )
    (output / "digits.tflite").write_bytes(quantize(model, calibration).model)
    np.savez_compressed(
        output / "digits_test.npz", images=data.test_images, labels=data.test_labels
    )
    print(f"{TEST_IMAGES} test images")
    for name in ("digits.tflite", "digits_test.npz"):
        print(f"{output / name}: {(output / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
