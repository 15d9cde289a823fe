# SPDX-License-Identifier: Apache-2.0
"""tinygen's kernels against CMSIS-NN's on real boards, emulated with their clocks and memories.

    python -m benchmarks.board_ratios [--cmsis-nn PATH --version TEXT] [--board BOARD] [MODEL ...]

Both go through the same harness, compiler flags and timing (docs/profile.md). Without a tree,
CMSIS-NN is the one that is found. Writes a table to ``results``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from rich.console import Console

from benchmarks import run
from benchmarks.boards import DEFAULT_MODELS, measure
from benchmarks.compare import MODELS
from benchmarks.tables import markdown_table
from tinygen.hardware.boards import board
from tinygen.kernels import cmsis_nn
from tinygen.measure.profile import Time
from tinygen.planning.options import KernelChoice

BOARDS = (
    "nucleo-l4r5zi",
    "nucleo-f446re",
    "nucleo-h743zi2",
    "nrf52840-dk",
    "nucleo-u575zi-q",
    "rpi-pico2",
)
HEADINGS = (
    "model",
    "board",
    "tinygen, cycles",
    "of them stalls",
    "CMSIS-NN",
    "of them stalls",
    "times",
)


def ratio_row(model: str, place: str, ours: Time, theirs: Time) -> tuple[str, ...]:
    """A model's row of a board: cycles and the stalls among them, ours and theirs."""

    def told(time: Time) -> tuple[str, str]:
        stalls = time.stalls.total if time.stalls else 0
        return ("–" if time.cycles is None else f"{time.cycles:,}"), f"{stalls:,}"

    ratio = f"{theirs.cycles / ours.cycles:.2f}" if ours.cycles and theirs.cycles else "–"
    return (model, place, *told(ours), *told(theirs), ratio)


def rows(
    models: Mapping[str, Path], places: tuple[str, ...], tree: Path | None
) -> Iterator[tuple[str, ...]]:
    """A row for each model and board that it fits with both."""
    for name, model in models.items():
        for place in places:
            print(f"{name} on {place}", file=sys.stderr)
            ours = measure(model, board(place), KernelChoice.TINYGEN)
            theirs = measure(model, board(place), KernelChoice.CMSIS_NN, tree)
            if ours is not None and theirs is not None:
                yield ratio_row(name, place, ours, theirs)


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
@click.option("--board", "places", multiple=True, default=BOARDS, help="A board; may be repeated.")
@click.option("--cmsis-nn", "tree", type=click.Path(path_type=Path), help="A CMSIS-NN source tree.")
@click.option("--version", help="What it is called in the table; what its headers say without.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path(__file__).parent / "results"
)
def main(
    models: tuple[Path, ...],
    places: tuple[str, ...],
    tree: Path | None,
    version: str | None,
    output: Path,
) -> None:
    """Profile models on boards with both libraries; print the ratios, and write them."""
    found = cmsis_nn.find_tree(tree)
    if found is None:
        raise click.UsageError("there is no CMSIS-NN here: name a tree with --cmsis-nn.")
    version = version or found.version
    chosen = {m.stem: m for m in models or [MODELS / f"{name}.tflite" for name in DEFAULT_MODELS]}
    table = markdown_table(HEADINGS, ["---", "---", *["---:"] * 5], rows(chosen, places, tree))
    text = "\n".join(
        [
            f"# tinygen and CMSIS-NN {version} on boards",
            "",
            "Made by `python -m benchmarks.board_ratios`.",
            "",
            *table,
        ]
    )
    Console(highlight=False, soft_wrap=True).print(text, markup=False)
    output.mkdir(parents=True, exist_ok=True)
    (output / f"board-ratios-{version}.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
