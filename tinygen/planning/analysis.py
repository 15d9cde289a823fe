# SPDX-License-Identifier: Apache-2.0
"""What a plan will take: MACs, weights, arena against its lower bound, flash, boards that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.hardware.boards import Board, all_boards
from tinygen.ir.data import Result
from tinygen.ir.graph import Rewrite
from tinygen.planning.board_memory import STACK_RESERVE_BYTES, banks_of
from tinygen.planning.budget import block_names
from tinygen.planning.layout import storage_roots
from tinygen.planning.plan import Plan
from tinygen.planning.traffic import traffic
from tinygen.reporting.console import in_html, print_analysis
from tinygen.reporting.ram_curve import curve_svg


@dataclass(frozen=True)
class PlannedLayer:
    """A layer as it was planned: number and kind of its operator, its output's name, what it takes."""

    index: int
    op: str
    name: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    macs: int
    weight_bytes: int
    kernel: str


@dataclass(frozen=True)
class Held:
    """What lies in a bank: its bytes, and those that an inference moves to and from it, estimated."""

    block: str
    bytes: int
    moved_bytes: int


@dataclass(frozen=True)
class BankUse:
    """A memory that the arena is spread over: how much of it is taken, and by what."""

    name: str
    fast: bool
    bytes: int
    available: int
    holds: tuple[Held, ...]


@dataclass(frozen=True)
class CurvePoint:
    """A plan with the budget ``ram``: its arena in one piece, its cycles, what it streams."""

    ram: int
    arena_bytes: int
    cycles_estimate: float
    added_cycles: float
    streamed: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class BoardTime:
    """What an inference is estimated to take on a real board, with a plan made for it."""

    board: str
    core: str
    clock_hz: int
    cycles: float
    milliseconds: float


@dataclass(frozen=True)
class Analysis(Result):
    """Everything ``tinygen analyze`` tells.

    ``arena_bytes`` is less than ``unstreamed_arena_bytes`` where layers are streamed by rows, and that
    less than ``file_order_arena_bytes`` where they are reordered. ``boards`` are those of the core that
    the plan fits; ``times`` are of real boards of all cores that the model fits, the fastest first.
    ``ram_curve`` is there if it was asked for.
    """

    model: str
    target: str
    macs: int
    file_bytes: int
    weight_bytes: int
    arena_bytes: int
    arena_lower_bound_bytes: int
    banks: tuple[BankUse, ...]
    state_bytes: int
    unstreamed_arena_bytes: int
    file_order_arena_bytes: int
    cycles_estimate: float
    added_cycles: float
    flash_estimate_bytes: int
    boards: tuple[str, ...]
    operators: tuple[PlannedLayer, ...]
    rewrites: tuple[Rewrite, ...]
    times: tuple[BoardTime, ...] = ()
    ram_curve: tuple[CurvePoint, ...] | None = None

    def _repr_html_(self) -> str:
        data = self.to_dict()
        return in_html(print_analysis, data) + (curve_svg(data) if self.ram_curve else "")


_CODE_BYTES = 1024
_CODE_BYTES_PER_STEP = 600


def flash_estimate(plan: Plan) -> int:
    """Bytes of flash: constants, and a rough figure for code (`profile` links and measures it).

    What a state is after a reset is there twice: as the variable's initial value, and to reset it.
    """
    steps = sum(len(step.bindings) for step in plan.all_steps if not step.is_view)
    code = _CODE_BYTES + steps * _CODE_BYTES_PER_STEP
    return plan.weight_bytes + 2 * plan.state_bytes + code


def fits(plan: Plan, board: Board) -> bool:
    """Whether arena and state fit the first RAM region of a board, or its banks if the plan is spread
    over banks of these names; and code and constants the first flash region.
    """
    room = {bank.name: bank.nbytes for bank in banks_of(board)}
    spread = bool(plan.banks) and all(
        part.nbytes + (0 if part.bank.section else plan.state_bytes) <= room.get(part.bank.name, 0)
        for part in plan.banks
    )
    whole = plan.arena_bytes + plan.state_bytes + STACK_RESERVE_BYTES <= board.ram[0].length
    return (spread or whole) and flash_estimate(plan) <= board.flash[0].length


def fitting_boards(plan: Plan) -> Sequence[Board]:
    """The boards of the plan's core that the model fits."""
    return [
        board
        for board in all_boards()
        if not board.is_host and board.core == plan.options.core and fits(plan, board)
    ]


def _banks(plan: Plan) -> tuple[BankUse, ...]:
    moved = traffic(plan.network, plan.steps, storage_roots(plan.network, plan.steps))
    names = block_names(plan)
    return tuple(
        BankUse(
            part.bank.name,
            part.bank.fast,
            part.nbytes,
            part.bank.nbytes,
            tuple(
                Held(names[block.key], block.size, moved.get(block.key, 0))
                for block in plan.blocks
                if part.holds(plan.block_offsets[block.key])
            ),
        )
        for part in plan.banks
    )


def planned_layers(plan: Plan) -> tuple[PlannedLayer, ...]:
    """The layers in the order in which they run, each with its kernel."""
    tensors = plan.network.tensors
    return tuple(
        PlannedLayer(
            index=layer.operator.index,
            op=layer.operator.name,
            name=tensors[layer.outputs[0]].name,
            input_shapes=tuple(tensors[i].shape for i in layer.inputs),
            output_shapes=tuple(tensors[i].shape for i in layer.outputs),
            macs=layer.macs,
            weight_bytes=sum(c.values.nbytes for c in binding.constants),
            kernel=step.kernel if step.stream is None else step.stream.kernels[position],
        )
        for step in plan.steps
        for position, (layer, binding) in enumerate(zip(step.layers, step.bindings, strict=True))
    )


def analyze(plan: Plan) -> Analysis:
    """What a plan will take."""
    return Analysis(
        model=plan.network.graph.source,
        target=plan.options.core.name,
        macs=plan.network.macs,
        file_bytes=plan.network.graph.file_bytes,
        weight_bytes=plan.weight_bytes,
        arena_bytes=plan.arena_bytes,
        arena_lower_bound_bytes=plan.arena_lower_bound_bytes,
        banks=_banks(plan),
        state_bytes=plan.state_bytes,
        unstreamed_arena_bytes=plan.unstreamed_bytes,
        file_order_arena_bytes=plan.file_order_bytes,
        cycles_estimate=plan.cycles,
        added_cycles=plan.added_cycles,
        flash_estimate_bytes=flash_estimate(plan),
        boards=tuple(board.name for board in fitting_boards(plan)),
        operators=planned_layers(plan),
        rewrites=plan.network.graph.rewrites,
    )
