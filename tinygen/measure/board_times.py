# SPDX-License-Identifier: Apache-2.0
"""How long a model would take on each real board, by the costs that plans are made with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tinygen.compilation import Compilation, lowered, planned
from tinygen.errors import BudgetError
from tinygen.hardware.boards import all_boards
from tinygen.planning.analysis import BoardTime, flash_estimate
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import Optimize


def board_times(compilation: Compilation) -> tuple[BoardTime, ...]:
    """The real boards that the model fits, each with a plan of its own, the fastest first."""
    return tuple(sorted(_times(compilation), key=lambda time: time.milliseconds))


def _times(compilation: Compilation) -> Iterator[BoardTime]:
    asked = compilation.plan.options
    network = lowered(compilation.graph, asked.numerics, asked.custom)
    # The limits that were asked for are of one board.
    options = replace(asked, ram=None, flash=None, banks=(), optimize=Optimize.SPEED)
    for board in all_boards():
        if board.emulator is not None or board.is_host:
            continue
        try:
            plan = planned(network, on_board(board, options))
        except BudgetError:
            continue
        if flash_estimate(plan) <= board.flash[0].length:
            cycles = plan.cycles
            if plan.options.waits is not None:
                cycles += len(plan.steps) * plan.options.waits.first_lines()
            milliseconds = cycles / board.clock_hz * 1e3
            yield BoardTime(board.name, board.core.name, board.clock_hz, cycles, milliseconds)
