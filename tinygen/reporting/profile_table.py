# SPDX-License-Identifier: Apache-2.0
"""A profile as a table for the terminal, made from the same data that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from tinygen.reporting.console import grouped, plain_console, print_rewrites

_BAR_WIDTH = 8


def profile_table(data: Mapping[str, Any]) -> RenderableType:
    """Layers with their share of the time, then totals and memory, of ``Profile.to_dict()``.

    Of a real board that is emulated it has what the cycles are made of, and microseconds, in place of
    what a MAC takes.
    """
    total = {**data["total"], "macs": sum(layer["macs"] for layer in data["layers"])}
    # A real board counts cycles, not instructions; some cores have no timing model.
    measure = "instructions" if total["cycles"] is None else "cycles"
    stalled = data["method"] == "emulated" and total["stalls"] is not None
    columns = _WITH_STALLS if stalled else _WITH_MACS
    title = f"{data['model']} on {data['board']}"
    layers = Table(title=escape(title), title_justify="left", show_footer=True)
    layers.add_column("#", justify="right")
    layers.add_column("operator", footer="total")
    for heading, cell in columns.items():
        layers.add_column(heading, justify="right", footer=cell(total))
    layers.add_column("share", no_wrap=True)
    layers.add_column("kernel")
    for layer in data["layers"]:
        layers.add_row(
            "+".join(map(str, layer["operators"])),
            layer["op"],
            *(cell(layer) for cell in columns.values()),
            _share(layer[measure], total[measure], bar=not stalled),
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
    total = data["total"]
    if total["microseconds"] is not None:
        grid.add_row("time", f"{total['microseconds']:,.0f}", "µs at the board's clock")
    if total["microjoules"] is not None:
        grid.add_row("energy, estimated", f"{total['microjoules']:,.0f}", "µJ, while it computes")
    grid.add_row("cycles", "", escape(_cycle_note(data)))
    return grid


def _cycle_note(data: Mapping[str, Any]) -> str:
    if not data["cycle_model"]:
        if data["method"] == "icount":
            return "not estimated: this QEMU was built without plugins; instructions by icount"
        return f"not estimated: Arm publishes no instruction timings of {data['core']}"
    return str(data["cycle_model"])


def _rate(row: Mapping[str, Any]) -> str:
    cycles, macs = row["cycles"], row["macs"]
    return f"{cycles / macs:.2f}" if cycles is not None and macs else ""


def _share(part: int | None, whole: int | None, *, bar: bool) -> str:
    share = part / whole if part and whole else 0.0
    drawn = f"{'█' * round(share * _BAR_WIDTH):<{_BAR_WIDTH}} " if bar else ""
    return f"{drawn}{share:5.1%}"


_Columns = Mapping[str, Callable[[Mapping[str, Any]], str]]
_WITH_MACS: _Columns = {
    "MACs": lambda row: grouped(row["macs"]),
    "instructions": lambda row: grouped(row["instructions"]),
    "cycles": lambda row: grouped(row["cycles"]),
    "cycles/MAC": _rate,
}
_WITH_STALLS: _Columns = {
    "instructions": lambda row: grouped(row["instructions"]),
    "core cycles": lambda row: grouped(row["core_cycles"]),
    "+ code": lambda row: grouped(row["stalls"]["code"]),
    "+ data": lambda row: grouped(row["stalls"]["data"]),
    "+ RAM": lambda row: grouped(row["stalls"]["ram"]),
    "= cycles": lambda row: grouped(row["cycles"]),
    "µs": lambda row: f"{row['microseconds']:,.0f}",
}
"""``+`` are stalls: cycles in which the core waits for code, for constants and for RAM."""
