# SPDX-License-Identifier: Apache-2.0
"""Orders of the steps that need less memory than the file's, where the dependences allow others.

The sets of steps that can have been done form a lattice; an order is a path through it, and its peak
the most bytes needed at one of its steps: what is alive, outputs, scratch, less what the kernels may
write over operands that die there. Best-first search over the sets finds the least peak, exactly as
long as the sets visited stay few; else a beam of bounded width, which keeps the sets that leave the
least alive, is sent again and again below the peak that it found. Both are bounded by work, not by
time, and repeat.

A step that leaves no more alive than there was and needs no more than the peak so far is taken at once:
moving it forward in any order makes no other step worse.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinygen.ir.network import Network
from tinygen.kernels.binding import ARENA_ALIGNMENT
from tinygen.planning.layout import storage_roots
from tinygen.planning.memory.body import rounded_up
from tinygen.planning.plan import Step

_MOST_SETS = 6_000
_BEAM_WIDTH = 48
_MOST_BEAMS = 8

Order = tuple[int, ...]
"""Positions of the steps in the file's order, in another one."""


def dependences(network: Network, steps: Sequence[Step]) -> list[int]:
    """By step, the set (bit by bit) of the steps that must be done before.

    Those that write what it reads; the last one with side effects if it has some, too; and nothing
    passes a step that may end the inference.
    """
    roots = storage_roots(network, steps)
    writer: dict[int, int] = {}
    result = []
    ordered = barrier = 0
    for number, step in enumerate(steps):
        touched = [i for layer in step.layers for i in (*layer.inputs, *layer.outputs)]
        before = barrier
        for index in touched:
            if index in writer:
                before |= 1 << writer[index]
        keeps = any(roots[index] in network.states for index in touched)
        if keeps or any(layer.has_effects for layer in step.layers):
            before |= ordered
            ordered = 1 << number
        if any(layer.may_end for layer in step.layers):
            before = (1 << number) - 1
            barrier = 1 << number
        for layer in step.layers:
            for index in layer.outputs:
                writer[index] = number
        result.append(before)
    return result


@dataclass(frozen=True)
class _Needs:
    """What a step does to memory; tensors by the one whose memory they use.

    ``saved`` are the bytes that the output ``writer`` may take from the operand ``reader``, if that
    dies: (reader, writer, bytes).
    """

    reads: tuple[int, ...]
    made: int
    kept: int
    scratch: int
    saved: tuple[tuple[int, int, int], ...]


class _Peaks:
    """The bytes needed at a step, given which are done."""

    def __init__(self, network: Network, steps: Sequence[Step]) -> None:
        root = storage_roots(network, steps)
        self.sizes = {
            index: rounded_up(network.tensors[index].nbytes, ARENA_ALIGNMENT)
            for index in set(root.values()) - set(network.states)
        }
        self.users = dict.fromkeys(self.sizes, 0)
        for number, step in enumerate(steps):
            for layer in step.layers:
                for index in (*layer.inputs, *(layer.outputs if step.is_view else ())):
                    if root[index] in self.users:
                        self.users[root[index]] |= 1 << number
        for index in network.computed_outputs:
            # A user that is never done.
            self.users[root[index]] = self.users.get(root[index], 0) | 1 << len(steps)
        self.needs = [self._needs(step, root) for step in steps]
        self.begin = sum(self.sizes.get(index, 0) for index in {root[i] for i in network.inputs})

    def _needs(self, step: Step, root: Mapping[int, int]) -> _Needs:
        reads = {root[i] for layer in step.layers for i in layer.inputs} & set(self.sizes)
        written = (
            set()
            if step.is_view
            else {root[i] for layer in step.layers for i in layer.outputs} & set(self.sizes)
        )
        saved: dict[tuple[int, int], int] = {}
        for overlap in step.binding.overlaps:
            pair = (root[overlap.input], root[overlap.output])
            if pair[0] != pair[1] and pair[0] in reads and pair[1] in written:
                inside, outside = (self.sizes[index] for index in pair)
                both = max(overlap.lead_bytes + inside, inside, outside)
                saved[pair] = max(saved.get(pair, 0), inside + outside - both)
        return _Needs(
            tuple(sorted(reads - written)),
            sum(self.sizes[index] for index in written),
            sum(self.sizes[index] for index in written if self.users[index]),
            rounded_up(step.binding.scratch_bytes, ARENA_ALIGNMENT),
            tuple((*pair, nbytes) for pair, nbytes in sorted(saved.items()) if nbytes > 0),
        )

    def after(self, number: int, done: int, alive: int) -> tuple[int, int]:
        """The bytes needed while a step runs, and those alive when it is done."""
        needs = self.needs[number]
        done |= 1 << number
        dying = [index for index in needs.reads if not self.users[index] & ~done]
        here = alive + needs.made + needs.scratch
        if needs.saved:
            saved: dict[int, int] = {}
            for reader, writer, nbytes in needs.saved:
                if reader in dying:
                    saved[writer] = min(saved.get(writer, 0) + nbytes, self.sizes[writer])
            here -= sum(saved.values())
        return here, alive + needs.kept - sum(self.sizes[index] for index in dying)


def _members(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


@dataclass(frozen=True, order=True)
class _State:
    """Steps done, and the least peak known to get there. What is better comes first in order."""

    peak: int
    left: int
    alive: int
    done: int
    ready: int


class OrderSearch:
    """Orders of a network's steps by their peak."""

    def __init__(self, network: Network, steps: Sequence[Step]) -> None:
        self.count = len(steps)
        self._before = dependences(network, steps)
        self._peaks = _Peaks(network, steps)
        self._after: list[list[int]] = [[] for _ in steps]
        for number, before in enumerate(self._before):
            for earlier in _members(before):
                self._after[earlier].append(number)

    @property
    def is_free(self) -> bool:
        """Whether there is more than one order."""
        return any(not before >> number & 1 for number, before in enumerate(self._before[1:]))

    def peak(self, order: Sequence[int]) -> int:
        """The most bytes needed at a step of an order; ValueError if it is none."""
        done = worst = 0
        alive = self._peaks.begin
        for number in order:
            if done >> number & 1 or self._before[number] & ~done:
                raise ValueError(f"step {number} cannot come there")
            here, alive = self._peaks.after(number, done, alive)
            worst = max(worst, here)
            done |= 1 << number
        return worst

    def least(self, below: int) -> Order | None:
        """The order of least peak found, if that is below so many bytes."""
        found, exact = self._best_first(below)
        if exact:
            return found
        best = None
        for _ in range(_MOST_BEAMS):
            found = self._beam(below)
            if found is None:
                break
            best, below = found, self.peak(found)
        return best

    def _start(self) -> _State:
        ready = sum(1 << n for n, before in enumerate(self._before) if not before)
        return _State(0, self.count, self._peaks.begin, 0, ready)

    def _next(self, state: _State) -> Iterator[tuple[int, _State]]:
        """What may come next: the step, and the state after it."""
        found = []
        for number in _members(state.ready):
            here, alive = self._peaks.after(number, state.done, state.alive)
            harmless = here <= state.peak and alive <= state.alive
            if harmless:
                found = [(number, here, alive)]
                break
            found.append((number, here, alive))
        for number, here, alive in found:
            done = state.done | 1 << number
            ready = state.ready ^ 1 << number
            for later in self._after[number]:
                if not self._before[later] & ~done:
                    ready |= 1 << later
            yield number, _State(max(state.peak, here), state.left - 1, alive, done, ready)

    def _best_first(self, below: int) -> tuple[Order | None, bool]:
        """The order of least peak, and whether the search came to its end."""
        start = self._start()
        queue = [start]
        best = {0: 0}
        came: dict[int, tuple[int, int]] = {}
        for _ in range(_MOST_SETS):
            if not queue:
                return None, True
            state = heapq.heappop(queue)
            if not state.left:
                return _path(came, state.done), True
            if state.peak > best[state.done]:
                continue
            for number, following in self._next(state):
                if following.peak < min(below, best.get(following.done, below)):
                    best[following.done] = following.peak
                    came[following.done] = (state.done, number)
                    heapq.heappush(queue, following)
        return None, False

    def _beam(self, below: int) -> Order | None:
        """An order below a peak that a beam over the sets of 0, 1, 2… steps meets, if it meets one."""
        states = [self._start()]
        came: dict[int, tuple[int, int]] = {}
        for _ in range(self.count):
            best: dict[int, _State] = {}
            for state in states:
                for number, following in self._next(state):
                    known = best.get(following.done)
                    if following.peak < below and (known is None or following < known):
                        best[following.done] = following
                        came[following.done] = (state.done, number)
            states = heapq.nsmallest(
                _BEAM_WIDTH, best.values(), key=lambda state: (state.alive, state.peak, state.done)
            )
        return _path(came, states[0].done) if states else None


def _path(came: Mapping[int, tuple[int, int]], done: int) -> Order:
    order = []
    while done:
        done, number = came[done]
        order.append(number)
    return tuple(reversed(order))
