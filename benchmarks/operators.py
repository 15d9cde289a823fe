# SPDX-License-Identifier: Apache-2.0
"""Models of a single operator: our cycles beside another runtime's, and beside what the core could do.

    python -m benchmarks.operators [--board BOARD] [MODEL ...]

The models and the other columns (TensorFlow Lite Micro with CMSIS-NN on the same emulated core, and an
estimate of the least cycles) are in ``../shared/operator-study``. They are cycles of an M4; of an M55
they are instructions, so those are compared there. Every model must equal the reference bit for bit.
Writes a page and a JSON file for the core to ``results``; with models named, only prints.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console

from benchmarks import run
from benchmarks.tables import markdown_table
from tinygen.compilation import compile_model
from tinygen.errors import InputError
from tinygen.hardware.boards import Board, board
from tinygen.ir import reference
from tinygen.measure.profile import profile
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import Options

STUDY = Path(__file__).resolve().parent.parent.parent / "shared" / "operator-study"
RESULTS = Path(__file__).parent / "results"
_HEADINGS = (
    "model",
    "kernel",
    "ours",
    "estimate",
    "TFLM + CMSIS-NN",
    "limit",
    "/ theirs",
    "/ limit",
)
_CYCLES_CORE = "cortex-m4"
"""The core whose figures are cycles; the others' are instructions."""


@dataclass(frozen=True)
class Figures:
    """What is known of a model on a core: the other runtime's cost, and the least; None if unknown."""

    theirs: int | None
    limit: int | None


@dataclass(frozen=True)
class Operator:
    """A model's cost with our kernels, in the unit of the figures beside it."""

    model: str
    kernel: str
    ours: int
    estimate: int
    figures: Figures

    @property
    def against_theirs(self) -> float | None:
        """How many times their cost ours is."""
        return self.ours / self.figures.theirs if self.figures.theirs else None

    @property
    def against_limit(self) -> float | None:
        """How many times the least cost ours is."""
        return self.ours / self.figures.limit if self.figures.limit else None


def read_figures(core: str) -> dict[str, Figures]:
    """The study's figures of a core, by model."""

    def number(text: str) -> int | None:
        return int(float(text)) if text else None

    with (STUDY / "figures.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["model"]: Figures(number(row["tflm_cmsis"]), number(row["limit"]))
            for row in csv.DictReader(file)
            if row["core"] == core
        }


def measure(model: str, target: Board, figures: Figures) -> Operator:
    """Profile a model of the study.

    Raises:
        InputError: its outputs are not those of the reference.
    """
    compilation = compile_model(STUDY / f"{model}.tflite", on_board(target, Options("net")))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    with tempfile.TemporaryDirectory(prefix="tinygen-operators-") as work:
        measured = profile(compilation, target, sample, Path(work))
    if not measured.bit_exact:
        raise InputError(f"{model}: the outputs are not the reference's", "")
    counts_cycles = target.core.name == _CYCLES_CORE
    steps = compilation.plan.steps
    return Operator(
        model,
        ", ".join(dict.fromkeys(step.kernel for step in steps)),
        (measured.cycles if counts_cycles else measured.instructions) or 0,
        round(sum(step.cycles for step in steps)),
        figures,
    )


def _cells(operator: Operator) -> tuple[str, ...]:
    figures = operator.figures
    counts = (operator.ours, operator.estimate, figures.theirs, figures.limit)
    ratios = (operator.against_theirs, operator.against_limit)
    return (
        operator.model,
        operator.kernel,
        *("" if count is None else f"{count:,}" for count in counts),
        *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
    )


def summary(operators: Sequence[Operator]) -> dict[str, str]:
    """How many are slower than the other runtime, and how many within twice the limit."""
    theirs = [ratio for one in operators if (ratio := one.against_theirs) is not None]
    limits = [ratio for one in operators if (ratio := one.against_limit) is not None]
    return {
        "slower than TFLM + CMSIS-NN": f"{sum(ratio > 1 for ratio in theirs)} of {len(theirs)}",
        "within twice the limit": f"{sum(ratio <= 2 for ratio in limits)} of {len(limits)}",
    }


def markdown(environment: Mapping[str, str], operators: Sequence[Operator]) -> Iterator[str]:
    """The lines of the page, the slowest beside the other runtime first."""
    yield "# Operators beside TensorFlow Lite Micro with CMSIS-NN"
    yield ""
    yield "Made by `python -m benchmarks.operators`; docs/profile.md says what a cycle is here."
    yield ""
    yield from (f"- {key}: {value}" for key, value in environment.items())
    yield ""
    ordered = sorted(operators, key=lambda one: -(one.against_theirs or 0.0))
    yield from markdown_table(
        _HEADINGS, ("---", "---", *["---:"] * 6), (_cells(one) for one in ordered)
    )


@click.command()
@click.argument("models", nargs=-1)
@click.option("--board", "board_name", default="qemu-mps2-an386", show_default=True)
def main(models: tuple[str, ...], board_name: str) -> None:
    """Print every operator's cost beside the figures of the study; write it as JSON and Markdown."""
    target = board(board_name)
    core = target.core.name
    figures = read_figures(core)
    if unknown := [model for model in models if model not in figures]:
        raise InputError(f"{STUDY / 'figures.csv'} has no {', '.join(unknown)} of {core}", "")
    console = Console(highlight=False, width=160)
    done = []
    for model in models or figures:
        done.append(measure(model, target, figures[model]))
        console.print("  ".join(cell.rjust(9) for cell in _cells(done[-1])))
    unit = "cycles" if core == _CYCLES_CORE else "instructions"
    environment = {"board": target.name, "core": core, "unit": unit, **summary(done)}
    for key, value in environment.items():
        console.print(f"{key}: {value}")
    if not models:
        RESULTS.mkdir(exist_ok=True)
        page = RESULTS / f"operators-{core}.md"
        page.write_text("\n".join(markdown(environment, done)) + "\n", encoding="utf-8")
        data = {**environment, "operators": [asdict(one) for one in done]}
        page.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
