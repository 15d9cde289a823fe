# SPDX-License-Identifier: Apache-2.0
"""Comparisons as tables: for the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from benchmarks.data import Comparison, Memory, Row

_HEADINGS = (
    "layer",
    "MACs",
    "tinygen cycles",
    "/MAC",
    "CMSIS-NN cycles",
    "/MAC",
    "speedup",
    "tinygen instructions",
    "CMSIS-NN instructions",
    "tinygen kernel",
)
_MEMORY_HEADINGS = ("", "flash, code", "flash, weights", "RAM", "stack")


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _per_mac(cycles: int | None, macs: int) -> str:
    return f"{cycles / macs:.2f}" if cycles is not None and macs else ""


def _cells(row: Row, label: str) -> tuple[str, ...]:
    ours, theirs = row.tinygen, row.cmsis_nn
    return (
        label,
        _number(row.macs),
        _number(ours.cycles),
        _per_mac(ours.cycles, row.macs),
        _number(theirs.cycles),
        _per_mac(theirs.cycles, row.macs),
        "" if row.speedup is None else f"{row.speedup:.2f}",
        _number(ours.instructions),
        _number(theirs.instructions),
        ours.kernel,
    )


def _rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    for number, row in enumerate(comparison.rows):
        yield _cells(row, f"{number} {row.op}")
    yield _cells(comparison.total, "total")


def _memory_rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    def cells(name: str, memory: Memory) -> tuple[str, ...]:
        sizes = (memory.flash_code, memory.flash_weights, memory.ram, memory.stack)
        return (name, *map(_number, sizes))

    yield cells("tinygen", comparison.tinygen)
    yield cells("CMSIS-NN", comparison.cmsis_nn)


def terminal(comparison: Comparison) -> Table:
    """One model's table; the caption holds the memory."""
    table = Table(title=comparison.model, title_justify="left", caption_justify="left")
    for heading in _HEADINGS:
        left = heading in (_HEADINGS[0], _HEADINGS[-1])
        table.add_column(heading, justify="left" if left else "right")
    *layers, total = _rows(comparison)
    for cells in layers:
        table.add_row(*cells)
    table.add_section()
    table.add_row(*total, style="bold")
    table.caption = "\n".join(
        f"{name}: flash {code} + {weights}, RAM {ram}, stack {stack} bytes"
        for name, code, weights, ram, stack in _memory_rows(comparison)
    )
    return table


def markdown_table(
    headings: Sequence[str], alignments: Sequence[str], rows: Iterator[tuple[str, ...]]
) -> Iterator[str]:
    """The lines of a table in Markdown."""
    yield "| " + " | ".join(headings) + " |"
    yield "| " + " | ".join(alignments) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def markdown(environment: Mapping[str, str], comparisons: Sequence[Comparison]) -> str:
    """All models, the summary first."""
    lines = [
        "# tinygen against CMSIS-NN",
        "",
        "Made by `python -m benchmarks.compare`; docs/profile.md says what a cycle is here.",
        "",
        *(f"- {key}: {value}" for key, value in environment.items()),
        "",
    ]
    right = ["---", *["---:"] * 8, "---"]
    summary = (_cells(c.total, c.model)[:-1] for c in comparisons)
    lines += markdown_table(("model", *_HEADINGS[1:-1]), right[:-1], summary)
    for comparison in comparisons:
        lines += ["", f"## {comparison.model}", ""]
        lines += markdown_table(_HEADINGS, right, _rows(comparison))
        lines += [""]
        lines += markdown_table(_MEMORY_HEADINGS, ["---", *["---:"] * 4], _memory_rows(comparison))
    return "\n".join(lines) + "\n"
