# SPDX-License-Identifier: Apache-2.0
"""What the models of MLPerf Tiny take on every real board that they fit, beside measured silicon.

    python -m benchmarks.boards [--kernels KERNELS] [--board BOARD ...] [MODEL.tflite ...]

Each board is emulated in its own time, as docs/profile.md says. What silicon was measured to take is of
other people's code for the same models. Writes ``boards.json`` and ``boards.md``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console

from benchmarks import run
from benchmarks.compare import MODELS
from benchmarks.tables import markdown_table
from tinygen.compilation import compile_model
from tinygen.errors import BudgetError, InputError
from tinygen.hardware.boards import Board, all_boards, board
from tinygen.ir import reference
from tinygen.measure.board_times import board_times
from tinygen.measure.profile import Time, profile
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import KernelChoice, Options

DEFAULT_MODELS = ("mlperf_ic", "mlperf_vww", "mlperf_kws", "mlperf_ad")
HEADINGS = (
    "board",
    "MHz",
    "core cycles",
    "+ code",
    "+ data",
    "+ RAM",
    "= cycles",
    "ms",
    "`analyze`, ms",
    "silicon, M cycles",
)
_SEED = 1


@dataclass(frozen=True)
class Silicon:
    """Millions of cycles that somebody's programs for models took: clock by throughput."""

    by: str
    megacycles: Mapping[str, float]


SILICON: Mapping[str, Sequence[Silicon]] = {
    "nucleo-l4r5zi": (
        Silicon("Plumerai v1.1", {"mlperf_ad": 0.486}),
        Silicon(
            "microTVM + CMSIS-NN, OctoML v1.0",
            {"mlperf_ic": 46.7, "mlperf_vww": 36.1, "mlperf_kws": 11.98, "mlperf_ad": 1.033},
        ),
    ),
    "nucleo-l4r5zi-single-bank": (
        Silicon("ST v1.2", {"mlperf_ic": 19.8, "mlperf_vww": 10.67, "mlperf_kws": 5.18}),
    ),
    "nucleo-u575zi-q": (
        Silicon(
            "Plumerai v1.1",
            {"mlperf_ic": 16.69, "mlperf_vww": 9.48, "mlperf_kws": 4.64, "mlperf_ad": 0.495},
        ),
    ),
    "nucleo-f746zg": (
        Silicon(
            "Bosch v1.2, Plumerai v1.1",
            {"mlperf_ic": 13.3, "mlperf_vww": 7.36, "mlperf_kws": 3.83, "mlperf_ad": 0.308},
        ),
    ),
    "nrf5340-dk": (
        Silicon(
            "microTVM + CMSIS-NN, OctoML v1.0",
            {"mlperf_ic": 40.5, "mlperf_vww": 29.7, "mlperf_kws": 9.74, "mlperf_ad": 0.802},
        ),
    ),
}
"""By board; from the results of MLPerf Tiny, mlcommons/tiny_results_v1.0 to v1.3 on GitHub."""


@dataclass(frozen=True)
class Measured:
    """What a model takes on a board, emulated."""

    board: str
    clock_hz: int
    time: Time
    estimated_ms: float | None = None
    """By ``analyze``, from the planner's costs."""


def measure(
    model: Path, target: Board, kernels: KernelChoice, cmsis_nn: Path | None = None
) -> Time | None:
    """A model's time on a board; None if it does not fit.

    Raises:
        InputError: its outputs are not the reference's.
    """
    options = Options("net", kernels=kernels, cmsis_nn=cmsis_nn)
    try:
        compilation = compile_model(model, on_board(target, options))
        (sample,) = reference.random_inputs(compilation.network, 1, _SEED)
        with tempfile.TemporaryDirectory(prefix="tinygen-boards-") as work:
            found = profile(compilation, target, sample, Path(work))
    except BudgetError:
        return None
    if not found.bit_exact:
        raise InputError(f"{model} on {target.name}: the outputs are not the reference's")
    return found.total


def rows(model: str, found: Sequence[Measured]) -> Iterator[tuple[str, ...]]:
    """The table's rows of one model, the fastest board first."""
    for one in sorted(found, key=lambda one: one.time.microseconds or float("inf")):
        time, stalls = one.time, one.time.stalls
        waits = (stalls.code, stalls.data, stalls.ram) if stalls else (None, None, None)
        counts = (time.core_cycles, *waits, time.cycles)
        silicon = (
            f"{known.megacycles[model]:.3g} ({known.by})"
            for known in SILICON.get(one.board, ())
            if model in known.megacycles
        )
        yield (
            one.board,
            f"{one.clock_hz / 1e6:.0f}",
            *("–" if count is None else f"{count:,}" for count in counts),
            "–" if time.microseconds is None else f"{time.microseconds / 1e3:,.2f}",
            _estimate(one),
            ", ".join(silicon),
        )


def _estimate(one: Measured) -> str:
    """What ``analyze`` says, and how far that is off."""
    if one.estimated_ms is None or one.time.microseconds is None:
        return "–"
    error = one.estimated_ms * 1e3 / one.time.microseconds - 1
    return f"{one.estimated_ms:,.2f} ({error:+.1%})"


def markdown(tables: Mapping[str, Sequence[Measured]], kernels: KernelChoice) -> str:
    """All models, one after the other."""
    lines = [
        "# Models on boards",
        "",
        f"Made by `python -m benchmarks.boards --kernels {kernels.value}`; docs/profile.md says how "
        "boards are emulated.",
    ]
    for model, found in tables.items():
        lines += ["", f"## {model}", ""]
        lines += markdown_table(HEADINGS, ["---", *["---:"] * 8, "---"], rows(model, found))
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
@click.option("--board", "names", multiple=True, help="A board; all real ones without.")
@click.option(
    "--kernels",
    type=click.Choice([choice.value for choice in KernelChoice]),
    default="auto",
    show_default=True,
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path(__file__).parent / "results",
    help="Folder for boards.json and boards.md.",
)
def main(models: tuple[Path, ...], names: tuple[str, ...], kernels: str, output: Path) -> None:
    """Profile models on boards; print the tables, and write them as JSON and Markdown."""
    real = [one for one in all_boards() if one.emulator is None and not one.is_host]
    places = [board(name) for name in names] or real
    choice = KernelChoice(kernels)
    tables: dict[str, list[Measured]] = {}
    for model in models or [MODELS / f"{name}.tflite" for name in DEFAULT_MODELS]:
        asked = compile_model(model, Options("net", kernels=choice))
        estimates = {time.board: time.milliseconds for time in board_times(asked)}
        times = ((place, measure(model, place, choice)) for place in places)
        tables[model.stem] = [
            Measured(place.name, place.clock_hz, time, estimates.get(place.name))
            for place, time in times
            if time is not None
        ]
    text = markdown(tables, choice)
    Console(highlight=False, soft_wrap=True).print(text, markup=False)
    output.mkdir(parents=True, exist_ok=True)
    data = {model: [asdict(one) for one in found] for model, found in tables.items()}
    (output / "boards.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (output / "boards.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
