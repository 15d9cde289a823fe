# SPDX-License-Identifier: Apache-2.0
"""A plan replayed byte by byte, to prove that nothing needed is ever overwritten.

Written from the rules, not from the planner: it shares no code with schedule, time line or packing. One
array says of every byte of the arena what it holds: which byte of which tensor, or of which scratch
memory. Every event reads its rows where the plan says they are, and all their bytes must be there;
destroys its scratch memory; and writes its rows. Bytes that an event both reads and writes must be
allowed by an overlap of the kernel. A step that copies constants into the arena is an event for each
run of calls between copies: it writes the copies, and its calls must find theirs whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tinygen.errors import TinygenError
from tinygen.ir.layer import Layer
from tinygen.kernels.binding import Binding, Overlap, constants_of_calls
from tinygen.planning.plan import INPUT_ROW, Plan, Staged, Stream

_NOTHING = -1


class PlanError(TinygenError):
    """The plan would compute garbage: a defect of tinygen, not of the model."""


@dataclass(frozen=True)
class Piece:
    """Bytes of a tensor: from ``first`` within the tensor, at ``address`` in the arena.

    Those of a constant have its number instead, which is negative.
    """

    tensor: int
    first: int
    address: int
    size: int


@dataclass(frozen=True)
class Action:
    """What one event does to the arena: (address, size) of scratch and kept memory beside pieces.

    ``copies`` are written before anything else, and ``constants`` read like ``reads``, but until the
    end.
    """

    name: str
    reads: tuple[Piece, ...]
    writes: tuple[Piece, ...]
    scratch: tuple[tuple[int, int], ...]
    kept: tuple[tuple[int, int, bool], ...]
    overlaps: tuple[tuple[Overlap, int, int], ...]
    """Overlaps that hold, with the rows of the input and of the output that they are about (or -1)."""
    copies: tuple[Piece, ...] = ()
    constants: tuple[Piece, ...] = ()


class _Replay:
    """Turns a plan's steps into actions."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tensors = plan.network.tensors
        self.source: dict[int, int] = {}
        self.constants: list[int] = []
        """By step, the number of its first constant; the others count down from there."""
        self.names: dict[int, str] = {}
        for step in plan.steps:
            first = -1 - len(self.names)
            self.constants.append(first)
            names = [constant.name for constant in step.binding.constants]
            self.names |= {first - at: name for at, name in enumerate(names)}
        for step in plan.steps:
            if step.is_view:
                target = step.layer.inputs[0]
                self.source[step.layer.outputs[0]] = self.source.get(target, target)
        self.slots = {
            ring.tensor: ring
            for step in plan.steps
            if step.stream is not None
            for ring in step.stream.rings.values()
        }

    def whole(self, index: int) -> tuple[Piece, ...]:
        """A tensor that is in the arena at full length."""
        if index not in self.plan.tensor_offsets:
            return ()
        name = self.source.get(index, index)
        size = self.tensors[index].nbytes
        return (Piece(name, 0, self.plan.tensor_offsets[index], size),)

    def rows(self, index: int, height: int, first: int, end: int) -> Iterator[Piece]:
        """Rows of a tensor, each where its ring has it."""
        if index not in self.plan.tensor_offsets:
            return
        size = self.tensors[index].nbytes // height
        ring = self.slots.get(index)
        for row in range(first, end):
            slot = row if ring is None else (row + ring.phase) % ring.rows
            address = self.plan.tensor_offsets[index] + slot * size
            yield Piece(self.source.get(index, index), row * size, address, size)

    def actions(self) -> Iterator[Action]:
        for number, step in enumerate(self.plan.steps):
            if step.stream is not None:
                yield from self._streamed(number, step.layers, step.stream)
            elif not step.is_view:
                yield from self._ordinary(number, step.layers, step.binding)

    def _ordinary(self, number: int, layers: Sequence[Layer], binding: Binding) -> Iterator[Action]:
        written = {index for layer in layers for index in layer.outputs}
        reads = {i: None for layer in layers for i in layer.inputs if i not in written}
        scratch = binding.scratch_bytes
        whole = Action(
            f"step {number} ({layers[0].operator.label})",
            tuple(piece for index in reads for piece in self.whole(index)),
            tuple(piece for index in sorted(written) for piece in self.whole(index)),
            ((self.plan.scratch_offsets[number, 0], scratch),) if scratch else (),
            (),
            tuple((overlap, -1, -1) for overlap in binding.overlaps),
        )
        copies = self.plan.staged.get(number, ())
        starts = sorted({0, *(copy.before for copy in copies)})
        for start, end in pairwise([*starts, max(len(binding.calls), starts[-1] + 1)]):
            read = {constant.name for constant in constants_of_calls(binding.calls[start:end])}
            yield replace(
                whole,
                copies=tuple(
                    self._copied(number, binding, c, c.nbytes) for c in copies if c.before == start
                ),
                constants=tuple(
                    self._copied(number, binding, copy) for copy in copies if copy.constant in read
                ),
            )

    def _copied(
        self, number: int, binding: Binding, copy: Staged, nbytes: int | None = None
    ) -> Piece:
        """Where a constant is copied: all of it, or so many bytes."""
        (at,) = (i for i, c in enumerate(binding.constants) if c.name == copy.constant)
        size = binding.constants[at].values.nbytes if nbytes is None else nbytes
        return Piece(self.constants[number] - at, 0, copy.offset, size)

    def _streamed(self, number: int, layers: Sequence[Layer], stream: Stream) -> Iterator[Action]:
        done = [0] * len(layers)
        pushed = 0
        for event in stream.events:
            if event.operator == INPUT_ROW:
                index = self.plan.network.inputs[0]
                height = self.tensors[index].shape[1]
                row = tuple(self.rows(index, height, pushed, pushed + 1))
                yield Action(f"row {pushed} of the input", (), row, (), (), ())
                pushed += 1
                continue
            part = event.operator
            first, end = done[part], done[part] + event.rows
            done[part] = end
            yield self._band(number, part, layers[part], stream.bindings[part], first, end)
        for part, layer in enumerate(layers):
            if done[part] != _length(layer):
                raise PlanError(
                    f"step {number} makes {done[part]} rows of {layer.operator.label}, which has "
                    f"{_length(layer)}."
                )

    def _band(
        self, number: int, part: int, layer: Layer, binding: Binding, first: int, end: int
    ) -> Action:
        name = f"rows {first} to {end - 1} of {layer.operator.label}"
        axes = layer.row_axes
        assert axes is not None
        reads: list[Piece] = []
        for index, axis in zip(layer.inputs, axes, strict=True):
            wanted = (
                set(range(first, end))
                if layer.accumulates
                else {
                    row
                    for y in range(first, end)
                    for k in range(axis.size)
                    if 0 <= (row := y * axis.stride - axis.pad + k * axis.dilation) < axis.input
                }
            )
            for row in sorted(wanted):
                reads.extend(self.rows(index, axis.input, row, row + 1))
        output = layer.outputs[0]
        if not layer.accumulates:
            writes = tuple(self.rows(output, axes[0].output, first, end))
            if any(b.address != a.address + a.size for a, b in pairwise(writes)):
                raise PlanError(f"{name} wrap in their ring.")
        else:
            writes = self.whole(output) if end == axes[0].input else ()
        key = (number, part)
        scratch, kept = binding.scratch_bytes, binding.kept_bytes
        return Action(
            name,
            tuple(reads),
            writes,
            ((self.plan.scratch_offsets[key], scratch),) if scratch else (),
            ((self.plan.kept_offsets[key], kept, first == 0),) if kept else (),
            tuple(
                (overlap, row, written)
                for overlap in binding.overlaps
                for written in range(first, end)
                for row in range(first, written + 1)
            ),
        )


def _length(layer: Layer) -> int:
    axes = layer.row_axes
    assert axes is not None
    return axes[0].input if layer.accumulates else axes[0].output


def actions_of(plan: Plan) -> list[Action]:
    """What every event of a plan does to the arena."""
    return list(_Replay(plan).actions())


def check_plan(plan: Plan) -> None:
    """PlanError, naming the event and the tensor, if something needed is overwritten."""
    _Checker(plan).run()


class _Checker:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.replay = _Replay(plan)
        self.arena = np.full(plan.arena_bytes, _NOTHING, dtype=np.int64)
        self.base: dict[int, int] = {}
        end = 0
        for index, tensor in plan.network.tensors.items():
            self.base[index] = end
            end += tensor.nbytes
        for number, step in enumerate(plan.steps):
            for at, constant in enumerate(step.binding.constants):
                self.base[self.replay.constants[number] - at] = end
                end += constant.values.nbytes
        self.fresh = end
        self.banks = [(bank.base, bank.base + bank.nbytes) for bank in plan.banks]
        if not self.banks:
            self.banks = [(0, plan.arena_bytes)]
        self._check_banks()

    def _check_banks(self) -> None:
        """Banks follow each other; a tensor, a ring or scratch memory is in one of them."""
        ends = [0, *(end for _, end in self.banks)]
        if [start for start, _ in self.banks] != ends[:-1] or ends[-1] != len(self.arena):
            raise PlanError("The banks do not make up the arena.")
        for block in self.plan.blocks:
            offset = self.plan.block_offsets[block.key]
            self._check_place(offset, block.size, f"users of {block.key}")

    def _tags(self, piece: Piece) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        start = self.base[piece.tensor] + piece.first
        return np.arange(start, start + piece.size, dtype=np.int64)

    def _check_place(self, address: int, size: int, name: str) -> None:
        if not any(start <= address and address + size <= end for start, end in self.banks):
            raise PlanError(f"{name} write outside the arena, or over the end of a bank.")

    def _write(self, piece: Piece, name: str) -> None:
        self._check_place(piece.address, piece.size, name)
        self.arena[piece.address : piece.address + piece.size] = self._tags(piece)

    def _expect(self, pieces: Sequence[Piece], name: str, when: str) -> None:
        for piece in pieces:
            held = self.arena[piece.address : piece.address + piece.size]
            if held.size != piece.size or not np.array_equal(held, self._tags(piece)):
                tensor = self.replay.names.get(piece.tensor)
                if tensor is None:
                    tensor = self.plan.network.tensors[piece.tensor].name
                raise PlanError(
                    f"{name}: bytes {piece.first} to {piece.first + piece.size - 1} of {tensor!r} "
                    f"are not at {piece.address} {when}."
                )

    def run(self) -> None:
        plan, replay = self.plan, self.replay
        for index in plan.network.inputs:
            if index not in replay.slots:
                for piece in replay.whole(index):
                    self._write(piece, "the inputs")
        kept: dict[int, int] = {}
        for action in replay.actions():
            self._do(action, kept)
        for index in plan.network.computed_outputs:
            self._expect(replay.whole(index), "after the last event", "to be read as output")

    def _do(self, action: Action, kept: dict[int, int]) -> None:
        for copy in action.copies:
            self._write(copy, f"the copies of {action.name}")
        reads = (*action.reads, *action.constants)
        self._expect(reads, action.name, "when it begins")
        for address, size, new in action.kept:
            if new:
                kept[address] = self._claim(address, size)
            elif not np.all(self.arena[address : address + size] == kept[address]):
                raise PlanError(f"{action.name}: what it has kept was overwritten.")
        claimed = [(a, s, self._claim(a, s)) for a, s in action.scratch]
        claimed += [(a, s, kept[a]) for a, s, _ in action.kept]
        self._expect(reads, action.name, "beside its scratch memory")
        for write in action.writes:
            self._check_overlaps(action, write)
            self._write(write, action.name)
        self._expect((*action.writes, *action.constants), action.name, "when it is done")
        for address, size, tag in claimed:
            if not np.all(self.arena[address : address + size] == tag):
                raise PlanError(f"{action.name} write over its own scratch memory.")

    def _claim(self, address: int, size: int) -> int:
        self._check_place(address, size, "what is scratch memory or kept")
        self.fresh += 1
        self.arena[address : address + size] = self.fresh
        return self.fresh

    def _check_overlaps(self, action: Action, write: Piece) -> None:
        for read in action.reads:
            apart = (
                read.address + read.size <= write.address
                or write.address + write.size <= read.address
            )
            if not apart and not any(
                _allows(overlap, row, written, read, write, self.replay.source)
                for overlap, row, written in action.overlaps
            ):
                raise PlanError(f"{action.name}: its output lies over input that it still reads.")


def _allows(
    overlap: Overlap, row: int, written: int, read: Piece, write: Piece, source: dict[int, int]
) -> bool:
    """Whether an overlap lets this piece be written over that one."""
    if source.get(overlap.input, overlap.input) != read.tensor:
        return False
    if source.get(overlap.output, overlap.output) != write.tensor:
        return False
    if row >= 0:
        if read.first != row * read.size or write.first != written * write.size:
            return False
        if row < written:
            return True
    distance = read.address - write.address
    return distance == overlap.lead_bytes if overlap.exact else distance >= overlap.lead_bytes
