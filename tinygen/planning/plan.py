# SPDX-License-Identifier: Apache-2.0
"""The Plan: all that the generated C depends on, as data.

Everything that the generated C depends on is data in the Plan; ``emit`` decides nothing. A Plan has
Steps, a step may have a Stream (operators in a chain, computed a few rows at a time by a schedule made
beforehand) or RoutinePlans (the subgraphs that control flow runs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.kernels.binding import Binding
from tinygen.kernels.kernel import Candidate, Provider
from tinygen.ops.control_flow import Loop, Routine
from tinygen.planning.memory.banks import BankArena
from tinygen.planning.memory.body import Body, rounded_up
from tinygen.planning.options import Options

STATE_ALIGNMENT = 8
"""Bytes to which every kept tensor is aligned."""

INPUT_ROW = -1
"""The operator of an event that takes a row of the model's input from the application."""

MOST_EVENT_ROWS = 255
"""Rows of one event: a byte of the generated program."""


@dataclass(frozen=True)
class Event:
    """The next ``rows`` rows of the operator at that position of the chain.

    They are output rows; input rows of an operator that accumulates.
    """

    operator: int
    rows: int


@dataclass(frozen=True)
class Ring:
    """The memory of a tensor that is streamed: row y is in slot (y + ``phase``) modulo ``rows``."""

    tensor: int
    rows: int
    phase: int = 0


@dataclass(frozen=True, eq=False)
class Stream:
    """What a streamed step runs.

    ``bindings`` and ``kernels`` (their names) are one an operator, and so are the estimated ``cycles``.
    ``rings`` are those of the chain's intermediate tensors, and of its input if the application
    delivers that by rows.
    """

    bindings: tuple[Binding, ...]
    kernels: tuple[str, ...]
    events: tuple[Event, ...]
    rings: Mapping[int, Ring]
    cycles: tuple[float, ...] = ()


@dataclass(frozen=True)
class Band:
    """An event with the rows it stands for: ``first`` to ``end`` of an operator, or of the input."""

    operator: int
    first: int
    end: int


@dataclass(frozen=True)
class Moment:
    """An event: the step, and which rows of which of its operators."""

    step: int
    band: Band


@dataclass(frozen=True)
class Staged:
    """A constant of a step that is copied to ``offset`` of the arena, where the kernel reads it.

    ``before`` is the number of the step's call that the copy comes right before.
    """

    constant: str
    offset: int
    nbytes: int
    before: int = 0


@dataclass(frozen=True, eq=False)
class Step:
    """A part of ``invoke``: one kernel over one or more layers.

    A step whose binding has no calls only gives its output a place (a view of its input), unless it has
    a ``stream``: then its layers run row by row, as that says; or ``routines``: the subgraphs that
    control flow runs, each planned by itself in the step's scratch memory.
    ``fallback`` says why a kernel of the provider that was asked for could not be used. ``cycles`` is
    the estimate that the choice was made by. ``together`` are tensors of a stream that should start at
    the same byte.
    """

    layers: tuple[Layer, ...]
    kernel: str
    provider: Provider
    binding: Binding
    considered: tuple[Candidate, ...] = ()
    fallback: str = ""
    stream: Stream | None = None
    cycles: float = 0.0
    together: tuple[tuple[int, int], ...] = ()
    routines: tuple[RoutinePlan, ...] = ()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What runs: one binding, or one a layer of a stream."""
        return (self.binding,) if self.stream is None else self.stream.bindings

    @property
    def is_view(self) -> bool:
        """Whether the step has no code: it gives its output a place."""
        return self.stream is None and not (self.binding.calls or self.routines)

    @property
    def layer(self) -> Layer:
        """The first layer, which names the step."""
        return self.layers[0]

    @property
    def constant_bytes(self) -> int:
        """Bytes of constant arrays that the kernels read."""
        return sum(c.values.nbytes for binding in self.bindings for c in binding.constants)


@dataclass(frozen=True, eq=False)
class RoutinePlan:
    """A subgraph that a step of control flow runs; its arena begins where the step's scratch does."""

    routine: Routine
    plan: Plan


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the generated C depends on.

    ``tensor_offsets``, ``scratch_offsets`` and ``kept_offsets`` (by step, and position among its
    bindings) are bytes from the arena's start. A tensor that is a view has the offset of what it views;
    one that is streamed, that of its ring. ``blocks`` are what was packed, and
    ``moments`` the events at which they are needed. ``banks`` are the memories that hold the arena,
    one behind the other in its offsets; empty: it is one array that lies anywhere.
    """

    network: Network
    options: Options
    steps: tuple[Step, ...]
    tensor_offsets: Mapping[int, int]
    scratch_offsets: Mapping[tuple[int, int], int]
    arena_bytes: int
    arena_lower_bound_bytes: int
    moments: tuple[Moment, ...] = ()
    blocks: tuple[Body, ...] = ()
    block_offsets: Mapping[str, int] = field(default_factory=dict)
    kept_offsets: Mapping[tuple[int, int], int] = field(default_factory=dict)
    banks: tuple[BankArena, ...] = ()

    staged: Mapping[int, tuple[Staged, ...]] = field(default_factory=dict)
    """By step, the constants that it copies into the arena, in the order of the copies."""

    state_offsets: Mapping[int, int] = field(default_factory=dict)
    """Bytes from the start of the state memory of the tensors kept between inferences."""

    unstreamed_bytes: int = 0
    """The arena of the same kernels without streams."""

    file_order_bytes: int = 0
    """The arena of the same kernels without streams, in the order of the file."""

    unstreamed_cycles: float = 0.0
    """Estimated cycles without streams."""

    @property
    def cycles(self) -> float:
        """Estimated cycles of one inference."""
        return sum(step.cycles for step in self.steps)

    @property
    def added_cycles(self) -> float:
        """What streaming costs, as a part of the cycles without: 0.05 is 5 %."""
        return self.cycles / self.unstreamed_cycles - 1 if self.unstreamed_cycles else 0.0

    @property
    def stages(self) -> bool:
        """Whether any step copies constants into the arena, those of routines included."""
        routines = (inner for step in self.steps for inner in step.routines)
        return bool(self.staged) or any(inner.plan.stages for inner in routines)

    @property
    def reordered(self) -> bool:
        """Whether operators run in another order than the file's."""
        return self.unstreamed_bytes < self.file_order_bytes

    @property
    def state_bytes(self) -> int:
        """Bytes of memory kept between inferences, outside the arena."""
        states = self.network.states
        ends = (self.state_offsets[i] + states[i].nbytes for i in states)
        return aligned(max(ends, default=0))

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """The steps, and those of the routines that they run."""
        found: list[Step] = []
        for step in self.steps:
            found.append(step)
            for inner in step.routines:
                found.extend(inner.plan.all_steps)
        return tuple(found)

    @property
    def unbounded_loops(self) -> tuple[str, ...]:
        """The loops that may run for any time, with what is known of each."""
        layers = (layer for step in self.all_steps for layer in step.layers)
        return tuple(
            f"{layer.operator.label}: {layer.turns.remark}"
            for layer in layers
            if isinstance(layer, Loop) and layer.turns.most is None
        )

    @property
    def weight_bytes(self) -> int:
        """Bytes of constant arrays that the kernels read."""
        return sum(step.constant_bytes for step in self.all_steps)


def aligned(nbytes: int) -> int:
    """Bytes of kept memory, rounded up to its alignment."""
    return rounded_up(nbytes, STATE_ALIGNMENT)
