# SPDX-License-Identifier: Apache-2.0
"""Placement by branch and bound: the smallest extent, with proof, where the search comes to an end.

Every pair of items either has a distance below a forbidden interval or above it, and both are lower
bounds on one item's offset given the other's. So for a set of such decisions there is one least
placement, found by raising offsets until all hold; if it violates no interval it is a placement, and if
it is too large no placement with these decisions exists. Branching decides a violated interval, one
way and the other (disjunctive scheduling).
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.planning.memory.body import Interval, rounded_up

_STEPS = 1_500_000
"""Looks at a pair or at a rule after which the search gives up."""

_DEPTH = 500
"""Decisions in a row after which it gives up."""


class _ExhaustedError(Exception):
    """The search has taken all its steps."""


class _Search:
    def __init__(
        self,
        sizes: Sequence[int],
        alignments: Sequence[int],
        conflicts: Sequence[Sequence[tuple[int, tuple[Interval, ...]]]],
        steps: int,
    ) -> None:
        self.sizes = sizes
        self.alignments = alignments
        self.steps = steps
        self.pairs = [
            (other, number, intervals)
            for number, entries in enumerate(conflicts)
            for other, intervals in entries
            if other < number
        ]
        self.rules: list[list[tuple[int, int]]] = [[] for _ in sizes]
        """By item: others that must start at least so many bytes behind it."""

    def _spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise _ExhaustedError

    def raised(self, offsets: list[int], item: int, least: int, limit: int) -> list[int] | None:
        """The least offsets with one of them raised; None if they exceed the limit."""
        result = list(offsets)
        todo = [(item, least)]
        while todo:
            number, least = todo.pop()
            least = rounded_up(least, self.alignments[number])
            if least <= result[number]:
                continue
            self._spend(1 + len(self.rules[number]))
            if least + self.sizes[number] > limit:
                return None
            result[number] = least
            todo.extend((other, least + distance) for other, distance in self.rules[number])
        return result

    def solve(self, offsets: list[int], limit: int, depth: int = 0) -> list[int] | None:
        """A placement of at most ``limit`` bytes that obeys the rules so far, or None."""
        self._spend(1 + len(self.pairs) if depth < _DEPTH else self.steps + 1)
        worst: tuple[int, int, int, int, int] | None = None
        for a, b, intervals in self.pairs:
            distance = offsets[b] - offsets[a]
            for low, high in intervals:
                if low < distance < high:
                    weight = min(distance - low, high - distance)
                    if worst is None or weight > worst[0]:
                        worst = (weight, a, b, low, high)
                    break
        if worst is None:
            return offsets
        _, a, b, low, high = worst
        branches = [(a, b, high), (b, a, -low)]
        branches.sort(key=lambda branch: offsets[branch[0]] + branch[2] - offsets[branch[1]])
        for behind, item, distance in branches:
            self.rules[behind].append((item, distance))
            raised = self.raised(offsets, item, offsets[behind] + distance, limit)
            found = None if raised is None else self.solve(raised, limit, depth + 1)
            self.rules[behind].pop()
            if found is not None:
                return found
        return None


def smaller_placement(
    sizes: Sequence[int],
    alignments: Sequence[int],
    conflicts: Sequence[Sequence[tuple[int, tuple[Interval, ...]]]],
    bound: int,
    known: int,
    effort: float = 1.0,
) -> tuple[list[int] | None, bool]:
    """The smallest placement found of fewer than ``known`` bytes, and whether none is smaller.

    ``conflicts`` gives for each item the others it conflicts with and the open intervals in which
    ``its offset - the other's`` may not lie. No placement takes fewer than ``bound`` bytes.
    """
    search = _Search(sizes, alignments, conflicts, int(effort * _STEPS))
    best: list[int] | None = None
    try:
        while known > bound:
            found = search.solve([0] * len(sizes), known - 1)
            if found is None:
                break
            best = found
            known = max(o + s for o, s in zip(found, sizes, strict=True))
    except _ExhaustedError:
        return best, False
    return best, True
