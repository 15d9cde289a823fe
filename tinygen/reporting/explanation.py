# SPDX-License-Identifier: Apache-2.0
"""Explanations for the terminal, made from the same data that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from tinygen.reporting.console import plain_console, table_of

_MOST_TERMS = 64
"""Terms of a sum that are printed; the rest is in ``--json``."""


def print_explanations(data: Mapping[str, Any]) -> None:
    """A layer by itself worked through; several as an overview."""
    if len(data["layers"]) == 1:
        print_explanation(data["model"], data["layers"][0])
    else:
        print_overview(data["model"], data["layers"])


def print_overview(model: str, layers: Sequence[Mapping[str, Any]]) -> None:
    """One row a layer: the output's quantization and the folded multiplier."""
    console = plain_console()
    folded_to = (">scale", ">zero point", ">real multiplier", ">multiplier", ">shift")
    table = table_of("#", "operator", "output", *folded_to, title=model)
    for layer in layers:
        output = layer["tensors"][-1]
        folded = layer["parameters"]
        table.add_row(
            str(layer["index"]),
            layer["operator"],
            f"{output['dtype']} {_shape(output['shape'])}",
            _number(output["scale"]),
            _number(output["zero_point"]),
            _number(folded.get("real_multiplier")),
            _number(folded.get("multiplier")),
            _number(folded.get("shift")),
        )
    console.print(table)
    console.print(
        "real value = (q - zero point) × scale; real multiplier ≈ multiplier × 2**(shift - 31)"
    )
    console.print(
        "Multipliers differ from channel to channel; shown is that of one output element."
    )
    console.print("--layer N works that element from input to output.")


def print_explanation(model: str, layer: Mapping[str, Any]) -> None:
    """A layer: tensors, parameters, terms, and the calculation."""
    console = plain_console()
    console.print(f"[bold]{escape(model)}, layer {layer['index']}: {layer['operator']}[/bold]")
    console.print(escape(layer["rule"]))
    console.print()
    _print_tensors(console, layer["tensors"])
    if layer["parameters"]:
        console.print("\nFolded before run time:")
        width = max(map(len, layer["parameters"]))
        for name, value in layer["parameters"].items():
            console.print(f"  {name.replace('_', ' '):<{width}}  {_exact(value)}")
    at = ", ".join(map(str, layer["element"]))
    console.print(f"\n[bold]Output element \\[{at}][/bold]")
    if layer["terms"]:
        _print_terms(console, layer["terms"])
    for line in layer["lines"]:
        sign = "≈" if line["within"] else "="
        console.print(
            f"  {line['name']:<28} = {escape(line['formula'])} {sign} "
            f"[bold]{_exact(line['value'])}[/bold]"
        )
    step = (
        f", which stands for {layer['expected_real']:.7g}" if layer["tensors"][-1]["scale"] else ""
    )
    console.print(f"\nThe reference's element is [bold]{_exact(layer['expected'])}[/bold]{step}.")


def _print_tensors(console: Console, tensors: Sequence[Mapping[str, Any]]) -> None:
    headings = ("tensor", "type", "shape", ">scale", ">zero point", "", "name")
    table = table_of(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for tensor in tensors:
        channel = tensor["channel"]
        table.add_row(
            tensor["role"],
            tensor["dtype"],
            _shape(tensor["shape"]),
            _exact(tensor["scale"]),
            _exact(tensor["zero_point"]),
            "" if channel is None else f"channel {channel} of {tensor['scales']}",
            escape(tensor["name"]),
        )
    console.print(table)


def _print_terms(console: Console, terms: Sequence[Mapping[str, Any]]) -> None:
    headings = (">input element", ">value", ">centred", ">weight", ">product")
    table = table_of(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for term in terms[:_MOST_TERMS]:
        where = term["where"]
        table.add_row(
            "padding" if where is None else escape(f"[{', '.join(map(str, where))}]"),
            *(_exact(term[key]) for key in ("value", "centred", "weight", "product")),
        )
    console.print(table)
    if len(terms) > _MOST_TERMS:
        console.print(f"  … and {len(terms) - _MOST_TERMS} more, all of them with --json")


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _exact(value: float | None) -> str:
    """All digits: a hand calculation needs them."""
    return "" if value is None else repr(value)
