# SPDX-License-Identifier: Apache-2.0
"""How often kernels read their constants (tinygen/kernels/passes.toml): by what boards wait."""

from __future__ import annotations

import itertools
import math
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tinygen.compilation import compile_model
from tinygen.errors import TinygenError
from tinygen.hardware.boards import Board, board
from tinygen.ir import reference
from tinygen.kernels.waits import PASSES_FILE, constants_of
from tinygen.measure.profile import profile
from tinygen.planning.board_memory import on_board, waits_of
from tinygen.planning.options import KernelChoice, Options

PLACES = ("nucleo-l4r5zi", "rpi-pico")
"""Boards on which constants are waited for, of cores with kernels of their own."""


def passes(model: Path, place: Board, kernels: KernelChoice) -> Iterator[tuple[str, float]]:
    """The kernels of layers that read most constants in every pass, and their passes a position."""
    waits = waits_of(place)
    assert waits is not None
    compilation = compile_model(model, on_board(place, Options("net", kernels=kernels)))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    with tempfile.TemporaryDirectory(prefix="tinygen-passes-") as work:
        measured = profile(compilation, place, sample, Path(work))
    named = {layer.name: layer for layer in measured.layers}
    for step in compilation.plan.steps:
        if step.stream is not None or step.is_view:
            continue
        layer = step.layer
        own = constants_of(layer)
        again = waits.missed_again(own)
        shape: tuple[int, ...] = getattr(layer, "output_shape", ())
        positions = math.prod(shape[:-1])
        stalls = named[compilation.network.tensors[layer.outputs[0]].name].stalls
        if again > own / 2 and positions > 1 and stalls is not None:
            read = stalls.data / waits.data.miss_cycles * waits.data.line_bytes
            yield step.kernel, (1 + (read - own) / again) / positions


def fit(models: Sequence[Path]) -> dict[str, float]:
    """Of each kernel that the models have on these boards, the median."""
    values = defaultdict(list)
    both = (KernelChoice.TINYGEN, KernelChoice.CMSIS_NN)
    for model, place, kernels in itertools.product(models, PLACES, both):
        # A model that does not fit a board, or has no kernel there, says nothing.
        with suppress(TinygenError):
            for kernel, number in passes(model, board(place), kernels):
                values[kernel].append(number)
    return {kernel: float(f"{statistics.median(values[kernel]):.2g}") for kernel in sorted(values)}


def write(fitted: Mapping[str, float]) -> None:
    """Puts the numbers into the file, below its comment."""
    text = PASSES_FILE.read_text(encoding="utf-8").splitlines()
    lines = [line for line in text if line.startswith("#")]
    lines += [f'"{kernel}" = {number}' for kernel, number in fitted.items()]
    PASSES_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
