# SPDX-License-Identifier: Apache-2.0
"""Rows of segments that a plan may be made of: ordinary steps, and chains of consecutive layers.

Each has an estimate of its peak (``estimate``) and of its cycles; dynamic programming over them finds
the row that is cheapest under a limit of memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tinygen.ir.network import Network
from tinygen.planning.choose import own_kernels
from tinygen.planning.layout import storage_roots
from tinygen.planning.options import Options
from tinygen.planning.plan import Step
from tinygen.planning.streams import chain as chains
from tinygen.planning.streams.estimate import BandNeeds, Estimator

_LONGEST_CHAIN = 48
_WORTH_ROWS = 0.98
_FREE_LIMITS = 4
_FREE_STREAMS = 80

BAND_ROWS = (1, 2, 4, 8)
"""Rows of a band that are tried."""

STREAM_WEIGHT = 1.02
"""What cycles of streams count for: they must not win by an error of the estimate."""


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


def _weighed(cycles: float, segment: Segment) -> float:
    """Cycles, those of streams counted a little higher."""
    return cycles if segment.rows is None else STREAM_WEIGHT * cycles


class Chains:
    """The chains that layers of a network can be streamed in."""

    def __init__(self, network: Network, steps: Sequence[Step], options: Options) -> None:
        self.network = network
        self.steps = tuple(steps)
        self.pushed = network.inputs[0] if options.stream_input else None
        self._kernels = chains.BandKernels(own_kernels(options), options.core, options.waits)
        self._bands: dict[tuple[int, int], chains.BandLayer | None] = {}
        self._streams: dict[Segment, Step | None] = {}
        self._edges = self._estimates(storage_roots(network, steps))

    def band(self, number: int, rows: int) -> chains.BandLayer | None:
        """A layer by bands of so many rows, if it can; None if it cannot be streamed."""
        key = (number, rows)
        if key not in self._bands:
            layer = self.network.layers[number]
            if rows > 1 and self.band(number, 1) is None:
                return None
            self._bands[key] = chains.band_layer(layer, rows, self._kernels)
        return self._bands[key]

    def worthwhile(self, number: int, rows: int) -> chains.BandLayer | None:
        """A layer by bands of so many rows, or of fewer if more save next to nothing."""
        best = self.band(number, 1)
        for wider in BAND_ROWS[1:]:
            found = self.band(number, wider) if wider <= rows else None
            if found is not None and best is not None and found.cycles < _WORTH_ROWS * best.cycles:
                best = found
        return best

    def step(self, segment: Segment) -> Step | None:
        """A segment as a step, or None if it is a chain that no kernels do."""
        return self.steps[segment.start] if segment.rows is None else self.stream(segment)

    def stream(self, segment: Segment) -> Step | None:
        """A chain as a step, or None if no kernels do it."""
        if segment not in self._streams:
            assert segment.rows is not None
            chain = range(segment.start, segment.stop)
            members = [self.band(n, r) for n, r in zip(chain, segment.rows, strict=True)]
            layers = self.network.layers
            whole = chains.outside_readers(layers, chain, self.network.computed_outputs)
            reads = any(self._reads_input(n) for n in chain)
            self._streams[segment] = chains.stream_step(
                [member for member in members if member is not None],
                self._kernels,
                whole,
                pushed=self.pushed if reads else None,
                backwards=segment.backwards,
                longer=frozenset(layers[n].outputs[0] for n in segment.longer),
            )
        return self._streams[segment]

    def _reads_input(self, number: int) -> bool:
        return self.pushed is not None and self.pushed in self.network.layers[number].inputs

    def may_be_ordinary(self, number: int) -> bool:
        """Whether a layer may be an ordinary step."""
        return not self._reads_input(number)

    def _may_be_chain(self, segment: Segment) -> bool:
        """Whether all that read an input delivered by rows are in it, or none."""
        if self.pushed is None:
            return True
        readers = [n for n in range(len(self.steps)) if self._reads_input(n)]
        inside = [n for n in readers if segment.start <= n < segment.stop]
        return not inside or (len(inside) == len(readers) and segment.start == 0)

    def chain(self, start: int, stop: int, rows: int = 1) -> Segment | None:
        """A chain of these layers, by bands of up to so many rows; None if there is none."""
        found = [self.worthwhile(number, rows) for number in range(start, stop)]
        mosts = tuple(band.operator.most for band in found if band is not None)
        segment = Segment(start, stop, mosts)
        return segment if len(mosts) == len(found) and self._may_be_chain(segment) else None

    def _estimates(self, root: dict[int, int]) -> list[list[tuple[int, float, Segment]]]:
        """By first layer: peak, cycles and segment of every ordinary step and chain from there."""
        count = len(self.steps)
        edges: list[list[tuple[int, float, Segment]]] = [[] for _ in range(count)]
        for rows in BAND_ROWS:
            bands = [self.worthwhile(number, rows) for number in range(count)]
            if rows > 1 and all(b is None or b.operator.most == 1 for b in bands):
                break
            needs = [
                None if b is None else BandNeeds(b.operator, b.scratch_bytes, b.kept_bytes)
                for b in bands
            ]
            estimator = Estimator(self.network, self.steps, root, needs, self.pushed)
            for start in range(count):
                ordinary = estimator.ordinary(start) if self.may_be_ordinary(start) else None
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

    def path(
        self, limit: float, cost: Callable[[float, Segment], float] = _weighed
    ) -> Segments | None:
        """The cheapest segments of which each is estimated to need at most ``limit`` bytes.

        ``cost`` is what a segment of so many estimated cycles counts for; infinity keeps it out.
        """
        found = self._path(limit, cost)
        return None if found is None else found[2]

    def least_peak(self) -> int | None:
        """The least limit for which there are segments."""
        found = self._path(float("inf"), lambda cycles, segment: 0.0)  # noqa: ARG005
        return None if found is None else found[1]

    def _path(
        self, limit: float, cost: Callable[[float, Segment], float]
    ) -> tuple[float, int, Segments] | None:
        """Cost, peak and segments of what costs least and, among that, peaks least."""
        best: list[tuple[float, int, Segments] | None] = [(0.0, 0, ()), *[None] * len(self.steps)]
        for start, edges in enumerate(self._edges):
            here = best[start]
            if here is None:
                continue
            for peak, cycles, segment in edges:
                if peak > limit:
                    continue
                total = (here[0] + cost(cycles, segment), max(here[1], peak))
                known = best[segment.stop]
                if total[0] < float("inf") and (known is None or total < known[:2]):
                    best[segment.stop] = (*total, (*here[2], segment))
        return best[-1]

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
