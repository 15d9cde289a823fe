# SPDX-License-Identifier: Apache-2.0
"""The schedule of a stream: which operator makes how many rows next, and the rings this needs.

A pull schedule: before an operator makes rows, every operator that feeds it makes what is lacking of
their windows, and no more (a call makes several rows only where several are asked for). So a row is
made as late as possible. A ring holds the most rows that were ever between the oldest still to be read
and the newest written, found by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis
from tinygen.planning.plan import INPUT_ROW, MOST_EVENT_ROWS, Band, Event, Ring


@dataclass(frozen=True)
class ChainOperator:
    """What a schedule depends on.

    ``axes`` are by input. An operator that ``accumulates`` is counted in input rows. ``most`` is the
    most rows of one event. ``in_place``: inputs over whose row the output's may be written.
    """

    inputs: tuple[int, ...]
    output: int
    axes: tuple[Axis, ...]
    accumulates: bool
    most: int = 1
    in_place: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """Rows that it has to go through."""
        return self.axes[0].input if self.accumulates else self.axes[0].output

    @property
    def output_rows(self) -> int:
        """Rows of its output."""
        return self.axes[0].output

    def window(self, position: int, first: int, end: int) -> tuple[int, int]:
        """The rows of an input that it reads to go from row ``first`` to row ``end``."""
        if self.accumulates:
            return first, end
        axis = self.axes[position]
        low = max(0, first * axis.stride - axis.pad)
        high = (end - 1) * axis.stride - axis.pad + (axis.size - 1) * axis.dilation + 1
        return min(low, axis.input), max(0, min(high, axis.input))

    def contiguous(self) -> list[int]:
        """The tensors whose rows must follow each other in memory in one event."""
        found = [tensor for p, tensor in enumerate(self.inputs) if self.row_for_row(p)]
        return found if self.accumulates else [*found, self.output]

    def row_for_row(self, position: int) -> bool:
        """Whether an input's rows are passed as one contiguous piece."""
        axis = self.axes[position]
        return self.accumulates or (axis.size == 1 and axis.stride == 1 and axis.pad == 0)


def chain_operator(
    layer: Layer, most: int = 1, in_place: tuple[int, ...] = ()
) -> ChainOperator | None:
    """A layer as part of a chain; None if it cannot be streamed."""
    axes = layer.row_axes
    if axes is None or len(layer.outputs) != 1 or layer.states:
        return None
    return ChainOperator(layer.inputs, layer.outputs[0], axes, layer.accumulates, most, in_place)


@dataclass(frozen=True)
class Schedule:
    """Events in order, and the ring of every tensor that need not be whole."""

    events: tuple[Event, ...]
    rings: Mapping[int, Ring]


def bands(events: Sequence[Event]) -> list[Band]:
    """The events with their rows counted."""
    progress: dict[int, int] = {}
    result = []
    for event in events:
        first = progress.get(event.operator, 0)
        progress[event.operator] = first + event.rows
        result.append(Band(event.operator, first, first + event.rows))
    return result


class _Puller:
    def __init__(self, chain: Sequence[ChainOperator], pushed: int | None, backwards: bool) -> None:
        self.chain = chain
        self.producer = {operator.output: k for k, operator in enumerate(chain)}
        self.pushed = pushed
        self.order = -1 if backwards else 1
        self.progress = [0] * len(chain)
        self.pushed_rows = 0
        self.events: list[Event] = []

    def push(self, rows: int) -> None:
        while self.pushed_rows < rows:
            self.pushed_rows += 1
            self.events.append(Event(INPUT_ROW, 1))

    def pull(self, number: int, end: int) -> None:
        operator = self.chain[number]
        while self.progress[number] < end:
            first = self.progress[number]
            rows = min(operator.most, end - first, MOST_EVENT_ROWS)
            for position in range(len(operator.inputs))[:: self.order]:
                tensor = operator.inputs[position]
                needed = operator.window(position, first, first + rows)[1]
                if tensor == self.pushed:
                    self.push(needed)
                elif tensor in self.producer:
                    source = self.producer[tensor]
                    sums = self.chain[source].accumulates
                    self.pull(source, self.chain[source].steps if sums else needed)
            self.progress[number] += rows
            self.events.append(Event(number, rows))

    def run(self) -> None:
        """Pull what nothing in the chain reads, then whatever rows no window reaches."""
        read = {tensor for operator in self.chain for tensor in operator.inputs}
        for number, operator in enumerate(self.chain):
            if operator.output not in read:
                self.pull(number, operator.steps)
        for number, operator in enumerate(self.chain):
            self.pull(number, operator.steps)


class RowLives:
    """When each row of a tensor is written, and when it is last read: events' numbers, or -1."""

    def __init__(self, rows: int) -> None:
        self.written = [-1] * rows
        self.read = [-1] * rows

    def write(self, first: int, end: int, event: int) -> None:
        """Rows are written."""
        self.written[first:end] = self.read[first:end] = [event] * (end - first)

    def use(self, first: int, end: int, event: int) -> None:
        """Rows are read."""
        self.read[first:end] = [event] * (end - first)


def _lives(
    chain: Sequence[ChainOperator], events: Sequence[Event], pushed: int | None
) -> dict[int, RowLives]:
    lives = {
        operator.output: RowLives(operator.output_rows)
        for operator in chain
        if not operator.accumulates
    }
    if pushed is not None:
        rows = next(
            axis.input
            for operator in chain
            for tensor, axis in zip(operator.inputs, operator.axes, strict=True)
            if tensor == pushed
        )
        lives[pushed] = RowLives(rows)
    for number, band in enumerate(bands(events)):
        if band.operator == INPUT_ROW:
            assert pushed is not None
            lives[pushed].write(band.first, band.end, number)
            continue
        operator = chain[band.operator]
        for position, tensor in enumerate(operator.inputs):
            if tensor in lives:
                lives[tensor].use(*operator.window(position, band.first, band.end), number)
        if operator.output in lives:
            lives[operator.output].write(band.first, band.end, number)
    return lives


def _ring_rows(life: RowLives) -> int:
    """The most rows from the oldest still to be read to the newest, at any write."""
    most = 0
    oldest = 0
    for row, written in enumerate(life.written):
        while oldest < row and life.read[oldest] < written:
            oldest += 1
        most = max(most, row - oldest + 1)
    return most


def _may_coincide(operand: RowLives, result: RowLives, rows: int) -> bool:
    """Whether an operand's rows can be in the slots of a ring of results that replace them."""
    if operand.read != result.written:
        return False
    return all(
        result.read[row - rows] < operand.written[row] for row in range(rows, len(operand.written))
    )


def make_schedule(
    chain: Sequence[ChainOperator],
    whole: frozenset[int],
    *,
    pushed: int | None = None,
    backwards: bool = False,
    longer: frozenset[int] = frozenset(),
) -> tuple[Schedule, tuple[tuple[int, int], ...]]:
    """Schedule a chain, and say which operands should stand where their results will.

    ``whole`` are tensors of the chain that something outside reads; outputs that nothing in the chain
    reads are whole too. ``pushed`` is the input that the application delivers by rows, if any.
    ``backwards`` has operators ask their inputs in the other order. The rings of ``longer`` tensors get
    a row more than they need: with as many slots as rows that pass between two events of another
    operator, the same slots are free at each of these, and something else may stand there.
    """
    puller = _Puller(chain, pushed, backwards)
    puller.run()
    events = puller.events
    lives = _lives(chain, events, pushed)
    read = {tensor for operator in chain for tensor in operator.inputs}
    rows = {
        tensor: len(life.written)
        if tensor in whole or tensor not in read
        else min(len(life.written), _ring_rows(life) + (tensor in longer))
        for tensor, life in lives.items()
    }
    together = []
    for operator in reversed(chain):
        for tensor in operator.in_place:
            ring = rows.get(operator.output, 0)
            if tensor not in rows or rows[tensor] > ring or tensor in whole:
                continue
            if _may_coincide(lives[tensor], lives[operator.output], ring):
                rows[tensor] = ring
                together.append((operator.output, tensor))
                break
    phases = _phases(chain, events, rows, together)
    kept = {
        tensor: Ring(tensor, count, phases.get(tensor, 0))
        for tensor, count in rows.items()
        if count < len(lives[tensor].written) or tensor == pushed
    }
    return Schedule(_split(chain, events, kept), kept), tuple(together)


def _phases(
    chain: Sequence[ChainOperator],
    events: Sequence[Event],
    rows: Mapping[int, int],
    together: Sequence[tuple[int, int]],
) -> dict[int, int]:
    """By ring the slot of row 0 with which the fewest bands wrap; one for those that coincide."""
    group = {tensor: {tensor} for tensor in rows}
    for a, b in together:
        group[a] |= group[b]
        for tensor in group[a]:
            group[tensor] = group[a]
    touched: dict[int, list[Band]] = {tensor: [] for tensor in rows}
    for band in bands(events):
        if band.operator != INPUT_ROW and band.end - band.first > 1:
            for tensor in chain[band.operator].contiguous():
                if tensor in touched:
                    touched[tensor].append(band)
    phases: dict[int, int] = {}
    for tensor, size in rows.items():
        if tensor not in phases:
            spread = [(b.first, b.end) for member in group[tensor] for b in touched[member]]

            def wraps(
                phase: int, size: int = size, spread: Sequence[tuple[int, int]] = spread
            ) -> int:
                return sum(
                    (end - 1 + phase) // size - (first + phase) // size for first, end in spread
                )

            best = min(range(size), key=wraps)
            phases.update(dict.fromkeys(group[tensor], best))
    return phases


def _split(
    chain: Sequence[ChainOperator], events: Sequence[Event], rings: Mapping[int, Ring]
) -> tuple[Event, ...]:
    """The events cut where rows that must be contiguous would wrap in their ring."""
    result = []
    for band in bands(events):
        if band.operator == INPUT_ROW:
            result.append(Event(INPUT_ROW, 1))
            continue
        contiguous = chain[band.operator].contiguous()
        found = [rings[tensor] for tensor in contiguous if tensor in rings]
        row = band.first
        while row < band.end:
            rooms = (row + ring.rows - (row + ring.phase) % ring.rows for ring in found)
            end = min([band.end, *rooms])
            result.append(Event(band.operator, end - row))
            row = end
    return tuple(result)
