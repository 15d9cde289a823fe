# SPDX-License-Identifier: Apache-2.0
"""The demo's data: real digits as the model takes them, and the share it classifies correctly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygen.errors import UnsupportedError
from tinygen.graph import DType, Quantization
from tinygen.tflite_reader import read_model

HERE = Path(__file__).resolve().parent
MODEL = HERE / "digits.tflite"
TEST_SET = HERE / "digits_test.npz"


def quantize(values: NDArray[Any], quantization: Quantization) -> NDArray[np.int8]:
    """Quantize real values to int8: ``round(value / scale) + zero point``, saturated.

    Only for per-tensor quantization, which is what TFLite gives every activation.
    """
    scaled = np.rint(values / quantization.scales[0]) + quantization.zero_points[0]
    quantized: NDArray[np.int8] = np.clip(scaled, -128, 127).astype(np.int8)
    return quantized


def load_test_set(
    model: Path = MODEL, test_set: Path = TEST_SET
) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    """Load the test images, quantized for a model, and their labels.

    Args:
        model: a .tflite file with one int8 input of shape (1, 8, 8, 1) that takes pixel values 0..16.
        test_set: ``images`` uint8 (N, 8, 8, 1) with values 0..16 and ``labels`` uint8 (N,).

    Returns:
        Inputs, int8 (N, 1, 8, 8, 1), so that ``inputs[i]`` is one input tensor; labels, uint8 (N,).

    Raises:
        InputError: the model cannot be read (also as ``ModelError``).
        UnsupportedError: the model's input is not quantized to int8.
    """
    main = read_model(model).main
    source = main.tensors[main.inputs[0]]
    if source.dtype is not DType.INT8 or source.quantization is None:
        raise UnsupportedError(
            f"The input {source.name!r} of {model} is not quantized to int8.",
            "Convert the model with inference_input_type = tf.int8, as train.py does.",
        )
    with np.load(test_set) as file:
        images, labels = file["images"], file["labels"]
    return quantize(images, source.quantization).reshape(-1, *source.shape), labels


def top1_accuracy(outputs: NDArray[Any], labels: NDArray[Any]) -> float:
    """Share of samples, 0..1, whose highest score is at the label; ties go to the lower class.

    Args:
        outputs: scores, (N, classes) or with further dimensions of size 1, raw or dequantized.
        labels: (N,) classes.
    """
    return float(np.mean(outputs.reshape(len(labels), -1).argmax(axis=1) == labels))
