# SPDX-License-Identifier: Apache-2.0
"""A float model and what was made of it, side by side: accuracy, noise, size, time, memory, energy.

Everything here is measured: accuracy by the reference and by the generated C (which must agree), cost
by building each variant and running it on emulated boards. Only energy is an estimate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinygen.c_syntax import identifier
from tinygen.compilation import Compilation, compile_model
from tinygen.emit import write_text
from tinygen.errors import InputError
from tinygen.hardware.boards import Board, board
from tinygen.hardware.cores import HOST, core
from tinygen.ir.custom import CustomOperator
from tinygen.ir.data import Result
from tinygen.ir.network import Network
from tinygen.ir.progress import Progress, silent
from tinygen.planning.options import Options
from tinygen.quantization.accuracy import Accuracy, choose_metric, judge
from tinygen.quantization.advice import UNLABELLED, overall_advice
from tinygen.quantization.cost import BoardCost, Traffic, cost_on, traffic
from tinygen.quantization.data import Dataset, ModelSignature, signature_of
from tinygen.quantization.inference import Inferences, infer, samples_of
from tinygen.quantization.sqnr import Noise, measure_noise
from tinygen.reporting.comparison_table import print_comparison
from tinygen.reporting.console import in_html
from tinygen.reporting.quantization_page import quantization_page
from tinygen.tflite.reader import read_model, read_model_bytes

BOARDS = ("qemu-mps2-an386", "qemu-mps3-an547", "qemu-mps2-an385")
"""Emulated boards that variants are measured on: M4 with FPU, M55, M3 without FPU."""

TRAINED = "qat"
"""Name of the variant that was trained with quantization in the loop."""

NOISE_SAMPLES = 32
"""Samples that the layers are compared on; all are used for accuracy."""


@dataclass(frozen=True)
class Variant:
    """One model of the comparison: ``float``, ``ptq``, ``qat``, or as the caller named it.

    ``types`` are those of its first input and output, ``macs`` those of one inference. The accuracies
    are by the reference and by the generated C on this machine; of the ``compared`` output elements
    ``differing`` ones differ, 0 unless tinygen is wrong. ``noise`` is against the float model and
    ``advice`` one sentence; the float model itself has neither.
    """

    name: str
    types: str
    file_bytes: int
    macs: int
    accuracy: Accuracy
    compiled_accuracy: Accuracy
    compared: int
    differing: int
    traffic: Traffic
    costs: tuple[BoardCost, ...]
    noise: Noise | None
    advice: str


@dataclass(frozen=True)
class Comparison(Result):
    """The first variant is the float one, which the others are compared with."""

    derived = ("agrees",)

    title: str
    data: str
    samples: int
    metric: str
    variants: tuple[Variant, ...]

    @property
    def agrees(self) -> bool:
        """Whether the generated C gave the reference's bytes everywhere, emulated runs included."""
        return all(
            variant.differing == 0
            and variant.accuracy == variant.compiled_accuracy
            and all(cost.bit_exact is not False for cost in variant.costs)
            for variant in self.variants
        )

    def to_dict(self) -> dict[str, Any]:
        """With ``ratios``: how many times less each variant takes than the float model."""
        data = super().to_dict()
        first = self.variants[0]
        for variant, entry in zip(self.variants, data["variants"], strict=True):
            entry["trained"] = variant.name == TRAINED
            entry["ratios"] = {
                "file": first.file_bytes / variant.file_bytes,
                "boards": {
                    ours.board: _ratios(theirs, ours)
                    for theirs, ours in zip(first.costs, variant.costs, strict=True)
                },
            }
        return data

    def write(self, directory: Path | str) -> Path:
        """Write the page, and its data as JSON beside it; gives the page."""
        data = self.to_dict()
        page = Path(directory) / "comparison.html"
        write_text(page, quantization_page(data))
        write_text(page.with_suffix(".json"), json.dumps(data, indent=1) + "\n")
        return page

    def _repr_html_(self) -> str:
        return in_html(print_comparison, self.to_dict())


def compare(
    variants: Mapping[str, bytes],
    evaluation: Dataset,
    work_directory: Path,
    *,
    title: str = "model",
    metric: str = "auto",
    boards: Sequence[Board] | None = None,
    custom: Sequence[CustomOperator] = (),
    progress: Progress = silent,
) -> Comparison:
    """Compare .tflite files' contents by name; the first one is what the others were made from.

    ``evaluation`` has labels for most metrics, and samples that calibration and training never saw.
    Files and build products go below ``work_directory``; ``boards`` are emulated, ``BOARDS`` if None.

    Raises:
        InputError: the data does not fit a variant or the metric.
        UnsupportedError: a variant cannot be compiled.
    """
    if len(variants) < 2:
        raise InputError("there is nothing to compare: give the float model and a quantized one.")
    compilations: dict[str, Compilation] = {}
    inferences: dict[str, Inferences] = {}
    files = {}
    options = {name: Options(identifier(name), custom=tuple(custom)) for name in variants}
    for name, content in variants.items():
        files[name] = work_directory / f"{name}.tflite"
        work_directory.mkdir(parents=True, exist_ok=True)
        files[name].write_bytes(content)
        compilations[name] = compile_model(files[name], replace(options[name], core=core(HOST)))
        samples = samples_of(compilations[name].network, evaluation)
        inferences[name] = infer(
            compilations[name], samples, work_directory / f"{name}-host", progress
        )
    first = next(iter(variants))
    chosen = choose_metric(metric, inferences[first].outputs, evaluation)
    places = [board(place) for place in BOARDS] if boards is None else list(boards)
    judged = {
        name: _judged(chosen, ran, evaluation, inferences[first])
        for name, ran in inferences.items()
    }
    result = []
    for name, content in variants.items():
        network = compilations[name].network
        costs = tuple(
            cost_on(
                files[name], options[name], place, work_directory / f"{name}-{place.name}", progress
            )
            for place in places
        )
        noise = None
        if name != first:
            some = evaluation.taken(slice(0, NOISE_SAMPLES))
            noise = measure_noise(
                compilations[first].network, network, some, progress, trained=name == TRAINED
            )
        accuracy, compiled = judged[name]
        result.append(
            Variant(
                name=name,
                types=_types(network),
                file_bytes=len(content),
                macs=network.macs,
                accuracy=accuracy,
                compiled_accuracy=compiled,
                compared=inferences[name].compared,
                differing=inferences[name].differing,
                traffic=traffic(compilations[name].plan),
                costs=costs,
                noise=noise,
                advice="" if name == first else _advice(name, chosen, judged[first][0], accuracy),
            )
        )
    return Comparison(title, evaluation.source, evaluation.count, chosen, tuple(result))


def read_variants(
    models: Mapping[str, Path | str | bytes] | Sequence[Path | str],
) -> tuple[dict[str, bytes], ModelSignature]:
    """The contents of models by name, of files by their stems; and what the first one takes.

    Raises:
        InputError: one is no sound model, two files have the same name, or there are none.
    """
    if not models:
        raise InputError("there are no models to compare.")
    if not isinstance(models, Mapping):
        names = [Path(path).stem for path in models]
        if len(set(names)) != len(names):
            raise InputError(
                f"the files are called {', '.join(names)}: two have the same name.", "Rename one."
            )
        models = dict(zip(names, models, strict=True))
    graphs = [
        read_model_bytes(model, name) if isinstance(model, bytes) else read_model(Path(model))
        for name, model in models.items()
    ]
    contents = {
        name: model if isinstance(model, bytes) else Path(model).read_bytes()
        for name, model in models.items()
    }
    return contents, signature_of(graphs[0])


def _judged(
    metric: str, ran: Inferences, data: Dataset, baseline: Inferences
) -> tuple[Accuracy, Accuracy]:
    """The accuracy of the reference and of the generated C."""
    return (
        judge(metric, ran.outputs, data, baseline.outputs),
        judge(metric, ran.compiled, data, baseline.compiled),
    )


def _types(network: Network) -> str:
    types = [network.port(i).dtype.value for i in (*network.inputs[:1], network.outputs[0])]
    return types[0].lower() if len(set(types)) == 1 else " → ".join(t.lower() for t in types)


def _advice(name: str, metric: str, baseline: Accuracy, ours: Accuracy) -> str:
    before, after = baseline.scores[0], ours.scores[0]
    if metric == "agreement":
        return UNLABELLED
    loss = before.value - after.value if after.higher_is_better else after.value - before.value
    return overall_advice(loss, is_share=after.is_share, trained=name == TRAINED, metric=after.name)


def _ratios(baseline: BoardCost, ours: BoardCost) -> dict[str, float | None]:
    """How many times less a variant takes than the float model."""
    pairs = {
        "instructions": (baseline.instructions, ours.instructions),
        "cycles": (baseline.cycles, ours.cycles),
        "flash": (baseline.flash_bytes, ours.flash_bytes),
        "ram": (baseline.ram_bytes, ours.ram_bytes),
    }
    return {
        name: before / after if before and after else None
        for name, (before, after) in pairs.items()
    }
