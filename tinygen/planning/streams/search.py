# SPDX-License-Identifier: Apache-2.0
"""Which layers to stream together: the smallest arena, or the cheapest plan that keeps a budget.

A plan is a row of segments (``segments``). For limits from the smallest to what no chain needs, the
cheapest row by estimates is built and packed for real, and the best are improved by small changes of
their segments. The number of plans packed is bounded, not the time: the same model always gives the
same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tinygen.errors import UnsupportedError
from tinygen.ir.network import Network
from tinygen.planning.layout import Layout, lay_out
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Step
from tinygen.planning.streams.segments import BAND_ROWS, STREAM_WEIGHT, Chains, Segment, Segments

_LADDER = (1.0, 1.02, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 1.8, 2.1, 2.5, 3.0)
_LAYERS_EVALUATED = 1_500

MOST_SLOWDOWN = 1.17
"""Estimated cycles that ``--optimize ram`` may take, in those of the plan without streams."""

MOST_SLOWDOWN_BY_ROWS = 1.5
"""The same where the application delivers the input by rows."""

FREE_SLOWDOWN = 1.001
"""The same for streams that are taken unasked: less than cycles differ by where code lies in memory."""

_FREE_BYTES = 2_048
"""What they must save: twice what the code of a stream takes."""

_QUICK = 0.05


@dataclass(frozen=True, eq=False)
class Candidate:
    """A plan of the search."""

    segments: Segments
    steps: tuple[Step, ...]
    layout: Layout

    @property
    def arena_bytes(self) -> int:
        """Bytes of the arena."""
        return self.layout.placement.extent

    @property
    def cycles(self) -> float:
        """Estimated cycles."""
        return sum(step.cycles for step in self.steps)

    @property
    def weight(self) -> float:
        """Cycles, streams counted a little higher: they must not win by an error of the estimate."""
        return sum(
            step.cycles * (1.0 if step.stream is None else STREAM_WEIGHT) for step in self.steps
        )


Rank = Callable[[Candidate], tuple[float, ...]]


def smallest_at(cycles: float) -> Rank:
    """Less memory, then fewer cycles, among those of at most so many cycles."""

    def rank(candidate: Candidate) -> tuple[float, ...]:
        over = max(0.0, candidate.cycles - cycles)
        return (over, candidate.layout.excess, candidate.arena_bytes, candidate.weight)

    return rank


def cheapest_within(budget: int) -> Rank:
    """Fewer cycles among those that keep the budget; less memory among those that do not."""

    def rank(candidate: Candidate) -> tuple[float, ...]:
        over = max(0, candidate.arena_bytes - budget, candidate.layout.excess)
        return (over, candidate.weight, candidate.arena_bytes)

    return rank


class ChainSearch:
    """Plans of a network, made of its ordinary steps and of chains."""

    def __init__(self, network: Network, steps: Sequence[Step], options: Options) -> None:
        self.network = network
        self.steps = tuple(steps)
        self.options = options
        self.chains = Chains(network, steps, options)
        self._known: dict[Segments, Candidate | None] = {}
        self._left = 0
        self.evaluations = max(8, _LAYERS_EVALUATED // max(len(steps), 1))

    def evaluate(self, segments: Segments) -> Candidate | None:
        """Build and pack, once for each; None if some chain cannot be built."""
        if segments not in self._known:
            found = [self.chains.step(segment) for segment in segments]
            steps = tuple(step for step in found if step is not None)
            self._known[segments] = (
                Candidate(segments, steps, lay_out(self.network, steps, self.options, _QUICK))
                if len(steps) == len(segments)
                else None
            )
        return self._known[segments]

    def ladder(self) -> list[Candidate]:
        """Plans for limits from the least upwards, the ordinary steps among them."""
        least = self.chains.least_peak()
        if least is None:
            return []
        paths = [self.chains.path(least * factor) for factor in _LADDER]
        paths.append(self.chains.path(float("inf")))
        found = [self.evaluate(path) for path in dict.fromkeys(paths) if path is not None]
        return [candidate for candidate in found if candidate is not None]

    def improve(self, candidate: Candidate, rank: Rank) -> Candidate:
        """Change segments as long as the rank improves and the evaluations last."""
        self._left = self.evaluations
        while (better := self._better(candidate, rank)) is not None:
            candidate = better
        return candidate

    def _better(self, candidate: Candidate, rank: Rank) -> Candidate | None:
        for segments in self._neighbours(candidate.segments):
            if not self._affordable(segments):
                break
            found = self.evaluate(segments)
            if found is not None and rank(found) < rank(candidate):
                return found
        return None

    def _affordable(self, segments: Segments) -> bool:
        """Whether a plan has been packed, or still may be."""
        self._left -= segments not in self._known
        return self._left >= 0

    def best(self, rank: Rank) -> Candidate | None:
        """The best of all plans packed so far."""
        return min((c for c in self._known.values() if c is not None), key=rank, default=None)

    def _neighbours(self, segments: Segments) -> Iterator[Segments]:
        """Segments joined, cut, shifted, or made another way."""
        for number, segment in enumerate(segments):
            before, after = segments[:number], segments[number + 1 :]
            if after:
                joined = self.chains.chain(segment.start, after[0].stop)
                if joined is not None:
                    yield (*before, joined, *after[1:])
            if segment.rows is not None:
                for changed in self._other_ways(segment):
                    yield (*before, *changed, *after)
            if after:
                yield from self._shifted(segments, number)
        for number, segment in enumerate(segments):
            if segment.rows is not None and segment.stop > segment.start + 1:
                for layer in range(segment.start, segment.stop):
                    longer = replace(segment, longer=segment.longer ^ {layer})
                    yield (*segments[:number], longer, *segments[number + 1 :])

    def _other_ways(self, segment: Segment) -> Iterator[Segments]:
        """A chain as ordinary steps, by more rows, asking backwards, or cut in two."""
        start, stop = segment.start, segment.stop
        if all(self.chains.may_be_ordinary(number) for number in range(start, stop)):
            yield tuple(Segment(number, number + 1) for number in range(start, stop))
        for rows in BAND_ROWS:
            wider = self.chains.chain(start, stop, rows)
            if wider is not None:
                yield (wider,)
        yield (replace(segment, backwards=not segment.backwards),)
        for cut in range(start + 1, stop):
            left, right = self.chains.chain(start, cut), self.chains.chain(cut, stop)
            if left is not None and right is not None:
                yield (left, right)

    def _shifted(self, segments: Segments, number: int) -> Iterator[Segments]:
        """The end of a segment moved by one layer."""
        first, second = segments[number], segments[number + 1]
        for cut in (first.stop - 1, first.stop + 1):
            if first.start < cut < second.stop:
                left, right = (
                    self.chains.chain(first.start, cut),
                    self.chains.chain(cut, second.stop),
                )
                if left is not None and right is not None:
                    yield (*segments[:number], left, right, *segments[number + 2 :])

    def widen(self, candidate: Candidate, budget: int) -> Candidate:
        """More rows a call where that saves cycles and the arena stays within the budget."""
        self._left = self.evaluations
        for number, segment in enumerate(candidate.segments):
            if segment.rows is None:
                continue
            for position in range(len(segment.rows)):
                for rows in BAND_ROWS[1:]:
                    current = candidate.segments[number]
                    assert current.rows is not None
                    band = self.chains.band(segment.start + position, rows)
                    if band is None or band.operator.most <= current.rows[position]:
                        break
                    mosts = list(current.rows)
                    mosts[position] = band.operator.most
                    segments = list(candidate.segments)
                    segments[number] = replace(current, rows=tuple(mosts))
                    if not self._affordable(tuple(segments)):
                        return candidate
                    found = self.evaluate(tuple(segments))
                    if (
                        found is None
                        or found.arena_bytes > budget
                        or found.layout.excess
                        or found.cycles >= candidate.cycles
                    ):
                        break
                    candidate = found
        return candidate


def free_plan(search: ChainSearch, unstreamed: int) -> Candidate | None:
    """The plan of least memory whose streams cost next to nothing; None if none is worth its code."""
    ordinary = sum(step.cycles for step in search.steps)
    cycles = FREE_SLOWDOWN * ordinary
    found = [search.evaluate(path) for path in search.chains.free_paths(cycles - ordinary)]
    worth = [
        candidate
        for candidate in found
        if candidate is not None
        and candidate.cycles <= cycles
        and candidate.arena_bytes <= unstreamed - _FREE_BYTES
    ]
    return min(worth, key=smallest_at(cycles), default=None)


def smallest_plan(search: ChainSearch, slowdown: float = float("inf")) -> Candidate | None:
    """The plan of least memory that the search finds, at the least cost for that memory.

    ``slowdown`` is how many times the cycles without streams it may take.
    """
    rank = smallest_at(slowdown * sum(step.cycles for step in search.steps))
    candidates = search.ladder()
    if not candidates:
        return None
    best = search.improve(min(candidates, key=rank), rank)
    return search.widen(best, best.arena_bytes)


def plan_within(search: ChainSearch, budget: int) -> Candidate | None:
    """The cheapest plan found that keeps a budget of bytes; else the smallest."""
    candidates = search.ladder()
    if not candidates:
        return None
    rank = cheapest_within(budget)
    if all(rank(candidate)[0] for candidate in candidates):
        smallest_plan(search)
    best = search.best(rank)
    if best is None or rank(best)[0]:
        return smallest_plan(search)
    return search.widen(search.improve(best, rank), budget)


def _demanded(search: ChainSearch, chains: Sequence[range]) -> Candidate | None:
    """The ordinary steps, but these chains."""
    segments: list[Segment] = []
    starts = {chain.start: chain for chain in chains}
    at = 0
    while at < len(search.steps):
        chain = starts.get(at, range(at, at + 1))
        rows = (1,) * len(chain) if at in starts else None
        segments.append(Segment(at, chain.stop, rows))
        at = chain.stop
    return search.evaluate(tuple(segments))


def _takes_free_streams(options: Options) -> bool:
    """Whether streams are welcome where nothing demands them: they are code, and kernels of ours."""
    return (
        options.optimize is Optimize.SPEED
        and options.kernels is not KernelChoice.CMSIS_NN
        and not options.banks
    )


def with_chains(
    steps: tuple[Step, ...], network: Network, options: Options
) -> tuple[tuple[Step, ...], Layout, int]:
    """The steps with chains of them streamed as the options ask, and their layout.

    Besides, the bytes of the arena without chains. Raises UnsupportedError if chains are demanded that
    cannot be streamed.
    """
    budget = options.ram
    ordinary = lay_out(network, steps, options)
    unstreamed = ordinary.placement.extent
    demanded = options.stream_input or bool(options.chains)
    fits = not ordinary.excess and (budget is None or unstreamed <= budget.nbytes)
    relaxed = fits and not demanded and options.optimize is not Optimize.RAM
    if relaxed and not _takes_free_streams(options):
        return steps, ordinary, unstreamed
    search = ChainSearch(network, steps, options)
    found: Candidate | None
    if relaxed:
        found = free_plan(search, unstreamed)
        if found is None:
            return steps, ordinary, unstreamed
    elif options.chains:
        found = _demanded(search, options.chains)
    elif options.optimize is Optimize.RAM:
        slowdown = MOST_SLOWDOWN_BY_ROWS if options.stream_input else MOST_SLOWDOWN
        found = smallest_plan(search, slowdown)
    else:
        found = plan_within(search, unstreamed if budget is None else budget.nbytes)
    if found is None:
        raise UnsupportedError(
            f"{network.graph.source}: "
            + (
                f"the input {network.tensors[network.inputs[0]].name!r} cannot be delivered by rows, "
                "because the operators that read it cannot be computed row by row."
                if options.stream_input
                else "the demanded chains cannot be streamed."
            )
        )
    layout = lay_out(network, found.steps, options)
    gains = (layout.excess, layout.placement.extent) < (ordinary.excess, unstreamed)
    if not gains and not demanded:
        return steps, ordinary, unstreamed
    return found.steps, layout, unstreamed
