# SPDX-License-Identifier: Apache-2.0
"""A profile as a table for the terminal, made from the same data that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from tinygen.reporting.console import grouped, plain_console, print_rewrites

_BAR_WIDTH = 8


def profile_table(data: Mapping[str, Any]) -> RenderableType:
    """Layers with their share of the time, then totals and memory, of ``Profile.to_dict()``."""
    total = data["total"]
    macs = sum(layer["macs"] for layer in data["layers"])
    # A real board counts cycles, not instructions; some cores have no timing model.
    measure = "instructions" if total["cycles"] is None else "cycles"
    title = f"{data['model']} on {data['board']}"
    layers = Table(title=escape(title), title_justify="left", show_footer=True)
    layers.add_column("#", justify="right")
    layers.add_column("operator", footer="total")
    layers.add_column("MACs", justify="right", footer=grouped(macs))
    layers.add_column("instructions", justify="right", footer=grouped(total["instructions"]))
    layers.add_column("cycles", justify="right", footer=grouped(total["cycles"]))
    layers.add_column("cycles/MAC", justify="right", footer=_rate(total["cycles"], macs))
    layers.add_column("share", no_wrap=True)
    layers.add_column("kernel")
    for layer in data["layers"]:
        layers.add_row(
            "+".join(map(str, layer["operators"])),
            layer["op"],
            grouped(layer["macs"]),
            grouped(layer["instructions"]),
            grouped(layer["cycles"]),
            _rate(layer["cycles"], layer["macs"]),
            _bar(layer[measure], total[measure]),
            layer["kernel"] or "(view)",
        )
    return Group(layers, _memory(data))


def print_profile(data: Mapping[str, Any]) -> None:
    """Prints the table."""
    console = plain_console()
    console.print(profile_table(data))
    print_rewrites(console, data)


def _memory(data: Mapping[str, Any]) -> RenderableType:
    memory, overhead = data["memory"], data["overhead"]
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column()
    for title, value, note in (
        ("calls between layers", overhead["instructions"], "instructions"),
        ("flash, code", memory["flash_code"], "bytes"),
        ("flash, weights", memory["flash_weights"], "bytes"),
        ("RAM, arena", memory["ram_arena"], "bytes"),
        ("RAM, variables", memory["ram_static"], "bytes"),
        ("stack, peak", memory["stack_peak"], "bytes"),
    ):
        grid.add_row(title, grouped(value), note)
    grid.add_row("cycles", "", escape(_cycle_note(data)))
    return grid


def _cycle_note(data: Mapping[str, Any]) -> str:
    if not data["cycle_model"]:
        if data["method"] == "icount":
            return "not estimated: this QEMU was built without plugins; instructions by icount"
        return f"not estimated: Arm publishes no instruction timings of {data['core']}"
    return str(data["cycle_model"])


def _rate(cycles: int | None, macs: int) -> str:
    return f"{cycles / macs:.2f}" if cycles is not None and macs else ""


def _bar(part: int | None, whole: int | None) -> str:
    share = part / whole if part and whole else 0.0
    return f"{'█' * round(share * _BAR_WIDTH):<{_BAR_WIDTH}} {share:5.1%}"
