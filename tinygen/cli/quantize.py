# SPDX-License-Identifier: Apache-2.0
"""``tinygen quantize``: a float model in, a quantized one out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinygen.cli.compare import comparison_options, run_comparison
from tinygen.cli.options import common_options
from tinygen.errors import EXIT_DONE, EXIT_MISMATCH

if TYPE_CHECKING:
    from tinygen.quantization.data import Dataset


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--data",
    default="",
    help="Calibration samples: .npz, .npy, a folder of images or WAV files, or module:function.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The .tflite to write."
)
@click.option(
    "--scheme",
    type=click.Choice(["int8", "int16x8", "float16", "dynamic"]),
    default="int8",
    show_default=True,
    help="Full-integer int8; int16 activations; or weights only, as float16 or int8.",
)
@click.option(
    "--calibration",
    type=click.Choice(["min-max", "percentile", "mse", "entropy"]),
    default="min-max",
    show_default=True,
    help="How the range of an activation is chosen from the samples.",
)
@click.option(
    "--percentile",
    type=click.FloatRange(50, 100, min_open=True),
    default=99.99,
    show_default=True,
    help="Share of the values that --calibration percentile keeps.",
)
@click.option(
    "--preprocess", default="", help="How files of a folder become arrays (docs/quantize.md)."
)
@click.option(
    "--input-range",
    default="",
    metavar="LOW:HIGH",
    help="The values that the model was trained on; data outside is refused.",
)
@click.option(
    "--float-output",
    type=click.Path(path_type=Path),
    help="Write the float .tflite of the same network too.",
)
@click.option(
    "--qat", is_flag=True, help="Train on with quantization in the loop, then quantize (int8)."
)
@click.option("--train", default="", help="Samples to train on, with labels (default: --data).")
@click.option("--teacher", is_flag=True, help="Train to imitate the float model; needs no labels.")
@click.option("--epochs", type=click.IntRange(min=1), default=20, show_default=True)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    default=3e-4,
    show_default=True,
    help="Of Adam, at the start; it falls along a cosine.",
)
@click.option("--batch", type=click.IntRange(min=1), default=32, show_default=True)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    help="Share of the training samples held back to choose the best epoch.",
)
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Stop after this many epochs without a better one.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the training.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Directory of a page that compares the models (docs/quantization.md).",
)
@click.option("--test", default="", help="Samples to compare on, with labels (default: --data).")
@comparison_options
@common_options
def quantize(
    model: Path,
    data: str,
    output: Path,
    scheme: str,
    calibration: str,
    percentile: float,
    preprocess: str,
    input_range: str,
    float_output: Path | None,
    qat: bool,
    train: str,
    report: Path | None,
    test: str,
    metric: str,
    board_names: tuple[str, ...],
    as_json: bool,
    **training_options: Any,
) -> int:
    """Quantize a float model (Keras, SavedModel or .tflite) to a .tflite for microcontrollers."""
    from tinygen.quantization.calibration import Method
    from tinygen.quantization.convert import Scheme, check_range
    from tinygen.quantization.convert import quantize as quantize_stage
    from tinygen.quantization.data import load_dataset
    from tinygen.quantization.source import load_float_model
    from tinygen.quantization.training import TrainingOptions, train_quantized
    from tinygen.reporting.comparison_table import print_comparison
    from tinygen.reporting.console import progress

    _check_options(qat, scheme, data, train, training_options["teacher"])
    _check_report(report, test or data, test)
    limits = _range(input_range)
    training = None
    with progress() as tell:
        tell("starting TensorFlow")
        source = load_float_model(model)
        signature = source.signature
        samples = load_dataset(data, signature, preprocess) if data else None
        lessons = load_dataset(train, signature, preprocess) if train else samples
        evaluation = load_dataset(test, signature, preprocess) if test else samples
        for one in (samples, lessons, evaluation):
            if one is not None and limits is not None:
                check_range(one, *limits)
        method = Method(calibration)
        variants = {}
        if not qat or report is not None:
            quantized = quantize_stage(
                source, samples, Scheme(scheme), method, percentile=percentile, tell=tell
            )
            variants["ptq" if scheme == "int8" else scheme] = quantized.model
        if qat:
            assert samples is not None
            assert lessons is not None
            quantized, training = train_quantized(
                source,
                lessons,
                samples,
                TrainingOptions(**training_options),
                method,
                percentile=percentile,
                tell=tell,
            )
            variants["qat"] = quantized.model
    _write(output, quantized.model)
    if float_output is not None:
        _write(float_output, quantized.float_model)
    for warning in quantized.warnings:
        click.echo(f"Warning: {warning}", err=True)
    described: dict[str, Any] = {
        "model": str(model),
        "output": str(output),
        "scheme": quantized.scheme.value,
        "calibration": quantized.method.value if quantized.calibration_samples else "",
        "calibration_samples": quantized.calibration_samples,
        "float_bytes": len(quantized.float_model),
        "bytes": len(quantized.model),
        "warnings": list(quantized.warnings),
        "training": None if training is None else asdict(training),
    }
    if report is not None:
        assert evaluation is not None
        described["comparison"] = _compare(
            {"float": quantized.float_model, **variants},
            evaluation,
            report,
            title=model.stem,
            metric=metric,
            board_names=board_names,
            own_data=bool(test),
        )
    if as_json:
        click.echo(json.dumps(described))
    else:
        _print(described)
        if report is not None:
            print_comparison(described["comparison"])
            click.echo(str(report / "comparison.html"))
    agrees = report is None or described["comparison"]["agrees"]
    return EXIT_DONE if agrees else EXIT_MISMATCH


def _compare(
    variants: Mapping[str, bytes], evaluation: Dataset, report: Path, *, own_data: bool, **how: Any
) -> dict[str, Any]:
    """The comparison of ``--report``; ``own_data`` says that it has samples of its own."""
    from tinygen.reporting.console import progress

    if not own_data:
        click.echo(
            "Warning: the models are compared on the calibration samples, which flatters; give --test.",
            err=True,
        )
    with progress() as tell:
        return run_comparison(variants, evaluation, report, tell=tell, **how)


def _check_options(qat: bool, scheme: str, data: str, train: str, teacher: bool) -> None:
    if not qat and (train or teacher):
        raise click.UsageError("--train and --teacher belong to --qat, which is not given.")
    if qat and scheme != "int8":
        raise click.UsageError(f"--qat trains for int8, not for --scheme {scheme}.")
    if qat and not data:
        raise click.UsageError(
            "--qat needs --data, to measure the ranges that training begins with."
        )


def _check_report(report: Path | None, evaluation: str, test: str) -> None:
    if report is not None and not evaluation:
        raise click.UsageError("--report needs --test, the samples to compare the models on.")
    if report is None and test:
        raise click.UsageError("--test belongs to --report, which is not given.")


def _range(text: str) -> tuple[float, float] | None:
    """``0:255`` → (0.0, 255.0)."""
    if not text:
        return None
    low, _, high = text.partition(":")
    try:
        limits = float(low), float(high)
    except ValueError:
        limits = (0.0, 0.0)
    if limits[0] >= limits[1]:
        raise click.BadParameter(
            f"{text!r} is not LOW:HIGH, like 0:255", param_hint="--input-range"
        )
    return limits


def _write(path: Path, content: bytes) -> None:
    from tinygen.errors import MachineError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror or error}.") from error


def _print(data: dict[str, Any]) -> None:
    if training := data["training"]:
        first, best = (training["epochs"][n]["validation_loss"] for n in (0, training["best"]))
        click.echo(
            f"trained {len(training['epochs']) - 1} epochs on {training['loss']}, "
            f"kept {training['best']}: validation loss {first:.4f} before, {best:.4f} after"
        )
    how = (
        f", ranges by {data['calibration']} from {data['calibration_samples']} samples"
        if data["calibration"]
        else ""
    )
    click.echo(
        f"{data['output']}: {data['bytes']:,} bytes {data['scheme']}{how}; "
        f"{data['float_bytes']:,} bytes as float, "
        f"{data['float_bytes'] / data['bytes']:.1f} times as much"
    )
    click.echo(f"Prove it: tinygen verify {data['output']}")
