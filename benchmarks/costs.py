# SPDX-License-Identifier: Apache-2.0
"""Fits the cycles that kernels' estimates are made of (tinygen/kernels/costs.toml) to profiles.

    python -m benchmarks.costs [--recorded] [--core CORE ...] [--write]

Models of single operators and whole ones are profiled on a core of each kind, the whole ones with
CMSIS-NN's kernels too. The profiles are kept in ``results/profiles.json``, from which ``--recorded``
starts; with ``--core`` only these are profiled, and what does not depend on them stays. Printed are the
errors of the estimates, kernel by kernel, as they are and with the numbers that fit best; ``--write``
puts those in. Numbers that no profiled layer depends on stay as they are.

On the other cores whole models are profiled. What a kernel's estimate is to be multiplied by there goes
to tinygen/kernels/factors.toml. How often kernels read their constants, by what two real boards
wait for them, goes to tinygen/kernels/passes.toml.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import passes, run
from tinygen.compilation import compile_model
from tinygen.errors import TinygenError
from tinygen.hardware.boards import Board, board
from tinygen.hardware.cores import Core
from tinygen.ir import reference
from tinygen.ir.layer import Layer
from tinygen.kernels import cmsis_nn, libraries
from tinygen.kernels.costs import COSTS_FILE, FACTORS, FACTORS_FILE, TABLES, factor
from tinygen.kernels.kernel import Kernel, Offer
from tinygen.kernels.waits import PASSES, PASSES_FILE
from tinygen.measure.profile import profile
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import KernelChoice, Options

ROOT = Path(__file__).resolve().parent.parent
WHOLE = ("examples/digits/*.tflite", "../shared/models/*.tflite")
SINGLE = "../shared/operator-study/*.tflite"
PROFILES = ROOT / "benchmarks" / "results" / "profiles.json"
PLACES = (
    ("qemu-mps2-an385", "cortex-m0"),
    ("qemu-mps2-an385", "cortex-m3"),
    ("qemu-mps2-an386", "cortex-m4"),
    ("qemu-mps3-an547", "cortex-m55"),
)
"""A core of each kind, to which the numbers are fitted, and where its programs run."""
OTHER_PLACES = (
    ("qemu-mps2-an385", "cortex-m0plus"),
    ("qemu-mps2-an500", "cortex-m7"),
    ("qemu-mps2-an505", "cortex-m23"),
    ("qemu-mps2-an505", "cortex-m33"),
    ("qemu-mps2-an505", "cortex-m35p"),
    ("qemu-mps3-an547", "cortex-m52"),
    ("qemu-mps3-an547", "cortex-m85"),
)
"""The cores that get factors."""
_STEP = 1e-3
"""By what part a number is changed to see how far an estimate depends on it."""
_HOLD = 0.03
"""How firmly numbers are held where they are, against an error of 1 of one layer."""
_FAR = 0.3
"""From what error (0.3 is 35 % too much) it counts for less than its square."""
_ROUNDS = 3
_FURTHEST = 4.0
"""Times a number may become larger or smaller in a round."""


@dataclass(frozen=True)
class Sample:
    """A layer that was profiled: the kernel that computed it, and the cycles that took."""

    kernel: Kernel
    layer: Layer
    core: Core
    cycles: int

    @property
    def error(self) -> float:
        """Of the estimate, as a part of what was measured."""
        answer = self.kernel.offer(self.layer, self.core)
        assert isinstance(answer, Offer)
        return answer.cycles / self.cycles - 1


def record(model: Path, target: Board, kernels: KernelChoice) -> list[tuple[str, int]]:
    """Profiles a model: each step's kernel and cycles."""
    compilation = compile_model(model, _options(target, kernels))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    with tempfile.TemporaryDirectory(prefix="tinygen-costs-") as work:
        measured = profile(compilation, target, sample, Path(work))
    return [(layer.kernel, layer.cycles or 0) for layer in measured.layers]


def samples(
    model: Path, target: Board, kernels: KernelChoice, recorded: Sequence[tuple[str, int]]
) -> Iterator[Sample]:
    """The layers of a profile whose kernel is still the one that was measured."""
    plan = compile_model(model, _options(target, kernels)).plan
    known = {kernel.name: kernel for kernel in _all_kernels()}
    if len(plan.steps) != len(recorded):
        return
    for step, (name, cycles) in zip(plan.steps, recorded, strict=True):
        if step.kernel == name and name in known and cycles:
            yield Sample(known[name], step.layer, target.core, cycles)


def _options(target: Board, kernels: KernelChoice) -> Options:
    return on_board(target, Options("net", kernels=kernels))


def _all_kernels() -> tuple[Kernel, ...]:
    tree = cmsis_nn.find_tree()
    return (*libraries.own_kernels(), *(cmsis_nn.kernels(tree) if tree else ()))


class _Watched(dict[str, float]):
    """A table that keeps which of its numbers were read."""

    def __init__(self, numbers: Mapping[str, float]) -> None:
        super().__init__(numbers)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> float:
        self.read.add(name)
        return super().__getitem__(name)


def fit(found: Sequence[Sample]) -> list[str]:
    """Changes the numbers in ``TABLES`` so that estimates are least wrong, held near what they were.

    Returns the names of those that no layer depends on, which stay.
    """
    tables = {table: _Watched(numbers) for table, numbers in TABLES.items()}
    TABLES.update(tables)
    names = [(table, name) for table, numbers in tables.items() for name in numbers]
    for _ in range(_ROUNDS):
        slopes, ratios = np.zeros((len(found), len(names))), np.ones(len(found))
        for row, sample in enumerate(found):
            for numbers in tables.values():
                numbers.read.clear()
            ratios[row] = 1 + sample.error
            for column, (table, name) in enumerate(names):
                if name in tables[table].read:
                    slopes[row, column] = _slope(sample, tables[table], name, ratios[row])
        # Twice as much is as wrong as half; what is far off for other reasons must not decide.
        wrong = np.log(ratios)
        weights = np.minimum(1, np.sqrt(_FAR / np.maximum(np.abs(wrong), _FAR)))
        held = _HOLD * np.eye(len(names))
        wanted = np.concatenate([-wrong * weights, np.zeros(len(names))])
        change, *_ = np.linalg.lstsq(
            np.vstack([slopes * weights[:, None], held]), wanted, rcond=None
        )
        for (table, name), part in zip(names, change, strict=True):
            tables[table][name] *= float(np.clip(np.exp(part), 1 / _FURTHEST, _FURTHEST))
    return [f"{table}.{name}" for i, (table, name) in enumerate(names) if not slopes[:, i].any()]


def factors(found: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """By core, what estimates are to be multiplied by: kernel by kernel, and of each library.

    Not of the portable one, whose kernels have nothing in common.
    """
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    for sample in found:
        core, kernel = sample.core.name, sample.kernel.name
        # What is in the file now is part of the estimate.
        ratio = factor(core, kernel) / (1 + sample.error)
        ratios[core, kernel].append(ratio)
        if not kernel.startswith("portable."):
            ratios[core, kernel.partition(".")[0]].append(ratio)
    tables: dict[str, dict[str, float]] = defaultdict(dict)
    for (core, name), values in sorted(ratios.items()):
        tables[core][name] = float(f"{statistics.median(values):.3g}")
    return tables


def _slope(sample: Sample, numbers: _Watched, name: str, ratio: float) -> float:
    """By what part an estimate changes with a number, as a part of that."""
    before = dict.__getitem__(numbers, name)
    numbers[name] = before * (1 + _STEP)
    changed = 1 + sample.error
    numbers[name] = before
    return (changed / ratio - 1) / _STEP


def median_error(errors: Sequence[float]) -> float:
    """Half of the estimates are at most so far off, up or down."""
    return statistics.median(map(abs, errors))


def _table(found: Sequence[Sample], before: Sequence[float], after: Sequence[float]) -> Table:
    table = Table()
    for heading in ("kernel, core", "layers", "median", "worst", "median, fitted", "worst, fitted"):
        table.add_column(heading, justify="left" if heading == "kernel, core" else "right")
    groups: dict[str, list[int]] = {"all": list(range(len(found)))}
    for number, sample in enumerate(found):
        groups.setdefault(f"{sample.kernel.name}, {sample.core.name}", []).append(number)
    for name in sorted(groups):
        cells = []
        for errors in (before, after):
            own = [errors[number] for number in groups[name]]
            cells += [f"{median_error(own):.1%}", f"{max(own, key=abs):.1%}"]
        table.add_row(name, str(len(groups[name])), *cells)
    return table


def _write_costs() -> None:
    """Puts the numbers into the file, whose order and comments stay."""
    table, lines = "", []
    for line in COSTS_FILE.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r'\["(.+)"\]', line):
            table = header[1]
        elif entry := re.fullmatch(r"(\w+) = .*", line):
            lines.append(f"{entry[1]} = {TABLES[table][entry[1]]:.3g}")
            continue
        lines.append(line)
    COSTS_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_factors() -> None:
    """Puts the factors into the file, below its comment."""
    text = FACTORS_FILE.read_text(encoding="utf-8").splitlines()
    lines = [line for line in text if line.startswith("#")]
    for core, numbers in sorted(FACTORS.items()):
        lines += ["", f"[{core}]", *(f'"{name}" = {number}' for name, number in numbers.items())]
    FACTORS_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def recorded(models: str = "", core: str = "") -> Iterator[Sample]:
    """The layers of the profiles that are kept: of models that are there, and match a pattern."""
    for entry in json.loads(PROFILES.read_text(encoding="utf-8")):
        model, target = ROOT / entry["model"], board(entry["board"], entry["core"])
        wanted = re.search(models, model.stem) and core in ("", target.core.name)
        if wanted and model.exists():
            yield from samples(model, target, KernelChoice(entry["kernels"]), entry["layers"])


def _whole_models() -> list[Path]:
    return [model for pattern in WHOLE for model in sorted(ROOT.glob(pattern))]


def _wanted() -> Iterator[tuple[Path, KernelChoice, str, str]]:
    """What is profiled: a model, whose kernels, on which board, built for which core."""
    both = (KernelChoice.TINYGEN, KernelChoice.CMSIS_NN)
    for model, kernels, place in itertools.product(_whole_models(), both, (*PLACES, *OTHER_PLACES)):
        yield model, kernels, *place
    for model, place in itertools.product(sorted(ROOT.glob(SINGLE)), PLACES):
        yield model, KernelChoice.TINYGEN, *place


def _record_all(console: Console, cores: Sequence[str]) -> None:
    """Profiles anew on these cores, and keeps the profiles of the others."""
    entries = json.loads(PROFILES.read_text(encoding="utf-8"))
    kept = [entry for entry in entries if entry["core"] not in cores]
    for model, kernels, place, core in _wanted():
        if core not in cores:
            continue
        title = f"{model.stem}, {core}, {kernels.value}"
        try:
            layers = record(model, board(place, core), kernels)
        except TinygenError as error:
            console.print(f"{title}: {error.message}")
            continue
        console.print(f"{title}: {len(layers)} layers")
        name = os.path.relpath(model, ROOT)
        entry = {"model": name, "board": place, "core": core, "kernels": kernels.value}
        kept.append({**entry, "layers": layers})
    lines = ",\n".join(map(json.dumps, kept))
    PROFILES.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


@click.command()
@click.option("--recorded", "again", is_flag=True, help="Fit to the profiles that are kept.")
@click.option("--core", "cores", multiple=True, help="Profile, and fit to, this core only.")
@click.option("--write", is_flag=True, help="Put the fitted numbers into the files of costs.")
def main(again: bool, cores: tuple[str, ...], write: bool) -> None:
    """Profile, fit, and say how far the estimates are off before and after."""
    console = Console(highlight=False)
    if not again:
        _record_all(console, cores or [core for _, core in (*PLACES, *OTHER_PLACES)])
    fitted = {core for _, core in PLACES}
    everything = list(recorded())
    found = [sample for sample in everything if sample.core.name in fitted]
    others = [sample for sample in everything if sample.core.name not in fitted]
    before = [sample.error for sample in (*found, *others)]
    refitted = not cores or bool(fitted & set(cores))
    unused = fit(found) if refitted else []
    FACTORS.update(factors(others))
    after = [sample.error for sample in (*found, *others)]
    console.print(_table((*found, *others), before, after))
    console.print(f"no profiled layer depends on: {', '.join(unused)}")
    if not again and not cores:
        PASSES.update(passes.fit(_whole_models()))
        console.print(f"passes over constants for each position: {PASSES}")
    if write:
        passes.write(PASSES)
        _write_factors()
        if refitted:
            _write_costs()
        console.print(f"written: {FACTORS_FILE}, {PASSES_FILE}{f', {COSTS_FILE}' * refitted}")


if __name__ == "__main__":
    run(main)
