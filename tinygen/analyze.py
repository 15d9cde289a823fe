# SPDX-License-Identifier: Apache-2.0
"""What a plan will take: MACs, weights, arena against its lower bound, flash, boards that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygen.options import Budget
from tinygen.plan import Plan
from tinygen.plan_data import rewrites_as_data
from tinygen.targets.boards import Board, all_boards

_CODE_BYTES = 1024
_CODE_BYTES_PER_STEP = 600
STACK_RESERVE_BYTES = 1024
"""RAM that a board is assumed to need beside the arena and the model's state."""


def flash_estimate(plan: Plan) -> int:
    """Bytes of flash: constants, and a rough figure for code (`profile` links and measures it).

    What a state is after a reset is there twice: as the variable's initial value, and to reset it.
    """
    steps = sum(len(step.bindings) for step in plan.all_steps if not step.is_view)
    code = _CODE_BYTES + steps * _CODE_BYTES_PER_STEP
    return plan.weight_bytes + 2 * plan.state_bytes + code


def ram_budget(board: Board | None) -> Budget | None:
    """What a board leaves for the arena; None for a machine without limits."""
    if board is None or not board.ram:
        return None
    whole = board.ram[0].length
    source = f"the RAM of {board.name} ({whole:,}, less {STACK_RESERVE_BYTES:,} for the stack)"
    return Budget(whole - STACK_RESERVE_BYTES, source)


def fits(plan: Plan, board: Board) -> bool:
    """Whether arena, state and flash estimate fit the first RAM and flash region of a board."""
    return (
        plan.arena_bytes + plan.state_bytes + STACK_RESERVE_BYTES <= board.ram[0].length
        and flash_estimate(plan) <= board.flash[0].length
    )


def fitting_boards(plan: Plan) -> Sequence[Board]:
    """The boards of the plan's core that the model fits."""
    return [
        board
        for board in all_boards()
        if not board.is_host and board.core == plan.options.core and fits(plan, board)
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
