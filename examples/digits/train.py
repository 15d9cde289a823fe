# SPDX-License-Identifier: Apache-2.0
"""Train a small int8 digit classifier on real data: makes ``digits.tflite`` and ``digits_test.npz``.

The data is scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set:
1,797 grey images of 8×8 pixels with the values 0..16, shipped inside the package, so nothing is
downloaded. A float network is trained on four fifths of it and then quantized after training to
full int8 (int8 input and output, one weight scale an output channel).

Run with ``python examples/digits/train.py`` after ``pip install 'tinygen[quantize]' ai-edge-litert``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back what TensorFlow writes to stdout and stderr; show it if the block fails.

    Its C++ side writes notes before any log level can be set, hence the file descriptors.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as log, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
            if failed:
                log.seek(0)
                os.write(2, log.read())


# TensorFlow reads these once, when it is imported: errors only, no GPU probe, and the oneDNN paths
# off because their summation order differs between machines.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
with quiet():
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from tensorflow import keras

HERE = Path(__file__).resolve().parent
SEED = 1
TEST_IMAGES = 360
CALIBRATION_IMAGES = 200
EPOCHS = 60
BATCH = 32

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


class Digits(NamedTuple):
    """The data, split. Images are (N, 8, 8, 1) with values 0..16; labels are (N,) with 0..9."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def load_data() -> Digits:
    """Load the digits and set ``TEST_IMAGES`` of them aside, with the classes in equal proportion."""
    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[..., np.newaxis]
    labels = bunch.target.astype(np.uint8)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=TEST_IMAGES, random_state=SEED, stratify=labels
    )
    return Digits(train_images, train_labels, test_images, test_labels)


def build_network() -> keras.Model:
    """Build the untrained float network: (8, 8, 1) pixel values 0..16 → 10 class probabilities.

    Small on purpose, yet with the operators that image models on microcontrollers are made of:
    a full convolution, a depthwise-separable block inside a residual, another one that widens, both
    poolings, a fully connected layer and softmax. The converter folds each batch normalization into
    the convolution before it; the first one is also what scales the raw pixel values.
    """
    layers = keras.layers

    def separable(x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
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


def train(network: keras.Model, data: Digits) -> None:
    """Train in place for a fixed number of epochs, so that the test images decide nothing."""
    steps = EPOCHS * -(-len(data.train_images) // BATCH)
    network.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    network.fit(
        data.train_images.astype(np.float32),
        data.train_labels,
        batch_size=BATCH,
        epochs=EPOCHS,
        verbose=0,
    )


def quantize(network: keras.Model, calibration: Images) -> bytes:
    """Convert the float network to a full-integer TFLite flatbuffer.

    Args:
        network: the trained network.
        calibration: (N, 8, 8, 1) training images from which the ranges of the activations are taken.

    Returns:
        The file's bytes. The input has a fixed batch size of 1: with an open one the converter adds
        SHAPE, STRIDED_SLICE and PACK operators to compute shapes that are known here.
    """
    image = keras.Input(batch_shape=(1, 8, 8, 1), name="image")
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(image, network(image)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [image[np.newaxis].astype(np.float32)] for image in calibration
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with quiet():
        return bytes(converter.convert())


def int8_accuracy(model: bytes, images: Images, labels: Labels) -> float:
    """Share of the images the quantized model classifies correctly, by LiteRT's reference kernels."""
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = source["quantization"]
    quantized = np.clip(np.round(images / scale) + zero_point, -128, 127).astype(np.int8)
    correct = 0
    for image, label in zip(quantized, labels, strict=True):
        interpreter.set_tensor(source["index"], image[np.newaxis])
        interpreter.invoke()
        correct += int(interpreter.get_tensor(result["index"]).argmax() == label)
    return correct / len(labels)


def main() -> None:
    """Train, quantize, measure, write the two files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=HERE, help="folder to write to")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    data = load_data()
    network = build_network()
    begin = time.monotonic()
    train(network, data)
    print(f"trained {network.count_params():,} parameters in {time.monotonic() - begin:.0f} s")

    model = quantize(network, data.train_images[:CALIBRATION_IMAGES])
    predicted = network.predict(data.test_images.astype(np.float32), verbose=0).argmax(axis=1)
    print(f"float accuracy {np.mean(predicted == data.test_labels):.2%} of {TEST_IMAGES} images")
    print(f"int8 accuracy  {int8_accuracy(model, data.test_images, data.test_labels):.2%}")

    (output / "digits.tflite").write_bytes(model)
    np.savez_compressed(
        output / "digits_test.npz", images=data.test_images, labels=data.test_labels
    )
    for name in ("digits.tflite", "digits_test.npz"):
        print(f"{output / name}: {(output / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
