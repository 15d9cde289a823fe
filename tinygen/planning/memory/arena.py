# SPDX-License-Identifier: Apache-2.0
"""Offsets of bodies in one arena, so that none disturbs another.

First-fit over several orders of the bodies, then hill climbing over the order, seeded and bounded by
a number of trials, not by time: the same bodies always get the same offsets. The search stops as soon
as it meets the lower bound. Small arenas are then searched exactly (``tinygen.planning.memory.exact``).
"""

from __future__ import annotations

import functools
import operator
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TypeVar

from tinygen.planning.memory.body import (
    Body,
    Interval,
    Sharing,
    forbidden,
    merged,
    mirrored,
    rounded_up,
    runs,
)
from tinygen.planning.memory.exact import smaller_placement

_TRIALS_TIMES_BODIES = 12_000

Rank = tuple[int, ...]
"""What is to be least, the most important first."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Item:
    """What is placed as one: a body, or several that start at the same byte."""

    bodies: tuple[Body, ...]
    size: int
    alignment: int
    first: int
    last: int

    @property
    def key(self) -> str:
        return self.bodies[0].key


@dataclass(frozen=True)
class Placement:
    """Offsets by key, the bytes they take, and whether no placement takes fewer."""

    offsets: Mapping[str, int]
    extent: int
    optimal: bool


class Arena:
    """The bodies to place and who may share memory with whom.

    ``together`` names bodies that shall start at the same byte, where that disturbs neither.
    """

    def __init__(
        self,
        bodies: Sequence[Body],
        sharings: Sequence[Sharing] = (),
        together: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.bodies = tuple(bodies)
        self._given = tuple(sharings), tuple(together)
        self._sharings: dict[tuple[str, str], list[Sharing]] = {}
        for sharing in sharings:
            if sharing.reader != sharing.writer:
                self._sharings.setdefault((sharing.reader, sharing.writer), []).append(sharing)
        self._between: dict[tuple[str, str], tuple[Interval, ...]] = {}
        for number, a in enumerate(self.bodies):
            for b in self.bodies[number + 1 :]:
                given = self._sharings
                between = given.get((a.key, b.key)) or given.get((b.key, a.key), [])
                intervals = forbidden(a, b, between)
                if intervals:
                    self._between[a.key, b.key] = intervals
                    self._between[b.key, a.key] = mirrored(intervals)
        self.items = self._grouped(together)
        """What is placed as one: a body, or several that start at the same byte."""
        self.forbidden = self._item_conflicts()
        """By item, the items it conflicts with and the forbidden distances to them from there."""

    def _grouped(self, together: Sequence[tuple[str, str]]) -> list[_Item]:
        group = {body.key: [body] for body in self.bodies}
        for a, b in together:
            if group[a] is not group[b] and not any(
                low < 0 < high
                for x in group[a]
                for y in group[b]
                for low, high in self._between.get((x.key, y.key), ())
            ):
                group[a].extend(group[b])
                for body in group[b]:
                    group[body.key] = group[a]
        items = []
        for body in self.bodies:
            members = group[body.key]
            if members[0] is body:
                items.append(
                    _Item(
                        tuple(members),
                        max(m.size for m in members),
                        max(m.alignment for m in members),
                        min(m.first for m in members),
                        max(m.last for m in members),
                    )
                )
        return items

    def _item_conflicts(self) -> list[list[tuple[int, tuple[Interval, ...]]]]:
        conflicts: list[list[tuple[int, tuple[Interval, ...]]]] = [[] for _ in self.items]
        for i, a in enumerate(self.items):
            for j, b in enumerate(self.items):
                if i != j:
                    found = merged(
                        [
                            interval
                            for x in b.bodies
                            for y in a.bodies
                            for interval in self._between.get((x.key, y.key), ())
                        ]
                    )
                    if found:
                        conflicts[i].append((j, found))
        return conflicts

    @cached_property
    def lower_bound(self) -> int:
        """Bytes that no placement can do without: the worst event, every sharing there granted."""
        last = max((body.last for body in self.bodies), default=0)
        change = [0] * (last + 2)
        for body in self.bodies:
            for part in body.parts:
                for first, end in runs(part.events):
                    change[first] += part.size
                    change[end] -= part.size
        needed = list(accumulate(change))
        for event, saved in self._saved().items():
            needed[event] -= saved
        return max(needed)

    def _saved(self) -> dict[int, int]:
        """By event, the most bytes that sharings can save there."""
        by_key = {body.key: body for body in self.bodies}
        saved: dict[int, dict[str, int]] = {}
        for (reader, writer), sharings in self._sharings.items():
            inside, outside = by_key[reader], by_key[writer]
            common = inside.events & outside.events
            best: dict[int, int] = {}
            for sharing in sharings:
                if sharing.pairs is None:
                    soft = common if common & (common - 1) == 0 else 0
                else:
                    soft = functools.reduce(operator.or_, sharing.pairs.values(), 0) & common
                for first, end in runs(soft):
                    for event in range(first, end):
                        sizes = inside.needed(event), outside.needed(event)
                        both = max(sharing.lead + sizes[0], *sizes)
                        best[event] = max(best.get(event, 0), sum(sizes) - both)
            for event, size in best.items():
                written = saved.setdefault(event, {})
                written[writer] = min(written.get(writer, 0) + size, outside.needed(event))
        return {event: sum(written.values()) for event, written in saved.items()}

    def lowest(self, number: int, placed: Mapping[int, int]) -> int:
        """The lowest offset at which an item disturbs none of those placed (offsets by number)."""
        taken = []
        for other, intervals in self.forbidden[number]:
            start = placed.get(other)
            if start is not None:
                taken += [(start + low, start + high) for low, high in intervals]
        taken.sort()
        alignment = self.items[number].alignment
        offset = 0
        for low, high in taken:
            if low < offset < high:
                offset = rounded_up(high, alignment)
        return offset

    def _first_fit(self, order: Sequence[int]) -> list[int]:
        """Place the items in this order, each at the lowest offset that disturbs none before."""
        placed: dict[int, int] = {}
        for number in order:
            placed[number] = self.lowest(number, placed)
        return [placed[number] for number in range(len(self.items))]

    def _size(self, offsets: Sequence[int]) -> int:
        return max((o + item.size for o, item in zip(offsets, self.items, strict=True)), default=0)

    def only(self, numbers: Sequence[int]) -> Arena:
        """The arena of some of the items."""
        bodies = [body for number in numbers for body in self.items[number].bodies]
        keys = {body.key for body in bodies}
        sharings, together = self._given
        return Arena(
            bodies,
            [s for s in sharings if {s.reader, s.writer} <= keys],
            [pair for pair in together if keys.issuperset(pair)],
        )

    def orders(self) -> Iterator[list[int]]:
        """Orders of the items in which first fit does well."""
        items = self.items
        for key in (
            lambda i: (-items[i].size, items[i].first, items[i].key),
            lambda i: (items[i].first, -items[i].size, items[i].key),
            lambda i: (-items[i].last, -items[i].size, items[i].key),
            lambda i: (items[i].first - items[i].last, -items[i].size, items[i].key),
        ):
            yield sorted(range(len(items)), key=key)

    def pack(self, effort: float = 1.0) -> Placement:
        """Offsets of all bodies. ``effort`` scales the number of trials."""
        bound = self.lower_bound

        def attempt(order: Sequence[int]) -> tuple[Rank, list[int]]:
            offsets = self._first_fit(order)
            return (self._size(offsets),), offsets

        (size,), best = climb(self.orders(), attempt, effort, (bound,))
        proven = size == bound
        if not proven and effort >= 1:
            sizes = [item.size for item in self.items]
            alignments = [item.alignment for item in self.items]
            found, proven = smaller_placement(
                sizes, alignments, self.forbidden, bound, size, effort
            )
            if found is not None:
                size, best = self._size(found), found
        pairs = zip(self.items, best, strict=True)
        offsets = {body.key: offset for item, offset in pairs for body in item.bodies}
        return Placement(offsets, size, proven)


def climb(
    orders: Iterable[list[int]],
    attempt: Callable[[Sequence[int]], tuple[Rank, Result]],
    effort: float,
    goal: Rank | None = None,
) -> tuple[Rank, Result]:
    """The least rank that these orders, and seeded swaps in the best of them, attempt; its result.

    ``effort`` scales the number of trials; they end when the rank is ``goal``.
    """
    tried = [(*attempt(order), order) for order in orders]
    rank, result, best = min(tried, key=lambda trial: trial[0])
    generator = random.Random(0)
    count = len(best)
    for _ in range(int(effort * _TRIALS_TIMES_BODIES / count) if count > 1 else 0):
        if rank == goal:
            break
        i, j = generator.sample(range(count), 2)
        order = list(best)
        order[i], order[j] = order[j], order[i]
        found, offsets = attempt(order)
        if found <= rank:
            rank, result, best = found, offsets, order
    return rank, result
