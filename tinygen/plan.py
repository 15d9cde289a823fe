# SPDX-License-Identifier: Apache-2.0
"""Network + Options → Plan: steps, kernels and why, arena offsets.

Everything that the generated C depends on is data in the Plan; ``emit`` decides nothing.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from tinygen.kernel_choice import choose, grow
from tinygen.kernels.kernel import Kernel
from tinygen.lowering import Network
from tinygen.memory.arena import Arena, Sharing
from tinygen.memory.liveness import Block, Use, lifetimes
from tinygen.options import KernelChoice, Optimize, Options
from tinygen.step import Step

__all__ = ["KernelChoice", "Optimize", "Options", "Plan", "Step", "make_plan"]

ARENA_ALIGNMENT = 4
"""Bytes to which every block in the arena is aligned, at least."""

STATE_ALIGNMENT = 8
"""Bytes to which every kept tensor is aligned."""


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the generated C depends on.

    ``tensor_offsets``, ``scratch_offsets`` and ``kept_offsets`` (by step, and position among its
    bindings) are bytes from the arena's start. A tensor that is a view has the offset of what it views;
    one that is streamed, that of its ring. ``blocks`` are what was packed, for reports.
    """

    network: Network
    options: Options
    steps: tuple[Step, ...]
    tensor_offsets: Mapping[int, int]
    scratch_offsets: Mapping[tuple[int, int], int]
    arena_bytes: int
    arena_lower_bound_bytes: int
    blocks: tuple[Block, ...] = field(default=())
    block_offsets: Mapping[str, int] = field(default_factory=dict)
    kept_offsets: Mapping[tuple[int, int], int] = field(default_factory=dict)

    state_offsets: Mapping[int, int] = field(default_factory=dict)
    """Bytes from the start of the state memory of the tensors kept between inferences."""

    @property
    def state_bytes(self) -> int:
        """Bytes of memory kept between inferences, outside the arena."""
        states = self.network.states
        ends = (self.state_offsets[i] + states[i].nbytes for i in states)
        return -(-max(ends, default=0) // STATE_ALIGNMENT) * STATE_ALIGNMENT

    @property
    def weight_bytes(self) -> int:
        """Bytes of constant arrays that the kernels read."""
        return sum(step.constant_bytes for step in self.steps)


def _tensor_key(index: int) -> str:
    return f"tensor {index}"


def _scratch_key(step: int) -> str:
    return f"scratch of step {step}"


def _block(key: str, size: int, first: int, last: int) -> Block:
    """A block whose size fills its alignment, so that the lower bound can be met."""
    whole = -(-size // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
    return Block(key, whole, first, last, ARENA_ALIGNMENT)


def make_plan(network: Network, options: Options, cmsis_nn: Sequence[Kernel] = ()) -> Plan:
    """Choose a kernel for every layer and a place for every tensor.

    ``cmsis_nn`` are the kernels of the CMSIS-NN tree that was found, if any.
    """
    steps = tuple(choose(layer, options, cmsis_nn, network) for layer in network.layers)
    steps = grow(steps, network, options)
    root = _storage_roots(network, steps)
    kept = network.states
    uses = [
        Use(
            reads=_keys(root, kept, [i for layer in step.layers for i in layer.inputs]),
            writes=_keys(root, kept, [i for layer in step.layers for i in layer.outputs]),
        )
        for step in steps
    ]
    spans = lifetimes(
        uses,
        [_tensor_key(root[i]) for i in network.inputs],
        [_tensor_key(root[i]) for i in network.outputs],
    )
    blocks = []
    for index in sorted(set(root.values()) - set(kept)):
        tensor = network.tensors[index]
        first, last = spans[_tensor_key(index)]
        blocks.append(_block(_tensor_key(index), tensor.nbytes, first, last))
    for number, step in enumerate(steps):
        if step.binding.scratch_bytes:
            blocks.append(_block(_scratch_key(number), step.binding.scratch_bytes, number, number))
    sharings = [
        Sharing(_tensor_key(root[o.input]), _tensor_key(root[o.output]), o.lead_bytes, o.exact)
        for step in steps
        for o in step.binding.overlaps
    ]
    arena = Arena(blocks, sharings)
    offsets = arena.pack()
    return Plan(
        network=network,
        options=options,
        steps=steps,
        tensor_offsets={i: offsets[_tensor_key(root[i])] for i in network.tensors if i not in kept},
        state_offsets=_state_offsets(network),
        scratch_offsets={
            (number, 0): offsets[_scratch_key(number)]
            for number, step in enumerate(steps)
            if step.binding.scratch_bytes
        },
        arena_bytes=arena.extent(offsets),
        arena_lower_bound_bytes=arena.lower_bound(),
        blocks=tuple(blocks),
        block_offsets=offsets,
    )


def _keys(root: Mapping[int, int], kept: Container[int], tensors: Sequence[int]) -> tuple[str, ...]:
    """The storage of tensors in the arena; what is kept between inferences is not there."""
    return tuple(_tensor_key(root[i]) for i in tensors if root[i] not in kept)


def _state_offsets(network: Network) -> dict[int, int]:
    """Where each kept tensor is in the memory that survives an inference."""
    offsets = {}
    end = 0
    for index in network.states:
        offsets[index] = end
        end += -(-network.tensors[index].nbytes // STATE_ALIGNMENT) * STATE_ALIGNMENT
    return offsets


def _storage_roots(network: Network, steps: Sequence[Step]) -> dict[int, int]:
    """The tensor whose memory each tensor uses: itself, or what it is a view of."""
    root = {index: index for index in network.tensors}
    for step in steps:
        if step.is_view:
            (source,) = step.layer.inputs
            (view,) = step.layer.outputs
            root[view] = root[source]
    return root
