# SPDX-License-Identifier: Apache-2.0
"""``tinygen explain``: a model's quantization worked with numbers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tinygen.cli.options import common_options, model_argument
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
@click.option(
    "--numerics",
    type=click.Choice(["tflm", "litert"]),
    default="tflm",
    show_default=True,
    help="Whose arithmetic to work.",
)
@common_options
def explain(
    model: Path,
    layer: int | None,
    element: str,
    input_file: Path | None,
    sample: int,
    seed: int,
    numerics: str,
    as_json: bool,
) -> None:
    """Scales, zero points and multipliers of a layer, and one output element worked by hand."""
    from tinygen.explanation import explain as explain_layers
    from tinygen.explanation import explanation_as_data
    from tinygen.ir import reference
    from tinygen.ir.graph import Numerics
    from tinygen.measure.samples import load_samples
    from tinygen.passes import rewrite
    from tinygen.passes.lowering import lower
    from tinygen.reporting.explanation import print_explanation, print_overview
    from tinygen.tflite.reader import read_model

    if element and layer is None:
        raise InputError("--element is one of a layer's output.", "Say which --layer.")
    network = lower(rewrite(read_model(model)), Numerics(numerics))
    if input_file:
        samples = load_samples(input_file, network)
        if sample >= len(samples):
            raise InputError(f"{input_file} has {len(samples)} samples, no sample {sample}.")
        inputs = samples[sample]
    else:
        (inputs,) = reference.random_inputs(network, 1, seed)
    layers = None if layer is None else [layer]
    explained = explain_layers(network, inputs, layers, _element(element) if element else None)
    data = [explanation_as_data(one) for one in explained]
    if as_json:
        click.echo(json.dumps({"model": str(model), "layers": data}))
    elif layer is None:
        print_overview(str(model), data)
    else:
        print_explanation(str(model), data[0])


def _element(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--element {text!r} is no index.", "Give numbers with commas: 0,3,2,5."
        ) from None
