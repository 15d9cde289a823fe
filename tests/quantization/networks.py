# SPDX-License-Identifier: Apache-2.0
"""Small Keras networks with random weights, and data for them."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.quantization.data import Dataset, ModelSignature, dataset_of
from tinygen.quantization.tensorflow_extra import make_repeatable, require
from tinygen.tflite.reader import read_model_bytes

SEED = 3
CLASSES = 5


def skip_without_tensorflow() -> None:
    """Skips the test where the extra is not installed; imports nothing, as tinygen must do that."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("the quantize extra is not installed")


def keras() -> Any:
    """Keras 3, seeded; skips where TensorFlow is not installed."""
    skip_without_tensorflow()
    make_repeatable(SEED)
    return require("keras", "tests")


def image_network(library: Any, activation: str | None = "softmax") -> Any:
    """A convolution, a depthwise block in a residual, pooling, a classifier: (8, 8, 3) → 5."""
    layers = library.layers
    image = layers.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.ReLU()(layers.Add()([x, layers.Conv2D(8, 1)(y)]))
    x = layers.Flatten()(layers.AveragePooling2D(2)(layers.MaxPooling2D(2)(x)))
    return library.Model(image, layers.Dense(CLASSES, activation=activation, name="classes")(x))


def sequence_network(library: Any) -> Any:
    """An LSTM and a dense layer: (6, 3) → 1."""
    layers = library.layers
    window = layers.Input((6, 3), name="window")
    return library.Model(window, layers.Dense(1)(layers.LSTM(7)(window)))


def random_data(signature: ModelSignature, count: int = 100, labels: Any = None) -> Dataset:
    """Normally distributed samples."""
    generator = np.random.default_rng(SEED)
    arrays: dict[str, Any] = {
        one.name: generator.normal(size=(count, *one.shape[1:])) for one in signature.inputs
    }
    if labels is not None:
        arrays["labels"] = labels
    return dataset_of(arrays, signature, "random.npz")


def integer_outputs(tflite: bytes, data: Dataset) -> tuple[AnyArray, float]:
    """What tinygen's reference computes, as real numbers, and the step of the output's scale."""
    network = lower(rewrite(read_model_bytes(tflite, "quantized")))
    (source,), (result,) = network.inputs, network.outputs
    taken, given = network.tensors[source].quantization, network.tensors[result].quantization
    assert taken is not None
    assert given is not None
    outputs = []
    for (sample,) in data.feeds():
        steps = np.rint(sample / taken.scales[0]) + taken.zero_points[0]
        outputs += reference.outputs(network, [np.clip(steps, -128, 127).astype(np.int8)])
    step = given.scales[0]
    return (np.stack(outputs).astype(np.float64) - given.zero_points[0]) * step, step
