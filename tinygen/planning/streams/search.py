# SPDX-License-Identifier: Apache-2.0
"""Which layers to stream together: the smallest arena, or the cheapest plan that keeps a budget.

A plan is a row of segments: ordinary steps, and chains of consecutive layers. Exact min-max dynamic
programming over estimates (``estimate``) finds, for limits from the smallest to what no
chain needs, the cheapest row of segments; each is then built and packed for real, and the best are
improved by small changes of their segments. The number of plans packed is bounded, not the time: the
same model always gives the same plan.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from tinygen.errors import UnsupportedError
from tinygen.ir.network import Network
from tinygen.planning.choose import own_kernels
from tinygen.planning.layout import Layout, lay_out, storage_roots
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Step
from tinygen.planning.streams.chain import (
    BandKernels,
    BandLayer,
    band_layer,
    outside_readers,
    stream_step,
)
from tinygen.planning.streams.estimate import BandNeeds, Estimator

_LONGEST_CHAIN = 48
_BAND_ROWS = (1, 2, 4, 8)
_LADDER = (1.0, 1.02, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 1.8, 2.1, 2.5, 3.0)
_LAYERS_EVALUATED = 1_500
_WORTH_ROWS = 0.98
_STREAM_WEIGHT = 1.02

MOST_SLOWDOWN = 1.17
"""Estimated cycles that ``--optimize ram`` may take, in those of the plan without streams."""

MOST_SLOWDOWN_BY_ROWS = 1.5
"""The same where the application delivers the input by rows."""

FREE_SLOWDOWN = 1.001
"""The same for streams that are taken unasked: less than cycles differ by where code lies in memory."""

_FREE_BYTES = 2_048
"""What they must save: twice what the code of a stream takes."""

_FREE_LIMITS = 4
_FREE_STREAMS = 80

_QUICK = 0.05


@dataclass(frozen=True)
class Segment:
    """Layers ``start`` to ``stop``: an ordinary step, or a chain with the band rows of each layer.

    ``backwards``, and ``longer`` by layer, are those of ``make_schedule``.
    """

    start: int
    stop: int
    rows: tuple[int, ...] | None = None
    backwards: bool = False
    longer: frozenset[int] = frozenset()


Segments = tuple[Segment, ...]


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
            step.cycles * (1.0 if step.stream is None else _STREAM_WEIGHT) for step in self.steps
        )


def _weighed(cycles: float, segment: Segment) -> float:
    """Cycles, those of streams counted a little higher."""
    return cycles if segment.rows is None else _STREAM_WEIGHT * cycles


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
        self.kernels = BandKernels(own_kernels(options), options.core)
        self.pushed = network.inputs[0] if options.stream_input else None
        self._bands: dict[tuple[int, int], BandLayer | None] = {}
        self._streams: dict[Segment, Step | None] = {}
        self._known: dict[Segments, Candidate | None] = {}
        self.evaluations = max(8, _LAYERS_EVALUATED // max(len(steps), 1))
        root = storage_roots(network, steps)
        self._edges = self._estimates(root)

    def band(self, number: int, rows: int) -> BandLayer | None:
        """A layer by bands of so many rows, if it can; None if it cannot be streamed."""
        key = (number, rows)
        if key not in self._bands:
            layer = self.network.layers[number]
            if rows > 1 and self.band(number, 1) is None:
                return None
            self._bands[key] = band_layer(layer, rows, self.kernels)
        return self._bands[key]

    def worthwhile(self, number: int, rows: int) -> BandLayer | None:
        """A layer by bands of so many rows, or of fewer if more save next to nothing."""
        best = self.band(number, 1)
        for wider in _BAND_ROWS[1:]:
            found = self.band(number, wider) if wider <= rows else None
            if found is not None and best is not None and found.cycles < _WORTH_ROWS * best.cycles:
                best = found
        return best

    def _estimates(self, root: dict[int, int]) -> list[list[tuple[int, float, Segment]]]:
        """By first layer: peak, cycles and segment of every ordinary step and chain from there."""
        count = len(self.steps)
        edges: list[list[tuple[int, float, Segment]]] = [[] for _ in range(count)]
        for rows in _BAND_ROWS:
            bands = [self.worthwhile(number, rows) for number in range(count)]
            if rows > 1 and all(b is None or b.operator.most == 1 for b in bands):
                break
            needs = [
                None if b is None else BandNeeds(b.operator, b.scratch_bytes, b.kept_bytes)
                for b in bands
            ]
            estimator = Estimator(self.network, self.steps, root, needs, self.pushed)
            for start in range(count):
                ordinary = estimator.ordinary(start) if self._may_be_ordinary(start) else None
                if rows == 1 and ordinary is not None:
                    own = Segment(start, start + 1)
                    edges[start].append((ordinary, self.steps[start].cycles, own))
                cycles = 0.0
                mosts: tuple[int, ...] = ()
                for stop in range(start + 1, min(count, start + _LONGEST_CHAIN) + 1):
                    band = bands[stop - 1]
                    if band is None:
                        break
                    cycles += band.cycles
                    mosts += (band.operator.most,)
                    if rows > 1 and mosts.count(1) == len(mosts):
                        continue
                    segment = Segment(start, stop, mosts)
                    if not self._may_be_chain(segment):
                        continue
                    peak = estimator.chain(start, stop)
                    alone = stop == start + 1 and ordinary is not None
                    if peak is not None and not (alone and peak >= (ordinary or 0)):
                        edges[start].append((peak, cycles, segment))
        return edges

    def _reads_input(self, number: int) -> bool:
        return self.pushed is not None and self.pushed in self.network.layers[number].inputs

    def _may_be_ordinary(self, number: int) -> bool:
        return not self._reads_input(number)

    def _may_be_chain(self, segment: Segment) -> bool:
        """Whether all that read an input delivered by rows are in it, or none."""
        if self.pushed is None:
            return True
        readers = [n for n in range(len(self.steps)) if self._reads_input(n)]
        inside = [n for n in readers if segment.start <= n < segment.stop]
        return not inside or (len(inside) == len(readers) and segment.start == 0)

    def path(
        self, limit: float, cost: Callable[[float, Segment], float] = _weighed
    ) -> Segments | None:
        """The cheapest segments of which each is estimated to need at most ``limit`` bytes.

        ``cost`` is what a segment of so many estimated cycles counts for; infinity keeps it out.
        """
        count = len(self.steps)
        best: list[tuple[float, int, Segment | None] | None] = [None] * (count + 1)
        best[0] = (0.0, 0, None)
        for start in range(count):
            here = best[start]
            if here is None:
                continue
            for peak, cycles, segment in self._edges[start]:
                if peak > limit:
                    continue
                total = (here[0] + cost(cycles, segment), max(here[1], peak), segment)
                if total[0] == float("inf"):
                    continue
                known = best[segment.stop]
                if known is None or total[:2] < known[:2]:
                    best[segment.stop] = total
        result: list[Segment] = []
        at = count
        while at > 0:
            found = best[at]
            if found is None or found[2] is None:
                return None
            result.append(found[2])
            at = found[2].start
        return tuple(reversed(result))

    def free_paths(self, allowance: float) -> list[Segments]:
        """Segments under the least limits whose streams take at most so many cycles more."""
        ordinary = list(accumulate((step.cycles for step in self.steps), initial=0.0))
        alone = {s.start: peak for edges in self._edges for peak, _, s in edges if s.rows is None}

        def added(cycles: float, segment: Segment, limit: float) -> float:
            """What a stream adds, if anything there needs one."""
            if segment.rows is None:
                return 0.0
            before = ordinary[segment.stop] - ordinary[segment.start]
            chain = range(segment.start, segment.stop)
            if cycles - before > allowance or max(alone.get(n, limit + 1) for n in chain) <= limit:
                return float("inf")
            if segment not in self._streams and len(self._streams) >= _FREE_STREAMS:
                return float("inf")
            return self._added_cycles(segment)

        def path(limit: int) -> Segments | None:
            found = self.path(limit, lambda cycles, segment: added(cycles, segment, limit))
            total = sum(added(0.0, segment, limit) for segment in found or ())
            return found if total <= allowance else None

        limits = sorted({peak for edges in self._edges for peak, _, _ in edges})
        first = bisect_left(limits, True, key=lambda limit: path(limit) is not None)
        paths = [path(limit) for limit in limits[first : first + _FREE_LIMITS]]
        return [found for found in dict.fromkeys(paths) if found is not None]

    def _added_cycles(self, segment: Segment) -> float:
        """What a stream costs more than its layers alone; none of them is believed to be faster."""
        step = self.stream(segment)
        if step is None or step.stream is None:
            return float("inf")
        alone = self.steps[segment.start : segment.stop]
        return 1.0 + sum(
            max(cycles - other.cycles, 0.0)
            for cycles, other in zip(step.stream.cycles, alone, strict=True)
        )

    def least_peak(self) -> int | None:
        """The least limit for which there are segments."""
        count = len(self.steps)
        best: list[int | None] = [None] * (count + 1)
        best[0] = 0
        for start in range(count):
            here = best[start]
            if here is None:
                continue
            for peak, _, segment in self._edges[start]:
                worst = max(here, peak)
                known = best[segment.stop]
                if known is None or worst < known:
                    best[segment.stop] = worst
        return best[count]

    def stream(self, segment: Segment) -> Step | None:
        """A chain as a step, or None if no kernels do it."""
        if segment not in self._streams:
            assert segment.rows is not None
            chain = range(segment.start, segment.stop)
            members = [self.band(n, r) for n, r in zip(chain, segment.rows, strict=True)]
            layers = self.network.layers
            whole = outside_readers(layers, chain, self.network.outputs)
            reads = any(self._reads_input(n) for n in chain)
            self._streams[segment] = stream_step(
                [member for member in members if member is not None],
                self.kernels,
                whole,
                pushed=self.pushed if reads else None,
                backwards=segment.backwards,
                longer=frozenset(layers[n].outputs[0] for n in segment.longer),
            )
        return self._streams[segment]

    def evaluate(self, segments: Segments) -> Candidate | None:
        """Build and pack, once for each; None if some chain cannot be built."""
        if segments not in self._known:
            steps = []
            for segment in segments:
                step = self.steps[segment.start] if segment.rows is None else self.stream(segment)
                if step is None:
                    break
                steps.append(step)
            complete = len(steps) == len(segments)
            self._known[segments] = (
                Candidate(
                    segments, tuple(steps), lay_out(self.network, steps, self.options, _QUICK)
                )
                if complete
                else None
            )
        return self._known[segments]

    def ladder(self) -> list[Candidate]:
        """Plans for limits from the least upwards, the ordinary steps among them."""
        least = self.least_peak()
        if least is None:
            return []
        paths = [self.path(least * factor) for factor in _LADDER]
        paths.append(self.path(float("inf")))
        found = [self.evaluate(path) for path in dict.fromkeys(paths) if path is not None]
        return [candidate for candidate in found if candidate is not None]

    def improve(self, candidate: Candidate, rank: Rank) -> Candidate:
        """Change segments as long as the rank improves and the evaluations last."""
        left = self.evaluations
        improved = True
        while improved:
            improved = False
            for segments in self._neighbours(candidate.segments):
                if segments not in self._known:
                    if left == 0:
                        return candidate
                    left -= 1
                found = self.evaluate(segments)
                if found is not None and rank(found) < rank(candidate):
                    candidate = found
                    improved = True
                    break
        return candidate

    def best(self, rank: Rank) -> Candidate | None:
        """The best of all plans packed so far."""
        return min((c for c in self._known.values() if c is not None), key=rank, default=None)

    def _neighbours(self, segments: Segments) -> Iterator[Segments]:
        """Segments joined, cut, shifted, or made another way."""
        for number, segment in enumerate(segments):
            before, after = segments[:number], segments[number + 1 :]
            if after:
                joined = self._chain(segment.start, after[0].stop)
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
        if all(self._may_be_ordinary(number) for number in range(start, stop)):
            yield tuple(Segment(number, number + 1) for number in range(start, stop))
        for rows in _BAND_ROWS:
            wider = self._chain(start, stop, rows)
            if wider is not None:
                yield (wider,)
        yield (replace(segment, backwards=not segment.backwards),)
        for cut in range(start + 1, stop):
            left, right = self._chain(start, cut), self._chain(cut, stop)
            if left is not None and right is not None:
                yield (left, right)

    def _shifted(self, segments: Segments, number: int) -> Iterator[Segments]:
        """The end of a segment moved by one layer."""
        first, second = segments[number], segments[number + 1]
        for cut in (first.stop - 1, first.stop + 1):
            if first.start < cut < second.stop:
                left, right = self._chain(first.start, cut), self._chain(cut, second.stop)
                if left is not None and right is not None:
                    yield (*segments[:number], left, right, *segments[number + 2 :])

    def _chain(self, start: int, stop: int, rows: int = 1) -> Segment | None:
        found = [self.worthwhile(number, rows) for number in range(start, stop)]
        mosts = tuple(band.operator.most for band in found if band is not None)
        segment = Segment(start, stop, mosts)
        return segment if len(mosts) == len(found) and self._may_be_chain(segment) else None

    def widen(self, candidate: Candidate, budget: int) -> Candidate:
        """More rows a call where that saves cycles and the arena stays within the budget."""
        left = self.evaluations
        for number, segment in enumerate(candidate.segments):
            if segment.rows is None:
                continue
            for position in range(len(segment.rows)):
                for rows in _BAND_ROWS[1:]:
                    current = candidate.segments[number]
                    assert current.rows is not None
                    band = self.band(segment.start + position, rows)
                    if band is None or band.operator.most <= current.rows[position]:
                        break
                    mosts = list(current.rows)
                    mosts[position] = band.operator.most
                    segments = list(candidate.segments)
                    segments[number] = replace(current, rows=tuple(mosts))
                    if tuple(segments) not in self._known:
                        if left == 0:
                            return candidate
                        left -= 1
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
    found = [search.evaluate(path) for path in search.free_paths(cycles - ordinary)]
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
