# SPDX-License-Identifier: Apache-2.0
"""Offsets of blocks in one arena, so that blocks alive at the same time do not overlap.

First-fit over several orders of the blocks, then hill climbing over the order, seeded: the same
blocks always get the same offsets. The search stops as soon as it meets the lower bound.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from tinygen.memory.liveness import Block

_HILL_CLIMB_STEPS = 2000


def lower_bound(blocks: Sequence[Block]) -> int:
    """Bytes alive at the worst step: no packing can do with less."""
    steps = {block.first for block in blocks}
    return max(
        (sum(b.size for b in blocks if b.first <= step <= b.last) for step in steps), default=0
    )


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def first_fit(order: Sequence[Block]) -> dict[str, int]:
    """Place the blocks in this order, each at the lowest offset free during its whole life."""
    placed: list[tuple[int, Block]] = []
    for block in order:
        neighbours = sorted(
            ((offset, other.size) for offset, other in placed if other.overlaps_in_time(block)),
        )
        candidate = 0
        for offset, size in neighbours:
            if candidate + block.size <= offset:
                break
            candidate = _aligned(max(candidate, offset + size), block.alignment)
        placed.append((candidate, block))
    return {block.key: offset for offset, block in placed}


def extent(blocks: Sequence[Block], offsets: Mapping[str, int]) -> int:
    """Bytes of an arena that holds the blocks at these offsets."""
    return max((offsets[block.key] + block.size for block in blocks), default=0)


def pack(blocks: Sequence[Block]) -> dict[str, int]:
    """Offsets of all blocks, by key."""
    bound = lower_bound(blocks)
    orders = (
        sorted(blocks, key=lambda b: (-b.size, b.first, b.key)),
        sorted(blocks, key=lambda b: (b.first, -b.size, b.key)),
        sorted(blocks, key=lambda b: (b.first - b.last, -b.size, b.key)),
    )
    best_order = min(orders, key=lambda order: extent(blocks, first_fit(order)))
    best = first_fit(best_order)
    size = extent(blocks, best)
    generator = random.Random(0)
    for _ in range(_HILL_CLIMB_STEPS if len(blocks) > 1 else 0):
        if size == bound:
            break
        i, j = generator.sample(range(len(blocks)), 2)
        order = list(best_order)
        order[i], order[j] = order[j], order[i]
        offsets = first_fit(order)
        trial = extent(blocks, offsets)
        if trial <= size:
            best_order, best, size = order, offsets, trial
    return best
