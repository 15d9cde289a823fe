# SPDX-License-Identifier: Apache-2.0
"""Network + Options → Plan: steps, kernels and why, arena offsets.

Everything that the generated C depends on is data in the Plan; ``emit`` decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tinygen.budget import check_ram
from tinygen.kernel_choice import choose, grow
from tinygen.kernels.control_flow import bind_control_flow
from tinygen.kernels.kernel import Kernel, Provider
from tinygen.lowering import Network
from tinygen.memory.banks import BankArena
from tinygen.memory.body import Body
from tinygen.memory.checker import check_plan
from tinygen.memory.timeline import Moment
from tinygen.ops.control_flow import ControlFlow, Loop
from tinygen.options import Bank, KernelChoice, Optimize, Options
from tinygen.reorder import arrange
from tinygen.step import RoutinePlan, Step

__all__ = ["KernelChoice", "Optimize", "Options", "Plan", "Step", "make_plan"]

STATE_ALIGNMENT = 8
"""Bytes to which every kept tensor is aligned."""


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
    def reordered(self) -> bool:
        """Whether operators run in another order than the file's."""
        return self.unstreamed_bytes < self.file_order_bytes

    @property
    def state_bytes(self) -> int:
        """Bytes of memory kept between inferences, outside the arena."""
        states = self.network.states
        ends = (self.state_offsets[i] + states[i].nbytes for i in states)
        return _aligned(max(ends, default=0))

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


def make_plan(network: Network, options: Options, cmsis_nn: Sequence[Kernel] = ()) -> Plan:
    """Choose a kernel for every layer and a place for every tensor.

    ``cmsis_nn`` are the kernels of the CMSIS-NN tree that was found, if any.
    """
    steps = tuple(
        _control_flow(layer, options, cmsis_nn)
        if isinstance(layer, ControlFlow)
        else choose(layer, options, cmsis_nn, network)
        for layer in network.layers
    )
    steps = grow(steps, network, options)
    options = replace(options, banks=_banks_beside_state(network, options))
    ordinary = sum(step.cycles for step in steps)
    arranged = arrange(steps, network, options)
    steps, layout = arranged.steps, arranged.layout
    plan = Plan(
        network=arranged.network,
        options=options,
        steps=steps,
        tensor_offsets=layout.tensor_offsets(),
        state_offsets=_state_offsets(network),
        scratch_offsets=layout.scratch_offsets(steps),
        kept_offsets=layout.kept_offsets(steps),
        arena_bytes=layout.placement.extent,
        arena_lower_bound_bytes=layout.lower_bound,
        moments=layout.timeline.moments,
        blocks=layout.timeline.bodies,
        block_offsets=layout.placement.offsets,
        banks=layout.banks,
        unstreamed_bytes=arranged.unstreamed_bytes,
        file_order_bytes=arranged.file_order_bytes,
        unstreamed_cycles=ordinary,
    )
    check_plan(plan)
    check_ram(plan)
    return plan


def _control_flow(layer: ControlFlow, options: Options, cmsis_nn: Sequence[Kernel]) -> Step:
    """A step that runs other plans, one at a time in the same scratch memory; none is streamed."""
    if options.optimize is Optimize.RAM:
        options = replace(options, optimize=Optimize.SPEED)
    options = replace(options, ram=None, flash=None, stream_input=False, chains=(), banks=())
    routines = tuple(
        RoutinePlan(routine, make_plan(routine.network, options, cmsis_nn))
        for routine in layer.routines
    )
    binding = bind_control_flow(layer, max(inner.plan.arena_bytes for inner in routines))
    return Step((layer,), "control_flow", Provider.TINYGEN, binding, routines=routines)


def _banks_beside_state(network: Network, options: Options) -> tuple[Bank, ...]:
    """The banks, where variables lie less what the model keeps between inferences."""
    state = sum(_aligned(network.tensors[index].nbytes) for index in network.states)
    return tuple(
        bank if bank.section else replace(bank, nbytes=max(0, bank.nbytes - state))
        for bank in options.banks
    )


def _aligned(nbytes: int) -> int:
    return -(-nbytes // STATE_ALIGNMENT) * STATE_ALIGNMENT


def _state_offsets(network: Network) -> dict[int, int]:
    """Where each kept tensor is in the memory that survives an inference."""
    offsets = {}
    end = 0
    for index in network.states:
        offsets[index] = end
        end += _aligned(network.tensors[index].nbytes)
    return offsets
