# SPDX-License-Identifier: Apache-2.0
"""Tables for the terminal, made from the same data that ``--json`` prints."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tinygen.ir.progress import Progress
from tinygen.ops.table import PROVIDERS, Support

_PROGRESS_AFTER_SECONDS = 1.0
_WIDTH_WITHOUT_TERMINAL = 120


_RECORDING: ContextVar[Console | None] = ContextVar("recording", default=None)


class _Console(Console):
    """Leaves it to the command line what a closed output means, as rich does not."""

    def on_broken_pipe(self) -> None:
        """Called where a BrokenPipeError was raised."""
        raise BrokenPipeError


def plain_console() -> Console:
    """A console that neither colours numbers nor, where there is no terminal, breaks lines early."""
    recording = _RECORDING.get()
    if recording is not None:
        return recording
    console = _Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH_WITHOUT_TERMINAL
    return console


def in_html(show: Callable[[Mapping[str, Any]], None], data: Mapping[str, Any]) -> str:
    """What ``show`` prints of the data, for a notebook."""
    console = Console(
        file=io.StringIO(), width=_WIDTH_WITHOUT_TERMINAL, record=True, highlight=False
    )
    token = _RECORDING.set(console)
    try:
        show(data)
    finally:
        _RECORDING.reset(token)
    return console.export_html(code_format="<pre>{code}</pre>", inline_styles=True)


def grouped(value: int | None) -> str:
    """A number with its thousands apart, or a dash for none."""
    return "–" if value is None else f"{value:,}"


def table_of(*headings: str, title: str | None = None, **style: Any) -> Table:
    """A table without rows; columns whose headings begin with ``>`` are set to the right."""
    table = Table(title=title and escape(title), title_justify="left", **style)
    for heading in headings:
        right = heading.startswith(">")
        table.add_column(escape(heading[right:]), justify="right" if right else "left")
    return table


@contextmanager
def progress() -> Iterator[Progress]:
    """A status line on stderr that appears once the work has taken a second."""
    started = time.monotonic()
    with Console(stderr=True).status("") as status:
        status.stop()

        def tell(text: str) -> None:
            if time.monotonic() - started > _PROGRESS_AFTER_SECONDS:
                status.update(text)
                status.start()

        yield tell


def _shapes(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "scalar" for shape in shapes)


def print_analysis(data: Mapping[str, Any]) -> None:
    """The operators and totals of ``tinygen analyze``."""
    console = plain_console()
    title = f"{data['model']} on {data['target']}"
    headings = ("#", "operator", "input", "output", ">MACs", ">constants", "kernel")
    table = table_of(*headings, title=title)
    for row in data["operators"]:
        table.add_row(
            str(row["index"]),
            row["op"],
            _shapes(row["input_shapes"]),
            _shapes(row["output_shapes"]),
            f"{row['macs']:,}",
            f"{row['weight_bytes']:,}",
            row["kernel"],
        )
    console.print(table)
    print_rewrites(console, data)
    console.print(f"MACs             {data['macs']:>12,}")
    console.print(f"constants        {data['weight_bytes']:>12,} bytes")
    console.print(
        f"arena            {data['arena_bytes']:>12,} bytes "
        f"(lower bound {data['arena_lower_bound_bytes']:,})"
    )
    _print_banks(console, data)
    if data["state_bytes"]:
        console.print(
            f"state            {data['state_bytes']:>12,} bytes, kept from inference to inference"
        )
    _print_order(console, data)
    _print_streaming(console, data)
    console.print(f"flash, estimated {data['flash_estimate_bytes']:>12,} bytes")
    console.print(f"fits             {', '.join(data['boards']) or 'no known board of this core'}")
    if data["times"]:
        console.print(_board_times(data["times"]))


def _board_times(times: Sequence[Mapping[str, Any]]) -> Table:
    """The real boards that the model fits, with an inference's time on each."""
    table = table_of("board", "core", ">MHz", ">cycles", ">ms", title="estimated, by board")
    for each in times:
        table.add_row(
            each["board"],
            each["core"],
            f"{each['clock_hz'] / 1e6:,.0f}",
            f"{each['cycles']:,.0f}",
            f"{each['milliseconds']:,.2f}",
        )
    return table


def _print_banks(console: Console, data: Mapping[str, Any]) -> None:
    """What lies in which bank, the most accessed for its size first."""
    for bank in data["banks"]:
        kind = "fast, " if bank["fast"] else ""
        console.print(
            f"  in {escape(bank['name']):<13} {bank['bytes']:>10,} bytes "
            f"({kind}{bank['available']:,} available)"
        )
        if len(data["banks"]) > 1:
            for held in sorted(bank["holds"], key=lambda h: -h["moved_bytes"] / h["bytes"]):
                console.print(
                    escape(
                        f"    {held['block']}: {held['bytes']:,} bytes, {held['moved_bytes']:,} moved "
                        "an inference"
                    ),
                    style="dim",
                )


def print_rewrites(console: Console, data: Mapping[str, Any]) -> None:
    """What became of operators that are not computed as the file has them."""
    for rewrite in data["rewrites"]:
        console.print(
            escape(f"{rewrite['operator']}: {rewrite['change']} ({rewrite['pass']})"), style="dim"
        )


def _print_order(console: Console, data: Mapping[str, Any]) -> None:
    """What another order of the operators saves, where they run in one."""
    if data["unstreamed_arena_bytes"] < data["file_order_arena_bytes"]:
        console.print(
            "reordered: operators run in another order than the file's, whose arena would have "
            f"{data['file_order_arena_bytes']:,} bytes, not {data['unstreamed_arena_bytes']:,}"
        )


def _print_streaming(console: Console, data: Mapping[str, Any]) -> None:
    """What streaming saves and costs, where something is streamed."""
    saved = data["unstreamed_arena_bytes"] - data["arena_bytes"]
    if saved < 0:
        console.print(
            f"streamed by rows, so that every bank holds its part, for {data['added_cycles']:+.1%} "
            "cycles, estimated"
        )
    elif saved or data["added_cycles"]:
        console.print(
            f"streamed by rows: an arena of {data['arena_bytes']:,} bytes instead of "
            f"{data['unstreamed_arena_bytes']:,}, for {data['added_cycles']:+.1%} cycles, estimated"
        )


def print_operators(rows: Sequence[Support]) -> None:
    """The operators and types of ``tinygen analyze --operators``."""
    table = table_of("operator", "type", "reference", *PROVIDERS, ">ulp from TFLM")
    for row in rows:
        marks = ["yes" if name in row.providers else "" for name in PROVIDERS]
        table.add_row(row.operator, row.dtype, "yes", *marks, str(row.tolerance_ulp))
    plain_console().print(table)


def print_generated(data: Mapping[str, Any]) -> None:
    """What ``tinygen generate`` wrote."""
    console = plain_console()
    console.print(
        f"{len(data['files'])} files in [bold]{escape(data['directory'])}[/bold]; arena "
        f"{data['arena_bytes']:,} bytes, constants {data['weight_bytes']:,} bytes"
    )
    for bank in data["banks"]:
        console.print(f"{bank['bytes']:,} bytes of the arena in {escape(bank['name'])}")
    _print_order(console, data)
    _print_streaming(console, data)
    _print_fallbacks(console, data)
    for line in (*data["unbounded_loops"], *data["left_out"]):
        console.print(f"[yellow]{escape(line)}[/yellow]")
    name = escape(data["name"])
    console.print(
        f'Include "{name}.h", write {name}_input_0(), call {name}_invoke(), read {name}_output_0().'
    )


def _print_fallbacks(console: Console, data: Mapping[str, Any]) -> None:
    if data["fallbacks"]:
        console.print("Not by the kernels asked for:")
    for line in data["fallbacks"]:
        console.print(f"  {escape(line)}")


def print_verdict(data: Mapping[str, Any]) -> None:
    """The verdict of ``tinygen verify``."""
    console = plain_console()
    _print_fallbacks(console, data)
    for line in data["left_out"]:
        console.print(f"[yellow]{escape(line)}[/yellow]")
    for layer in data["layers"]:
        wrong = layer["mismatched_samples"]
        state = f"[red]{wrong} of {data['samples']} samples differ[/red]" if wrong else "equal"
        console.print(f"  {escape(layer['operator'])}, {layer['kernel']}: {state}")
    if data["layers"]:
        print_rewrites(console, data)
    _print_run(console, data)
    if data["bit_exact"]:
        console.print(
            f"[green bold]bit-exact[/green bold]: {escape(data['model'])} on {data['board']}, "
            f"{data['samples']} samples, {data['outputs_compared']:,} outputs compared, 0 differ"
        )
        return
    console.print(
        f"[red bold]NOT bit-exact[/red bold]: {escape(data['model'])} on {data['board']}, "
        f"{data['mismatches']:,} of {data['outputs_compared']:,} outputs differ"
    )
    first = data["first_mismatch"]
    if first:
        where = first["operator"] or "the model's output"
        console.print(
            escape(
                f"first difference: sample {first['sample']}, {where}, tensor {first['tensor']!r}, "
                f"element {first['element']}: expected {first['expected']}, got {first['got']}"
            )
        )


def _print_run(console: Console, data: Mapping[str, Any]) -> None:
    """Crashes, throughput and accuracy, where there is something to say."""
    for crash in data["crashes"]:
        console.print(escape(f"sample {crash['sample']}: {crash['message']}"))
    ran = data["samples"] - data["resumed"] - len(data["crashes"])
    if data["resumed"]:
        console.print(f"{data['resumed']} samples had been run before")
    if ran > 1 and data["seconds"]:
        console.print(f"{ran / data['seconds']:.1f} samples/s, transfers included")
    if data["accuracy"]:
        console.print(
            f"accuracy on the target {data['accuracy']['target']:.2%}, "
            f"of the reference {data['accuracy']['reference']:.2%}"
        )


def print_boards(data: Mapping[str, Any]) -> None:
    """The boards as a table."""
    table = table_of("board", "what", "core", ">flash", ">RAM")
    for row in data["boards"]:
        table.add_row(
            row["name"],
            row["title"],
            row["core"],
            f"{row['flash_bytes'] // 1024} KB" if row["flash_bytes"] else "",
            f"{row['ram_bytes'] // 1024} KB" if row["ram_bytes"] else "",
        )
    plain_console().print(table)


def print_findings(data: Mapping[str, Any]) -> None:
    """What ``tinygen doctor`` found."""
    console = plain_console()
    for finding in data["tools"]:
        mark = "[green]found[/green]  " if finding["found"] else "[red]missing[/red]"
        console.print(
            f"{mark} {finding['tool']} ({finding['purpose']}): {escape(finding['detail'])}"
        )
        if finding["hint"]:
            console.print(f"        {escape(finding['hint'])}")
