# SPDX-License-Identifier: Apache-2.0
"""``tinygen compare``: what quantization cost, from .tflite files that are there already."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinygen.cli.options import FunctionT, common_options, write_text
from tinygen.errors import EXIT_DONE, EXIT_MISMATCH, InputError

if TYPE_CHECKING:
    from tinygen.quantization.data import Dataset


def comparison_options(function: FunctionT) -> FunctionT:
    """How models are compared; ``quantize --report`` takes these options too."""
    options = (
        click.option(
            "--metric",
            default="auto",
            show_default=True,
            help="classification, regression, autoencoder, agreement, or module:function.",
        ),
        click.option(
            "--board",
            "board_names",
            multiple=True,
            help="Emulated board to measure on (several may be given; default: M4, M55 and M3).",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def run_comparison(
    variants: Mapping[str, bytes],
    evaluation: Dataset,
    directory: Path,
    *,
    title: str,
    metric: str,
    board_names: Sequence[str],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Compare, and write ``comparison.html`` and ``comparison.json``; gives the data."""
    from tinygen.hardware.boards import board
    from tinygen.quantization.compare import compare as compare_stage
    from tinygen.quantization.compare import comparison_as_data
    from tinygen.reporting.quantization_page import quantization_page

    with tempfile.TemporaryDirectory(prefix="tinygen-") as work:
        comparison = compare_stage(
            variants,
            evaluation,
            Path(work),
            title=title,
            metric=metric,
            boards=[board(name) for name in board_names] or None,
            progress=tell,
        )
    data = comparison_as_data(comparison)
    write_text(directory / "comparison.html", quantization_page(data))
    write_text(directory / "comparison.json", json.dumps(data, indent=1) + "\n")
    return data


@click.command()
@click.argument("float_model", type=click.Path(path_type=Path))
@click.argument("quantized", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--data",
    required=True,
    help="Evaluation samples: .npz with labels, .npy, a folder, or module:function.",
)
@click.option("--preprocess", default="", help="How files of a folder become arrays.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory of the report.",
)
@comparison_options
@common_options
def compare(
    float_model: Path,
    quantized: tuple[Path, ...],
    data: str,
    preprocess: str,
    output: Path,
    metric: str,
    board_names: tuple[str, ...],
    as_json: bool,
) -> int:
    """Compare a float .tflite with quantized ones: accuracy, noise, size, time, memory, energy."""
    from tinygen.quantization.data import load_dataset, signature_of
    from tinygen.reporting.comparison_table import print_comparison
    from tinygen.reporting.console import progress
    from tinygen.tflite.reader import read_model

    files = [float_model, *quantized]
    signature, *_ = [signature_of(read_model(path)) for path in files]
    evaluation = load_dataset(data, signature, preprocess)
    names = [path.stem for path in files]
    if len(set(names)) != len(names):
        raise InputError(
            f"the files are called {', '.join(names)}: two have the same name.", "Rename one."
        )
    with progress() as tell:
        compared = run_comparison(
            {name: path.read_bytes() for name, path in zip(names, files, strict=True)},
            evaluation,
            output,
            title=float_model.stem,
            metric=metric,
            board_names=board_names,
            tell=tell,
        )
    if as_json:
        click.echo(json.dumps(compared))
    else:
        print_comparison(compared)
        click.echo(str(output / "comparison.html"))
    return EXIT_DONE if compared["agrees"] else EXIT_MISMATCH
