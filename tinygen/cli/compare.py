# SPDX-License-Identifier: Apache-2.0
"""``tinygen compare``: what quantization cost, from .tflite files that are there already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tinygen import api
from tinygen.cli import options as opt
from tinygen.errors import EXIT_DONE, EXIT_MISMATCH

comparison_options: Callable[[opt.FunctionT], opt.FunctionT] = opt.together(
    click.option(
        "--metric",
        default="auto",
        show_default=True,
        help="classification, regression, autoencoder, agreement, or module:function.",
    ),
    click.option(
        "--board",
        "boards",
        multiple=True,
        help="Emulated board to measure on (several may be given; default: M4, M55 and M3).",
    ),
)
"""How models are compared; ``quantize --report`` takes these options too."""


@click.command()
@click.argument("float_model", type=click.Path(path_type=Path))
@click.argument("quantized", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--data",
    required=True,
    help="Evaluation samples: .npz with labels, .npy, a folder, or module:function.",
)
@click.option("--preprocess", default="", help="How files of a folder become arrays.")
@opt.directory_option(required=True, help="Directory of the report.")
@comparison_options
@opt.compile_option("custom")
@opt.common_options
def compare(
    float_model: Path, quantized: tuple[Path, ...], output: Path, as_json: bool, **options: Any
) -> int:
    """Compare a float .tflite with quantized ones: accuracy, noise, size, time, memory, energy."""
    from tinygen.reporting.comparison_table import print_comparison
    from tinygen.reporting.console import progress

    with progress() as tell:
        compared = api.compare([float_model, *quantized], progress=tell, **options)
    page = compared.write(output)
    opt.show(compared.to_dict(), as_json, print_comparison)
    if not as_json:
        click.echo(str(page))
    return EXIT_DONE if compared.agrees else EXIT_MISMATCH
