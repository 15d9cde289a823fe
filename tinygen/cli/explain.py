# SPDX-License-Identifier: Apache-2.0
"""``tinygen explain``: a model's quantization worked with numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygen import api
from tinygen.cli.options import common_options, compile_option, model_argument, show
from tinygen.errors import InputError


@click.command()
@model_argument
@click.option("--layer", type=int, help="Work this layer (default: an overview of all of them).")
@click.option(
    "--element", default="", help="Output element, such as 0,3,2,5 (default: one inside)."
)
@click.option(
    "--input",
    "input_file",
    type=click.Path(path_type=Path),
    help="Sample as .npy or .npz, quantized (default: random).",
)
@click.option("--sample", type=click.IntRange(min=0), default=0, help="Which sample of --input.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the random sample.")
@compile_option("numerics")
@compile_option("custom")
@common_options
def explain(
    model: Path, element: str, input_file: Path | None, as_json: bool, **options: Any
) -> None:
    """Scales, zero points and multipliers of a layer, and one output element worked by hand."""
    from tinygen.reporting.explanation import print_explanations

    where = _element(element) if element else None
    explained = api.explain(model, element=where, samples=input_file or 1, **options)
    show(explained.to_dict(), as_json, print_explanations)


def _element(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--element {text!r} is no index.", "Give numbers with commas: 0,3,2,5."
        ) from None
