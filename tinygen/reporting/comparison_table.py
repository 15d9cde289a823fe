# SPDX-License-Identifier: Apache-2.0
"""A comparison of variants for the terminal, made from the same data as the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from tinygen.reporting.console import plain_console, table_of
from tinygen.reporting.quantization_page import score_text


def print_comparison(data: Mapping[str, Any]) -> None:
    """One column a variant; whether the generated C agrees; the advice."""
    console = plain_console()
    variants = data["variants"]
    title = f"{data['title']}, {data['samples']} samples of {data['data']}"
    table = table_of("", *(f">{variant['name']}" for variant in variants), title=title)
    for position, score in enumerate(variants[0]["accuracy"]["scores"]):
        table.add_row(
            score["name"],
            *(score_text(v["compiled_accuracy"]["scores"][position]) for v in variants),
        )
    table.add_row("file, bytes", *(f"{v['file_bytes']:,}" for v in variants))
    for position, cost in enumerate(variants[0]["costs"]):
        for label, key in (("cycles", "cycles"), ("flash", "flash_bytes"), ("RAM", "ram_bytes")):
            values = [v["costs"][position][key] for v in variants]
            if any(values):
                table.add_row(
                    f"{label} on {cost['core']}", *(f"{x:,}" if x else "–" for x in values)
                )
    console.print(table)
    verdict = (
        "[green]The generated C gives the reference's bits in all of them.[/green]"
        if data["agrees"]
        else "[red bold]The generated C differs from the reference.[/red bold]"
    )
    console.print(verdict)
    for variant in variants[1:]:
        console.print(escape(f"{variant['name']}: {variant['advice']}"))
