# SPDX-License-Identifier: Apache-2.0
"""What a plan will take: MACs, weights, arena against its lower bound, flash, boards that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygen.hardware.boards import Board, all_boards
from tinygen.planning.as_data import rewrites_as_data
from tinygen.planning.board_memory import STACK_RESERVE_BYTES, banks_of
from tinygen.planning.budget import block_name
from tinygen.planning.layout import storage_roots
from tinygen.planning.plan import Plan
from tinygen.planning.traffic import traffic

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


def _banks_as_data(plan: Plan) -> list[dict[str, Any]]:
    """What lies in which bank, and the bytes an inference moves to and from it, estimated."""
    moved = traffic(plan.network, plan.steps, storage_roots(plan.network, plan.steps))
    return [
        {
            "name": part.bank.name,
            "fast": part.bank.fast,
            "bytes": part.nbytes,
            "available": part.bank.nbytes,
            "holds": [
                {
                    "block": block_name(plan, block.key),
                    "bytes": block.size,
                    "moved_bytes": moved.get(block.key, 0),
                }
                for block in plan.blocks
                if part.holds(plan.block_offsets[block.key])
            ],
        }
        for part in plan.banks
    ]


def analysis_as_data(plan: Plan) -> dict[str, Any]:
    """Everything ``tinygen analyze`` tells, as plain data for JSON."""
    tensors = plan.network.tensors
    return {
        "model": plan.network.graph.source,
        "target": plan.options.core.name,
        "macs": plan.network.macs,
        "file_bytes": plan.network.graph.file_bytes,
        "weight_bytes": plan.weight_bytes,
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound_bytes": plan.arena_lower_bound_bytes,
        "banks": _banks_as_data(plan),
        "state_bytes": plan.state_bytes,
        "unstreamed_arena_bytes": plan.unstreamed_bytes,
        "file_order_arena_bytes": plan.file_order_bytes,
        "cycles_estimate": plan.cycles,
        "added_cycles": plan.added_cycles,
        "flash_estimate_bytes": flash_estimate(plan),
        "boards": [board.name for board in fitting_boards(plan)],
        "operators": [
            {
                "index": layer.operator.index,
                "op": layer.operator.name,
                "name": tensors[layer.outputs[0]].name,
                "input_shapes": [list(tensors[i].shape) for i in layer.inputs],
                "output_shapes": [list(tensors[i].shape) for i in layer.outputs],
                "macs": layer.macs,
                "weight_bytes": sum(c.values.nbytes for c in binding.constants),
                "kernel": step.kernel if step.stream is None else step.stream.kernels[position],
            }
            for step in plan.steps
            for position, (layer, binding) in enumerate(
                zip(step.layers, step.bindings, strict=True)
            )
        ],
        "rewrites": rewrites_as_data(plan.network.graph),
    }
