# SPDX-License-Identifier: Apache-2.0
"""Steps → a place for every tensor, ring, scratch and kept memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygen.ir.network import Network
from tinygen.planning.memory.arena import Arena, Placement
from tinygen.planning.memory.banks import BankArena, spread
from tinygen.planning.options import Options
from tinygen.planning.plan import Step
from tinygen.planning.timeline import Timeline, kept_key, make_timeline, scratch_key, tensor_key
from tinygen.planning.traffic import traffic


@dataclass(frozen=True, eq=False)
class Layout:
    """Where everything is. ``root`` gives the tensor whose memory each tensor uses.

    ``banks`` are those that hold something, if the arena may be spread over banks.
    """

    root: Mapping[int, int]
    timeline: Timeline
    placement: Placement
    lower_bound: int
    banks: tuple[BankArena, ...] = ()

    @property
    def excess(self) -> int:
        """Bytes that the banks lack."""
        return sum(part.excess for part in self.banks)

    def tensor_offsets(self) -> dict[int, int]:
        """Bytes from the arena's start, by tensor; those kept between inferences are not there."""
        offsets = self.placement.offsets
        return {
            index: offsets[tensor_key(root)]
            for index, root in self.root.items()
            if tensor_key(root) in offsets
        }

    def scratch_offsets(self, steps: Sequence[Step]) -> dict[tuple[int, int], int]:
        """By step and operator."""
        return {
            (number, position): self.placement.offsets[scratch_key(number, position)]
            for number, step in enumerate(steps)
            for position, binding in enumerate(step.bindings)
            if binding.scratch_bytes
        }

    def kept_offsets(self, steps: Sequence[Step]) -> dict[tuple[int, int], int]:
        """By step and operator."""
        return {
            (number, position): self.placement.offsets[kept_key(number, position)]
            for number, step in enumerate(steps)
            for position, binding in enumerate(step.bindings)
            if binding.kept_bytes
        }


def storage_roots(network: Network, steps: Sequence[Step]) -> dict[int, int]:
    """The tensor whose memory each tensor uses: itself, or what it is a view of."""
    root = {index: index for index in network.tensors}
    for step in steps:
        if step.is_view:
            (source,) = step.layer.inputs
            (view,) = step.layer.outputs
            root[view] = root[source]
    return root


def arena_of(network: Network, steps: Sequence[Step]) -> tuple[dict[int, int], Timeline, Arena]:
    """The storage roots, the time line and the arena of the steps."""
    root = storage_roots(network, steps)
    timeline = make_timeline(network, steps, root)
    together = [
        (tensor_key(root[a]), tensor_key(root[b])) for step in steps for a, b in step.together
    ]
    return root, timeline, Arena(timeline.bodies, timeline.sharings, together)


def lay_out(
    network: Network, steps: Sequence[Step], options: Options, effort: float = 1.0
) -> Layout:
    """Place everything, in the banks of the options if there are any. ``effort`` scales the search."""
    root, timeline, arena = arena_of(network, steps)
    if not options.banks:
        return Layout(root, timeline, arena.pack(effort), arena.lower_bound)
    most = options.ram.nbytes if options.ram else None
    found = spread(arena, traffic(network, steps, root), options.banks, most, effort)
    return Layout(root, timeline, found.placement, arena.lower_bound, found.banks)
