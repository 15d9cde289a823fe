# SPDX-License-Identifier: Apache-2.0
"""What the examples share: a trained float network is quantized both ways, judged, and proved."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

import tinygen
from tinygen.errors import EXIT_DONE, EXIT_MISMATCH, TinygenError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.quantization.accuracy import Accuracy, judge
from tinygen.quantization.data import Dataset, dataset_of
from tinygen.quantization.inference import decoded, samples_of
from tinygen.quantization.source import FloatModel, float_model_of_keras
from tinygen.quantization.tensorflow_extra import make_repeatable, quiet, require
from tinygen.quantization.training import TrainingOptions
from tinygen.reporting.console import print_verdict, progress
from tinygen.tflite.reader import read_model_bytes

BOARD = "qemu-mps2-an386"
SEED = 1
CALIBRATION_SAMPLES = 200

Arrays = Mapping[str, AnyArray]


@dataclass(frozen=True)
class Budget:
    """How much work to do: all of it, or what a test can afford (``--quick``)."""

    quick: bool

    def of(self, full: int, quick: int) -> int:
        """One of the two."""
        return quick if self.quick else full


@dataclass(frozen=True, eq=False)
class Task:
    """A trained network and the data to judge it with.

    ``training`` and ``evaluation`` are arrays by input name, ``labels`` among them, as in a .npz;
    ``metric`` is one of ``tinygen.quantization.accuracy.METRICS``.
    """

    name: str
    network: Any
    training: Arrays
    evaluation: Arrays
    metric: str
    options: TrainingOptions


def run(make: Callable[[Budget], Task], description: str | None) -> None:
    """The command of an example: train, quantize both ways, print the table, verify on the M4."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a reduced budget, for tests")
    parser.add_argument("-o", "--output", type=Path, help="keep models and data in this folder")
    arguments = parser.parse_args()
    budget = Budget(arguments.quick)
    try:
        make_repeatable(SEED)
        begin = time.monotonic()
        with quiet():
            task = make(budget)
        parameters = task.network.count_params()
        click.echo(f"trained {parameters:,} parameters in {time.monotonic() - begin:.0f} s")
        if arguments.output:
            sys.exit(quantize_and_prove(task, budget, arguments.output))
        with tempfile.TemporaryDirectory(prefix="tinygen-") as folder:
            sys.exit(quantize_and_prove(task, budget, Path(folder)))
    except TinygenError as error:
        click.echo(f"Error: {error.message}\nHint: {error.hint}", err=True)
        sys.exit(error.exit_code)


def quantize_and_prove(task: Task, budget: Budget, folder: Path) -> int:
    """Quantize after and in training, write the files, judge and verify; gives the exit code."""
    model = float_model_of_keras(task.network, task.name)
    training = dataset_of(task.training, model.signature, "the training data")
    calibration = training.taken(slice(0, CALIBRATION_SAMPLES))
    evaluation = dataset_of(task.evaluation, model.signature, "the evaluation data")
    with progress() as tell:
        after = tinygen.quantize(model, calibration, progress=tell)
        during = tinygen.quantize(
            model, calibration, qat=True, train=training, progress=tell, **asdict(task.options)
        )
    files = {"float": model.tflite, "ptq": after.model, "qat": during.model}
    _keep(task, calibration, folder)
    for variant, content in files.items():
        (folder / f"{task.name}_{variant}.tflite").write_bytes(content)
    baseline = float_outputs(model, evaluation)
    judged = {
        variant: judge(task.metric, outputs, evaluation, baseline)
        for variant, outputs in (
            ("float", baseline),
            ("ptq", integer_outputs(after.model, evaluation)),
            ("qat", integer_outputs(during.model, evaluation)),
        )
    }
    history = during.training
    assert history is not None
    click.echo(
        f"quantization-aware training: {len(history.epochs) - 1} epochs on {history.loss}, "
        f"kept {history.best}"
    )
    click.echo(table(task.name, judged, files, evaluation.count))
    exact = [
        _verified(folder / f"{task.name}_{one}.tflite", evaluation, budget)
        for one in ("ptq", "qat")
    ]
    return EXIT_DONE if all(exact) else EXIT_MISMATCH


def _keep(task: Task, calibration: Dataset, folder: Path) -> None:
    """What ``tinygen quantize`` takes: the float network, and the data as .npz."""
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        task.network.save(folder / f"{task.name}.keras")
    arrays: dict[str, Mapping[str, Any]] = {
        "calibration": calibration.inputs,
        "training": task.training,
        "evaluation": task.evaluation,
    }
    for name, content in arrays.items():
        np.savez_compressed(folder / f"{name}.npz", **content)


def table(
    name: str, judged: Mapping[str, Accuracy], files: Mapping[str, bytes], samples: int
) -> str:
    """One line a variant: its scores on the evaluation data, and the bytes of its file."""
    scores = judged["float"].scores
    lines = [f"{name}, {samples} samples that training never saw:"]
    lines.append("".join(["       ", *(f"{one.name:>22}" for one in scores), f"{'bytes':>10}"]))
    for variant, accuracy in judged.items():
        shown = [
            f"{s.value:>22.2%}" if s.is_share else f"{s.value:>22.5f}" for s in accuracy.scores
        ]
        lines.append("".join([f"{variant:7}", *shown, f"{len(files[variant]):>10,}"]))
    return "\n".join(lines)


def float_outputs(model: FloatModel, data: Dataset) -> list[AnyArray]:
    """What the float .tflite computes, by LiteRT's reference kernels: each output, (samples, …)."""
    litert = require("ai_edge_litert.interpreter", "running the float model")
    with quiet():
        interpreter = litert.Interpreter(
            model_content=model.tflite,
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
        )
        interpreter.allocate_tensors()
    main = model.graph.main
    rows = []
    for sample in data.feeds():
        interpreter.reset_all_variables()
        for tensor, value in zip(main.inputs, sample, strict=True):
            interpreter.set_tensor(tensor, value)
        interpreter.invoke()
        rows.append([interpreter.get_tensor(tensor).copy() for tensor in main.outputs])
    return [np.stack(column) for column in zip(*rows, strict=True)]


def integer_outputs(tflite: bytes, data: Dataset) -> list[AnyArray]:
    """What the quantized model computes, by tinygen's reference, as real numbers."""
    network = lower(rewrite(read_model_bytes(tflite, "the quantized model")))
    rows = [reference.outputs(network, sample) for sample in samples_of(network, data)]
    tensors = [network.tensors[index] for index in network.outputs]
    return [
        decoded(tensor, np.stack(column))
        for tensor, column in zip(tensors, zip(*rows, strict=True), strict=True)
    ]


def _verified(path: Path, evaluation: Dataset, budget: Budget) -> bool:
    """Whether the C gives the reference's bits on the emulated Cortex-M4."""
    compilation = tinygen.compile(path, board=BOARD)
    chosen = evaluation.taken(slice(0, budget.of(10, 2)))
    samples = np.stack([sample for (sample,) in samples_of(compilation.network, chosen)])
    with progress() as tell:
        verdict = tinygen.verify(compilation, samples, on=BOARD, progress=tell)
    print_verdict(verdict.to_dict())
    return verdict.bit_exact
