# SPDX-License-Identifier: Apache-2.0
"""What a variant costs on a board: a real build and an emulated run; energy is estimated from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tinygen.compilation import compile_model
from tinygen.errors import BudgetError
from tinygen.hardware.boards import Board, all_boards
from tinygen.ir import reference
from tinygen.ir.progress import Progress
from tinygen.measure.profile import profile
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import Options
from tinygen.planning.plan import Plan


@dataclass(frozen=True)
class Energy:
    """Estimated energy of one inference on a real board of the same core.

    ``source`` is where its current comes from. Memory wait states, peripherals and sleep are left out.
    """

    board: str
    microjoules: float
    run_ua_per_mhz: float
    volts: float
    source: str


@dataclass(frozen=True)
class BoardCost:
    """One variant on one board, of one inference; ``problem`` says why there are no figures.

    ``fpu``: the core computes float32 in hardware. ``cycles`` are estimated, None without a timing
    model of the core; ``cycle_model`` says what they rest on. ``flash_bytes`` are code and constants
    as linked, ``ram_bytes`` arena, static variables and stack peak. ``loads`` and ``stores`` are
    memory accesses as executed. ``bit_exact``: the emulated outputs equal the reference. ``energy`` is
    on real boards whose current is known.
    """

    board: str
    core: str
    fpu: bool
    problem: str = ""
    instructions: int | None = None
    cycles: int | None = None
    cycle_model: str = ""
    flash_bytes: int = 0
    flash_code: int = 0
    ram_bytes: int = 0
    loads: int | None = None
    stores: int | None = None
    bit_exact: bool | None = None
    energy: tuple[Energy, ...] = ()


@dataclass(frozen=True)
class Traffic:
    """Bytes that one inference moves if every layer reads its constants and inputs and writes its
    outputs once: what the network asks for, whatever the kernels make of it.
    """

    weights: int
    activations: int


def traffic(plan: Plan) -> Traffic:
    """The bytes that a plan's layers move; views move none."""
    tensors = plan.network.tensors
    moved = [step for step in plan.steps if step.binding.calls]
    return Traffic(
        weights=plan.weight_bytes,
        activations=sum(
            tensors[index].nbytes
            for step in moved
            for layer in step.layers
            for index in (*layer.inputs, *layer.outputs)
        ),
    )


def cost_on(
    model: Path, options: Options, board: Board, work_directory: Path, progress: Progress
) -> BoardCost:
    """Build a model for a board, run it there, and count."""
    empty = BoardCost(board.name, board.core.name, board.core.fpu)
    compilation = compile_model(model, on_board(board, options))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    try:
        measured = profile(
            compilation,
            board,
            sample,
            work_directory,
            progress=lambda text: progress(f"{options.name}: {text}"),
        )
    except BudgetError as error:
        return replace(empty, problem=error.message)
    memory = measured.memory
    counted = [layer for layer in measured.layers if layer.loads is not None]
    return replace(
        empty,
        instructions=measured.instructions,
        cycles=measured.cycles,
        cycle_model=measured.cycle_model,
        flash_bytes=memory.flash_code + memory.flash_weights,
        flash_code=memory.flash_code,
        ram_bytes=memory.ram_arena + memory.ram_static + (memory.stack_peak or 0),
        loads=sum(layer.loads or 0 for layer in counted) if counted else None,
        stores=sum(layer.stores or 0 for layer in counted) if counted else None,
        bit_exact=measured.bit_exact,
        energy=tuple(_energies(board, measured.cycles)),
    )


def _energies(board: Board, cycles: int | None) -> Iterator[Energy]:
    """Cycles × current per clock × voltage, on boards of the same core whose current is known."""
    for real in all_boards():
        if cycles is None or real.power is None or real.core != board.core:
            continue
        yield Energy(
            real.name,
            real.power.microjoules(cycles),
            real.power.run_ua_per_mhz,
            real.power.volts,
            real.power.source,
        )
