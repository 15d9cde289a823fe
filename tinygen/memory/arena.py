# SPDX-License-Identifier: Apache-2.0
"""Offsets of blocks in one arena, so that blocks alive at the same time do not disturb each other.

First-fit over several orders of the blocks, then hill climbing over the order, seeded and bounded by
a number of trials, not by time: the same blocks always get the same offsets. The search stops as soon
as it meets the lower bound.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygen.memory.liveness import Block

_TRIALS_TIMES_BLOCKS = 12_000


@dataclass(frozen=True)
class Sharing:
    """Two blocks that meet in one step, the second of which may be written over the first.

    Right where ``writer`` starts at least ``lead`` bytes before ``reader`` (``exact``: just so many),
    or they are apart.
    """

    reader: str
    writer: str
    lead: int
    exact: bool = False

    def allows(self, distance: int) -> bool:
        """Whether the reader may start that many bytes behind the writer."""
        return distance == self.lead if self.exact else distance >= self.lead


class Arena:
    """The blocks to place and who may share memory with whom.

    A ``Sharing`` counts only if the two blocks are both alive in exactly one step.
    """

    def __init__(self, blocks: Sequence[Block], sharings: Sequence[Sharing] = ()) -> None:
        self.blocks = tuple(blocks)
        by_key = {block.key: block for block in blocks}
        self._sharings: dict[tuple[str, str], Sharing] = {}
        for sharing in sharings:
            reader, writer = by_key[sharing.reader], by_key[sharing.writer]
            if reader.key != writer.key and reader.last == writer.first:
                self._sharings[reader.key, writer.key] = sharing
        self._neighbours = {
            block.key: [
                other
                for other in blocks
                if other.key != block.key and other.overlaps_in_time(block)
            ]
            for block in blocks
        }

    def lower_bound(self) -> int:
        """Bytes that no placement can do without: the worst step, its best sharing granted."""
        steps = {block.first for block in self.blocks} | {block.last for block in self.blocks}
        return max((self._needed(step) for step in steps), default=0)

    def _needed(self, step: int) -> int:
        alive = {b.key: b for b in self.blocks if b.first <= step <= b.last}
        total = sum(block.size for block in alive.values())
        saved = 0
        for (reader, writer), sharing in self._sharings.items():
            if reader in alive and writer in alive:
                inside, outside = alive[reader].size, alive[writer].size
                saved = max(saved, inside + outside - max(sharing.lead + inside, outside))
        return total - saved

    def compatible(self, a: Block, a_offset: int, b: Block, b_offset: int) -> bool:
        """Whether two blocks alive at the same time may have these offsets."""
        if a_offset + a.size <= b_offset or b_offset + b.size <= a_offset:
            return True
        for reader, writer, distance in (
            (a.key, b.key, a_offset - b_offset),
            (b.key, a.key, b_offset - a_offset),
        ):
            sharing = self._sharings.get((reader, writer))
            if sharing is not None and sharing.allows(distance):
                return True
        return False

    def _candidates(self, block: Block, placed: Mapping[str, int]) -> list[int]:
        """Offsets worth trying: the start, behind each neighbour, and where sharing just works."""
        offsets = [0]
        for other in self._neighbours[block.key]:
            if other.key not in placed:
                continue
            start = placed[other.key]
            offsets.append(_up(start + other.size, block.alignment))
            over_reader = self._sharings.get((other.key, block.key))
            if over_reader is not None:
                offsets.append(_down(start - over_reader.lead, block.alignment))
            under_writer = self._sharings.get((block.key, other.key))
            if under_writer is not None:
                offsets.append(_up(start + under_writer.lead, block.alignment))
        return sorted({offset for offset in offsets if offset >= 0})

    def first_fit(self, order: Sequence[Block]) -> dict[str, int]:
        """Place the blocks in this order, each at the lowest offset that disturbs none before."""
        placed: dict[str, int] = {}
        for block in order:
            others = [b for b in self._neighbours[block.key] if b.key in placed]
            placed[block.key] = next(
                offset
                for offset in self._candidates(block, placed)
                if all(self.compatible(block, offset, b, placed[b.key]) for b in others)
            )
        return placed

    def extent(self, offsets: Mapping[str, int]) -> int:
        """Bytes of an arena that holds the blocks at these offsets."""
        return max((offsets[block.key] + block.size for block in self.blocks), default=0)

    def pack(self) -> dict[str, int]:
        """Offsets of all blocks, by key."""
        bound = self.lower_bound()
        orders = (
            sorted(self.blocks, key=lambda b: (-b.size, b.first, b.key)),
            sorted(self.blocks, key=lambda b: (b.first, -b.size, b.key)),
            sorted(self.blocks, key=lambda b: (-b.last, -b.size, b.key)),
            sorted(self.blocks, key=lambda b: (b.first - b.last, -b.size, b.key)),
        )
        best_order = min(orders, key=lambda order: self.extent(self.first_fit(order)))
        best = self.first_fit(best_order)
        size = self.extent(best)
        generator = random.Random(0)
        count = len(self.blocks)
        for _ in range(min(_TRIALS_TIMES_BLOCKS // max(count, 1), math.factorial(count) - 1)):
            if size == bound:
                break
            i, j = generator.sample(range(count), 2)
            order = list(best_order)
            order[i], order[j] = order[j], order[i]
            offsets = self.first_fit(order)
            trial = self.extent(offsets)
            if trial <= size:
                best_order, best, size = order, offsets, trial
        return best


def _up(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def _down(offset: int, alignment: int) -> int:
    return offset // alignment * alignment
