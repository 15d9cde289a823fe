# SPDX-License-Identifier: Apache-2.0
"""tinygen's kernels against CMSIS-NN's, model by model and layer by layer, in the same run.

    python -m benchmarks.compare [--cmsis-nn PATH [--version TEXT]] [--board BOARD] [MODEL.tflite ...]

Both columns go through the same compiler flags, harness, emulator, plugin and input, and both must
equal the reference bit for bit. What is counted, and how well, is in docs/profile.md. Without models,
those in ``../shared/models`` are taken. Writes ``compare.json`` and ``compare.md``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from benchmarks import run
from benchmarks.data import Comparison, Cost, Memory, Row
from benchmarks.tables import markdown, terminal
from tinygen import __version__
from tinygen.compilation import compile_model
from tinygen.errors import InputError
from tinygen.hardware.boards import Board, board
from tinygen.hardware.toolchain import toolchain_for
from tinygen.ir import reference
from tinygen.kernels import cmsis_nn
from tinygen.measure.plugin import ask_qemu
from tinygen.measure.profile import LayerProfile, Profile, profile
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.run.qemu import qemu_path

MODELS = Path(__file__).resolve().parent.parent.parent / "shared" / "models"
DEFAULT_MODELS = (
    "mlperf_ad",
    "mlperf_kws",
    "mlperf_ic",
    "mlperf_vww",
    "person_detect",
    "micro_speech",
    "hello_world_int8",
)
_SEED = 1


def pair_layers(
    ours: Sequence[LayerProfile], theirs: Sequence[LayerProfile]
) -> list[tuple[list[LayerProfile], list[LayerProfile]]]:
    """The smallest groups of layers that cover the same operators on both sides.

    One side may compute several operators at once, or in another order, where the other does not.
    """
    parent: dict[int, int] = {}

    def root(operator: int) -> int:
        parent.setdefault(operator, operator)
        while parent[operator] != operator:
            operator = parent[operator]
        return operator

    for layer in (*ours, *theirs):
        for operator in layer.operators[1:]:
            a, b = sorted((root(layer.operators[0]), root(operator)))
            parent[b] = a
    groups: dict[int, tuple[list[LayerProfile], list[LayerProfile]]] = {}
    for side, layers in enumerate((ours, theirs)):
        for layer in layers:
            groups.setdefault(root(layer.operators[0]), ([], []))[side].append(layer)
    if any(not (left and right) for left, right in groups.values()):
        raise ValueError("the two profiles are not of the same model")
    return [groups[key] for key in sorted(groups)]


def _cost(layers: Sequence[LayerProfile]) -> Cost:
    return Cost(
        _sum([layer.instructions for layer in layers]),
        _sum([layer.cycles for layer in layers]),
        ", ".join(dict.fromkeys(layer.kernel for layer in layers if layer.kernel)),
    )


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def compare_profiles(model: str, ours: Profile, theirs: Profile) -> Comparison:
    """Two profiles of one model, side by side."""
    rows = [
        Row(
            op="+".join(layer.op for layer in min(pair, key=len)),
            macs=sum(layer.macs for layer in pair[0]),
            tinygen=_cost(pair[0]),
            cmsis_nn=_cost(pair[1]),
        )
        for pair in pair_layers(ours.layers, theirs.layers)
    ]
    total = Row(
        op="total",
        macs=sum(row.macs for row in rows),
        tinygen=Cost(ours.instructions, ours.cycles, ""),
        cmsis_nn=Cost(theirs.instructions, theirs.cycles, ""),
    )
    return Comparison(model, tuple(rows), total, _memory(ours), _memory(theirs))


def _memory(measured: Profile) -> Memory:
    footprint = measured.memory
    return Memory(
        footprint.flash_code,
        footprint.flash_weights,
        footprint.ram_arena + footprint.ram_static,
        footprint.stack_peak,
    )


def _profile(model: Path, target: Board, options: Options) -> Profile:
    compilation = compile_model(model, options)
    (sample,) = reference.random_inputs(compilation.network, 1, _SEED)
    with tempfile.TemporaryDirectory(prefix="tinygen-compare-") as work:
        measured = profile(compilation, target, sample, Path(work))
    if not measured.bit_exact:
        raise InputError(
            f"{model}: the outputs with --kernels {options.kernels.value} are not the reference's",
            f"tinygen verify {model} --board {target.name} --kernels {options.kernels.value}",
        )
    return measured


def compare(
    model: Path, target: Board, kernels: KernelChoice, optimize: Optimize, tree: cmsis_nn.CmsisNN
) -> Comparison:
    """Profiles one model both ways.

    Raises:
        InputError: a side's outputs are not those of the reference.
    """

    def options(choice: KernelChoice) -> Options:
        asked = Options("net", kernels=choice, optimize=optimize, cmsis_nn=tree.root)
        return on_board(target, asked)

    return compare_profiles(
        model.stem,
        _profile(model, target, options(kernels)),
        _profile(model, target, options(KernelChoice.CMSIS_NN)),
    )


def _environment(target: Board, tree: cmsis_nn.CmsisNN, version: str | None) -> dict[str, str]:
    return {
        "tinygen": __version__,
        "board": target.name,
        "core": target.core.name,
        "compiler": toolchain_for(target).version,
        "emulator": ask_qemu(qemu_path(), "--version").partition("\n")[0],
        "cmsis_nn": version or tree.version,
    }


def slowest(comparisons: Sequence[Comparison]) -> str:
    """Where tinygen gains least: how many times its cycles CMSIS-NN takes, model and layer."""
    speedup, model, number = min(
        (row.speedup, comparison.model, number)
        for comparison in comparisons
        for number, row in enumerate(comparison.rows)
        if row.speedup is not None
    )
    return f"{speedup:.3f} (layer {number} of {model})"


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--cmsis-nn", "tree_path", type=click.Path(path_type=Path), help="CMSIS-NN's sources."
)
@click.option("--version", help="What to call that tree, where it does not say (a commit).")
@click.option("--board", "board_name", default="qemu-mps2-an386", show_default=True)
@click.option(
    "--kernels",
    type=click.Choice(["auto", "tinygen"]),
    default="auto",
    show_default=True,
    help="What tinygen's column may use: the best of all kernels, or only its own.",
)
@click.option(
    "--optimize", type=click.Choice(["speed", "size"]), default="speed", show_default=True
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path(__file__).parent / "results",
    help="Folder for compare.json and compare.md.",
)
def main(
    models: tuple[Path, ...],
    tree_path: Path | None,
    version: str | None,
    board_name: str,
    kernels: str,
    optimize: str,
    output: Path,
) -> None:
    """Print, for every model and layer, tinygen against CMSIS-NN; write it as JSON and Markdown."""
    target = board(board_name)
    tree = cmsis_nn.require_tree(tree_path)
    chosen = models or tuple(MODELS / f"{name}.tflite" for name in DEFAULT_MODELS)
    environment = _environment(target, tree, version)
    console = Console(highlight=False)
    done = []
    for model in chosen:
        comparison = compare(model, target, KernelChoice(kernels), Optimize(optimize), tree)
        done.append(comparison)
        console.print(terminal(comparison))
    environment["optimize"] = optimize
    environment["least speedup of a layer"] = slowest(done)
    output.mkdir(parents=True, exist_ok=True)
    data = {**environment, "models": [asdict(comparison) for comparison in done]}
    (output / "compare.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (output / "compare.md").write_text(markdown(environment, done), encoding="utf-8")
    console.print(f"written: {output / 'compare.json'}, {output / 'compare.md'}")


if __name__ == "__main__":
    run(main)
