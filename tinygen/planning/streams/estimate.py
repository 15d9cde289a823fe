# SPDX-License-Identifier: Apache-2.0
"""What a chain of layers would need at least, roughly and fast: the guide of the search for chains.

A chain is worst either when its last operator makes its first row, the input still almost whole and
the rings filled as far as that row demands, or at its end, the output whole. The rings are those of a
single consumer each (``schedule`` simulates what is exact); only which candidates are tried depends on
these figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygen.ir.network import Network
from tinygen.planning.plan import Step
from tinygen.planning.schedule import ChainOperator


@dataclass(frozen=True)
class BandNeeds:
    """A layer computed by bands: its geometry, and bytes of scratch and kept memory."""

    operator: ChainOperator
    scratch_bytes: int
    kept_bytes: int


class Estimator:
    """Peaks of ordinary steps and of chains, with everything alive meanwhile."""

    def __init__(
        self,
        network: Network,
        steps: Sequence[Step],
        root: Mapping[int, int],
        needs: Sequence[BandNeeds | None],
        pushed: int | None,
    ) -> None:
        self.needs = needs
        self.root = root
        self.steps = steps
        self.pushed = pushed
        self.sizes = {
            index: network.tensors[index].nbytes
            for index in set(root.values()) - set(network.states)
        }
        count = len(steps)
        self.first = dict.fromkeys((root[i] for i in network.inputs), 0)
        self.last = dict.fromkeys(self.first, 0)
        for number, step in enumerate(steps):
            for layer in step.layers:
                for index in (*layer.inputs, *layer.outputs):
                    self.first.setdefault(root[index], number)
                    self.last[root[index]] = number
        for index in network.computed_outputs:
            self.last[root[index]] = count

    def _elsewhere(self, touched: set[int], start: int, stop: int) -> int:
        """Bytes alive through the steps that these do not touch."""
        return sum(
            size
            for index, size in self.sizes.items()
            if index not in touched
            and self.first.get(index, stop) < stop
            and self.last.get(index, -1) >= start
        )

    def ordinary(self, number: int) -> int:
        """Bytes needed by a step as it is."""
        step = self.steps[number]
        touched = {self.root[i] for layer in step.layers for i in (*layer.inputs, *layer.outputs)}
        touched &= set(self.sizes)
        total = sum(self.sizes[index] for index in touched) + step.binding.scratch_bytes
        saved = 0
        for overlap in step.binding.overlaps:
            reader, writer = self.root[overlap.input], self.root[overlap.output]
            if {reader, writer} <= touched and self.last[reader] == number:
                inside, outside = self.sizes[reader], self.sizes[writer]
                both = max(overlap.lead_bytes + inside, outside)
                saved = max(saved, inside + outside - both)
        return total - saved + self._elsewhere(touched, number, number + 1)

    def chain(self, start: int, stop: int) -> int | None:
        """Bytes needed by a chain of layers, or None if one cannot be in a chain."""
        chain: list[BandNeeds] = []
        for number in range(start, stop):
            needs = self.needs[number]
            if needs is None:
                return None
            chain.append(needs)
        root = self.root
        written = {root[n.operator.output]: n.operator for n in chain}
        demand: dict[int, int] = {}
        held: dict[int, int] = {}
        read: set[int] = set()
        for needs in reversed(chain):
            operator = needs.operator
            rows = demand.get(root[operator.output], 1)
            for position, index in enumerate(operator.inputs):
                axis = operator.axes[position]
                key = root[index]
                high = operator.window(position, rows - 1, rows)[1]
                demand[key] = max(demand.get(key, 0), high)
                ring = (
                    operator.most
                    if operator.accumulates
                    else (axis.size - 1) * axis.dilation + 1 + (operator.most - 1) * axis.stride
                )
                held[key] = max(held.get(key, 0), min(ring, axis.input))
                read.add(key)
        coinciding = {root[index] for needs in chain for index in needs.operator.in_place}
        begin = end = 0
        for needs in chain:
            operator = needs.operator
            key = root[operator.output]
            size = self.sizes[key]
            row = size // operator.output_rows
            if key not in read or self.last[key] >= stop:
                begin += row
                end += size
            elif key not in coinciding:
                ring = held[key]
                begin += min(ring, demand[key]) * row
                end += ring * row
        for key in read - set(written):
            if key not in self.sizes:
                continue
            size = self.sizes[key]
            rows = next(
                axis.input
                for needs in chain
                for index, axis in zip(needs.operator.inputs, needs.operator.axes, strict=True)
                if root[index] == key
            )
            if key == self.pushed:
                begin += held[key] * (size // rows)
                end += held[key] * (size // rows)
            elif self.last[key] >= stop:
                begin += size
                end += size
            else:
                begin += size - max(0, demand[key] - held[key]) * (size // rows)
                end += held[key] * (size // rows)
        own = max(n.scratch_bytes for n in chain) + sum(n.kept_bytes for n in chain)
        return max(begin, end) + own + self._elsewhere(read | set(written), start, stop)
