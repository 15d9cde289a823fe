# SPDX-License-Identifier: Apache-2.0
"""``tinygen quantize``: a float model in, a quantized one out."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from tinygen import api
from tinygen.cli.compare import comparison_options
from tinygen.cli.options import common_options, show
from tinygen.errors import EXIT_DONE, EXIT_MISMATCH


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
    input_range: str,
    float_output: Path | None,
    train: str,
    report: Path | None,
    test: str,
    metric: str,
    boards: tuple[str, ...],
    as_json: bool,
    **how: Any,
) -> int:
    """Quantize a float model (Keras, SavedModel or .tflite) to a .tflite for microcontrollers."""
    from tinygen.quantization.convert import Scheme
    from tinygen.quantization.data import as_dataset
    from tinygen.quantization.source import as_float_model
    from tinygen.quantization.training import TrainingOptions, training_options
    from tinygen.reporting.console import progress

    training = {field.name: how.pop(field.name) for field in fields(TrainingOptions)}
    # Before TensorFlow starts: what contradicts itself is told at once.
    training_options(
        training,
        qat=how["qat"],
        scheme=Scheme(how["scheme"]),
        measured=bool(data),
        lessons=bool(train),
    )
    _check_report(report, test or data, test)
    with progress() as tell:
        tell("starting TensorFlow")
        source = as_float_model(model)
        # Before the work of quantizing: what is wrong with these samples is told at once.
        evaluation = (
            as_dataset(test or data, source.signature, how["preprocess"]) if report else None
        )
        how |= {"train": train or None, "input_range": _range(input_range), "progress": tell}
        made = api.quantize(source, data or None, **how, **training)
        variants = {"float": made.float_model}
        if report and how["qat"]:
            plainly = {**how, "qat": False, "train": None}
            variants["ptq"] = api.quantize(source, data, **plainly).model
    made.save(output)
    if float_output is not None:
        made.save(float_output, as_float=True)
    for warning in made.warnings:
        click.echo(f"Warning: {warning}", err=True)
    described = {"model": str(model), "output": str(output), **made.to_dict()}
    agrees = True
    if report is not None:
        assert evaluation is not None
        plain = "ptq" if how["scheme"] == "int8" else how["scheme"]
        variants["qat" if how["qat"] else plain] = made.model
        if not test:
            click.echo(
                "Warning: the models are compared on the calibration samples, which flatters; "
                "give --test.",
                err=True,
            )
        with progress() as tell:
            compared = api.compare(
                variants, evaluation, metric=metric, boards=boards, title=model.stem, progress=tell
            )
        compared.write(report)
        described["comparison"] = compared.to_dict()
        agrees = compared.agrees
    show(described, as_json, lambda _: _print(described, report))
    return EXIT_DONE if agrees else EXIT_MISMATCH


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


def _print(data: dict[str, Any], report: Path | None) -> None:
    from tinygen.reporting.comparison_table import print_comparison

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
    if report is not None:
        print_comparison(data["comparison"])
        click.echo(str(report / "comparison.html"))
