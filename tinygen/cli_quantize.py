# SPDX-License-Identifier: Apache-2.0
"""``tinygen quantize``: a float model in, a quantized one out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tinygen.cli_options import common_options


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
    as_json: bool,
) -> None:
    """Quantize a float model (Keras, SavedModel or .tflite) to a .tflite for microcontrollers."""
    from tinygen.quantize.calibration import Method
    from tinygen.quantize.convert import Scheme, check_range
    from tinygen.quantize.convert import quantize as quantize_stage
    from tinygen.quantize.data import load_dataset
    from tinygen.quantize.source import load_float_model
    from tinygen.report.console import progress

    limits = _range(input_range)
    with progress() as tell:
        tell("starting TensorFlow")
        source = load_float_model(model)
        samples = load_dataset(data, source.signature, preprocess) if data else None
        if samples is not None and limits is not None:
            check_range(samples, *limits)
        quantized = quantize_stage(
            source,
            samples,
            Scheme(scheme),
            Method(calibration),
            percentile=percentile,
            tell=tell,
        )
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
    }
    if as_json:
        click.echo(json.dumps(described))
    else:
        _print(described)


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
