# SPDX-License-Identifier: Apache-2.0
"""What ``make demo`` runs: real digits on an emulated Cortex-M4, and the bit-for-bit verdict.

The model is compiled to C, built, run in QEMU on 100 images that the training never saw, and its
outputs are compared with the NumPy reference.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import tinygen
from tinygen.errors import EXIT_DONE, EXIT_MISMATCH, TinygenError, UnsupportedError
from tinygen.ir import reference
from tinygen.ir.graph import DType, Quantization
from tinygen.reporting.console import print_analysis, print_verdict, progress
from tinygen.tflite.reader import read_model

HERE = Path(__file__).resolve().parent
MODEL = HERE / "digits.tflite"
TEST_SET = HERE / "digits_test.npz"
BOARD = "qemu-mps2-an386"
IMAGES = 100

NEXT_STEPS = """
Now your own model (int8, from TensorFlow's converter):
  .venv/bin/tinygen analyze  my.tflite                  what it needs: RAM, flash, MACs, layer by layer
  .venv/bin/tinygen verify   my.tflite --board {board}  prove it on an emulated Cortex-M4
  .venv/bin/tinygen generate my.tflite -o my_model      the C files for your firmware
Other boards: .venv/bin/tinygen boards; what this machine lacks: .venv/bin/tinygen doctor"""


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


def main() -> int:
    """Compile, run and judge; returns the process's exit code."""
    compilation = tinygen.compile(MODEL, board=BOARD)
    print_analysis(tinygen.analyze(compilation).to_dict())
    images, labels = load_test_set()
    samples = images[:IMAGES]
    with progress() as tell:
        verdict = tinygen.verify(compilation, samples, on=BOARD, progress=tell)
    expected = [reference.outputs(compilation.network, [sample])[0] for sample in samples]
    got = [outputs[0] for outputs in verdict.outputs]
    click.echo(f"\n{IMAGES} handwritten digits on the Cortex-M4 of {BOARD}:")
    click.echo(f"accuracy on the target  {top1_accuracy(np.stack(got), labels[:IMAGES]):.1%}")
    click.echo(f"accuracy, reference     {top1_accuracy(np.stack(expected), labels[:IMAGES]):.1%}")
    print_verdict(verdict.to_dict())
    click.echo(NEXT_STEPS.format(board=BOARD))
    return EXIT_DONE if verdict.bit_exact else EXIT_MISMATCH


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TinygenError as error:
        click.echo(f"Error: {error.message}\nHint: {error.hint}", err=True)
        sys.exit(error.exit_code)
