# SPDX-License-Identifier: Apache-2.0
"""What a comparison finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What some layers, or a whole model, take; None where it could not be told."""

    instructions: int | None
    cycles: int | None
    kernel: str

    @property
    def time(self) -> int | None:
        """Cycles, or where there are none, instructions."""
        return self.instructions if self.cycles is None else self.cycles


@dataclass(frozen=True)
class Row:
    """The same layers on both sides. ``op`` names the operators."""

    op: str
    macs: int
    tinygen: Cost
    cmsis_nn: Cost

    @property
    def speedup(self) -> float | None:
        """How many times faster tinygen is; None for layers that take no time."""
        ours, theirs = self.tinygen.time, self.cmsis_nn.time
        return theirs / ours if ours and theirs is not None else None


@dataclass(frozen=True)
class Memory:
    """Bytes of a whole model as linked."""

    flash_code: int
    flash_weights: int
    ram: int
    stack: int | None

    @property
    def flash(self) -> int:
        """Code and weights."""
        return self.flash_code + self.flash_weights


@dataclass(frozen=True)
class Comparison:
    """One model: its layers, its total (the calls between layers included), its memory."""

    model: str
    rows: tuple[Row, ...]
    total: Row
    tinygen: Memory
    cmsis_nn: Memory
