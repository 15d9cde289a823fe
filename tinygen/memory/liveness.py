# SPDX-License-Identifier: Apache-2.0
"""Which blocks of memory are needed during which steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Contiguous memory needed from step ``first`` to step ``last``, both included.

    ``key`` names it for the planner; ``size`` and ``alignment`` are bytes.
    """

    key: str
    size: int
    first: int
    last: int
    alignment: int = 4

    def overlaps_in_time(self, other: Block) -> bool:
        """Whether there is a step that needs both."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Use:
    """What one step reads and writes, by storage key."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]


def lifetimes(
    uses: Sequence[Use], inputs: Sequence[str], outputs: Sequence[str]
) -> Mapping[str, tuple[int, int]]:
    """First and last step of every storage key.

    The model's inputs live from step 0 (the application fills them before); its outputs live to the
    last step (the application reads them after). A key written and never read lives for its step.
    """
    spans: dict[str, tuple[int, int]] = dict.fromkeys(inputs, (0, 0))
    for step, use in enumerate(uses):
        for key in (*use.reads, *use.writes):
            first, _ = spans.get(key, (step, step))
            spans[key] = (first, step)
    for key in outputs:
        first, _ = spans.get(key, (0, 0))
        spans[key] = (first, max(len(uses) - 1, 0))
    return spans
