# SPDX-License-Identifier: Apache-2.0
"""Steps → the time line: one event an ordinary step, a stream's own events; and who needs what when.

Whatever a step touches is needed at its event. A row of a streamed tensor is needed from the event that
writes it to the last that reads it, the scratch memory of an operator while it runs, what it keeps from
its first band to its last. From this come the bodies that the arena packs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygen.ir.network import Network
from tinygen.kernels.binding import ARENA_ALIGNMENT, Overlap
from tinygen.planning.memory.body import ANY_DISTANCE, Body, Part, Sharing, rounded_up, span
from tinygen.planning.plan import INPUT_ROW, Band, Moment, Step
from tinygen.planning.schedule import ChainOperator, RowLives, bands, chain_operator

WHOLE = Band(-2, 0, 0)
"""The event of a step that is not streamed."""


class _Rows(RowLives):
    """The memory of a tensor: rows of ``size`` bytes in so many slots, and what each goes through."""

    def __init__(self, height: int, slots: int, phase: int, size: int) -> None:
        super().__init__(height)
        self.height = height
        self.slots = slots
        self.phase = phase
        self.size = size

    def slot(self, row: int) -> int:
        return (row + self.phase) % self.slots

    def masks(self) -> list[int]:
        """The events at which each slot is needed."""
        masks = [0] * self.slots
        for row, (first, last) in enumerate(zip(self.written, self.read, strict=True)):
            masks[self.slot(row)] |= span(max(first, 0), max(last, 0))
        return masks


@dataclass(frozen=True)
class Timeline:
    """The events, and the bodies with what they may share (see ``tinygen.planning.memory.body``)."""

    moments: tuple[Moment, ...]
    bodies: tuple[Body, ...]
    sharings: tuple[Sharing, ...]


def tensor_key(index: int) -> str:
    """The body of a tensor."""
    return f"tensor {index}"


def scratch_key(step: int, operator: int = 0) -> str:
    """The body of an operator's scratch memory; ``operator`` counts within the step."""
    return f"scratch of step {step}" + (f", operator {operator}" if operator else "")


def kept_key(step: int, operator: int) -> str:
    """The body of what an operator keeps from band to band."""
    return f"kept by step {step}, operator {operator}"


def staged_key(step: int) -> str:
    """The body of the constants that a step copies into the arena."""
    return f"constants of step {step}"


def moments(steps: Sequence[Step]) -> list[Moment]:
    """All events in order."""
    result = []
    for number, step in enumerate(steps):
        if step.stream is None:
            result.append(Moment(number, WHOLE))
        else:
            result.extend(Moment(number, band) for band in bands(step.stream.events))
    return result


def chain_of(step: Step) -> list[ChainOperator]:
    """The operators of a streamed step as the schedule knows them."""
    operators = [chain_operator(layer) for layer in step.layers]
    assert all(operator is not None for operator in operators)
    return [operator for operator in operators if operator is not None]


class _Builder:
    """Goes through the events and notes what each needs."""

    def __init__(self, network: Network, steps: Sequence[Step], root: Mapping[int, int]) -> None:
        self.network = network
        self.steps = steps
        self.root = root
        self.moments = moments(steps)
        self.chains = {n: chain_of(s) for n, s in enumerate(steps) if s.stream is not None}
        self.memory = {
            index: self._rows(index) for index in sorted(set(root.values()) - set(network.states))
        }
        self.extra: dict[str, tuple[int, int]] = {}
        """Scratch and kept memory: bytes and events by key."""
        self.sharings: list[Sharing] = []
        self.pairs: dict[tuple[int, int, int, bool], dict[tuple[int, int], int]] = {}

    def _rows(self, index: int) -> _Rows:
        """Rows of a tensor, if streams touch it and agree on what a row is; else one row."""
        nbytes = self.network.tensors[index].nbytes
        heights = set()
        found = None
        for number, chain in self.chains.items():
            stream = self.steps[number].stream
            assert stream is not None
            for operator in chain:
                for tensor, axis in zip(operator.inputs, operator.axes, strict=True):
                    if self.root[tensor] == index:
                        heights.add(axis.input)
                if self.root[operator.output] == index:
                    heights.add(operator.output_rows)
            for ring in stream.rings.values():
                if self.root[ring.tensor] == index:
                    found = ring
        height = heights.pop() if len(heights) == 1 else 1
        slots, phase = (height, 0) if found is None else (found.rows, found.phase)
        return _Rows(height, slots, phase, nbytes // height)

    def _touch(self, index: int, low: int, high: int, event: int, *, write: bool) -> None:
        memory = self.memory.get(self.root[index])
        if memory is None:
            return
        if memory.height == 1:
            low, high = 0, 1
            write = write and memory.written[0] < 0
        if write:
            memory.write(low, high, event)
        else:
            memory.use(low, high, event)

    def _need(self, key: str, size: int, event: int) -> None:
        if size:
            self.extra[key] = (size, self.extra.get(key, (0, 0))[1] | 1 << event)

    def _whole(self, event: int, number: int) -> None:
        step = self.steps[number]
        for layer in step.layers:
            for index in layer.inputs:
                self._touch_all(index, event, write=False)
            for index in layer.outputs:
                self._touch_all(index, event, write=not step.is_view)
        self._need(scratch_key(number), step.binding.scratch_bytes, event)
        for overlap in step.binding.overlaps:
            reader, writer = self.root[overlap.input], self.root[overlap.output]
            if reader != writer and {reader, writer} <= set(self.memory):
                self.sharings.append(
                    Sharing(
                        tensor_key(reader), tensor_key(writer), overlap.lead_bytes, overlap.exact
                    )
                )

    def _touch_all(self, index: int, event: int, *, write: bool) -> None:
        memory = self.memory.get(self.root[index])
        if memory is not None:
            self._touch(index, 0, memory.height, event, write=write)

    def _banded(self, event: int, moment: Moment) -> None:
        step, band = self.steps[moment.step], moment.band
        stream = step.stream
        assert stream is not None
        if band.operator == INPUT_ROW:
            self._touch(self.network.inputs[0], band.first, band.end, event, write=True)
            return
        operator = self.chains[moment.step][band.operator]
        for position, index in enumerate(operator.inputs):
            low, high = operator.window(position, band.first, band.end)
            self._touch(index, low, high, event, write=False)
        if not operator.accumulates:
            self._touch(operator.output, band.first, band.end, event, write=True)
        elif band.end == operator.steps:
            self._touch(operator.output, 0, 1, event, write=True)
        binding = stream.bindings[band.operator]
        self._need(scratch_key(moment.step, band.operator), binding.scratch_bytes, event)
        self._need(kept_key(moment.step, band.operator), binding.kept_bytes, event)

    def _share_rows(self, event: int, band: Band, overlap: Overlap) -> None:
        """Output rows over input rows that end in this event: their own, or earlier ones."""
        reader, writer = self.root[overlap.input], self.root[overlap.output]
        if reader == writer or not {reader, writer} <= set(self.memory):
            return
        source, target = self.memory[reader], self.memory[writer]
        if source.height != target.height:
            return
        for written in range(band.first, band.end):
            for row in range(band.first, written + 1):
                if source.read[row] != event:
                    continue
                own = row == written
                key = (
                    reader,
                    writer,
                    overlap.lead_bytes if own else ANY_DISTANCE,
                    overlap.exact and own,
                )
                pair = (source.slot(row), target.slot(written))
                found = self.pairs.setdefault(key, {})
                found[pair] = found.get(pair, 0) | 1 << event

    def build(self) -> Timeline:
        for index in self.network.inputs:
            self._touch_all(index, 0, write=True)
        for event, moment in enumerate(self.moments):
            if moment.band is WHOLE:
                self._whole(event, moment.step)
            else:
                self._banded(event, moment)
        for index in self.network.computed_outputs:
            self._touch_all(index, max(len(self.moments) - 1, 0), write=False)
        for event, moment in enumerate(self.moments):
            stream = self.steps[moment.step].stream
            if stream is not None and moment.band.operator != INPUT_ROW:
                for overlap in stream.bindings[moment.band.operator].overlaps:
                    self._share_rows(event, moment.band, overlap)
        self.sharings += [
            Sharing(tensor_key(reader), tensor_key(writer), lead, exact, pairs)
            for (reader, writer, lead, exact), pairs in self.pairs.items()
        ]
        # An output is read after the last event, which must not write over it.
        read_after = {tensor_key(self.root[index]) for index in self.network.computed_outputs}
        sharings = tuple(s for s in self.sharings if s.reader not in read_after)
        bodies = [
            _body(tensor_key(index), rows.size, rows.masks()) for index, rows in self.memory.items()
        ]
        for key, (size, events) in self.extra.items():
            kept = key.startswith("kept")
            bodies.append(_body(key, size, [_filled(events) if kept else events]))
        return Timeline(tuple(self.moments), tuple(bodies), sharings)


def _filled(events: int) -> int:
    """All events from the first to the last."""
    return span((events & -events).bit_length() - 1, events.bit_length() - 1)


def _body(key: str, row_bytes: int, masks: Sequence[int]) -> Body:
    """A body whose size fills its alignment, so that the lower bound can be met."""
    parts = [Part(row * row_bytes, row_bytes, mask) for row, mask in enumerate(masks)]
    last = parts[-1]
    whole = rounded_up(last.offset + last.size, ARENA_ALIGNMENT)
    parts[-1] = Part(last.offset, whole - last.offset, last.events)
    return Body(key, tuple(parts), ARENA_ALIGNMENT)


def make_timeline(network: Network, steps: Sequence[Step], root: Mapping[int, int]) -> Timeline:
    """The events of the steps and the bodies they need.

    ``root`` gives the tensor whose memory each tensor uses: itself, or what it is a view of. The
    model's inputs are needed from the first event (the application has filled them), its outputs to
    the last.
    """
    return _Builder(network, steps, root).build()
