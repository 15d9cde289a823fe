# SPDX-License-Identifier: Apache-2.0
"""Which order the layers are computed in: the file's, or another whose arena is smaller.

Another order is taken only if its arena, packed, is smaller than that of the file's order; so most
models are computed as the file says. Streams are then searched for in both orders (a chain is a run of
layers in the order), and the better plan stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinygen.ir.network import Network
from tinygen.planning.layout import Layout, lay_out
from tinygen.planning.options import Options
from tinygen.planning.order import OrderSearch
from tinygen.planning.plan import Step
from tinygen.planning.streams.search import with_chains


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The steps in the order in which they run, streams among them, and where everything lies.

    ``network`` has its layers in that order. ``unstreamed_bytes`` is the arena of that order without
    streams, ``file_order_bytes`` that of the file's order.
    """

    network: Network
    steps: tuple[Step, ...]
    layout: Layout
    unstreamed_bytes: int
    file_order_bytes: int

    def rank(self, options: Options) -> tuple[float, ...]:
        """What is better for the options has less."""
        arena = self.layout.placement.extent
        cycles = sum(step.cycles for step in self.steps)
        if options.ram is None:
            return (self.layout.excess, arena, cycles)
        return (max(0, arena - options.ram.nbytes, self.layout.excess), cycles, arena)


def arrange(steps: tuple[Step, ...], network: Network, options: Options) -> Arrangement:
    """Order, streams and places of the steps, which come in the file's order.

    Raises UnsupportedError if chains are demanded that cannot be streamed.
    """
    chained, layout, unstreamed = with_chains(steps, network, options)
    as_in_file = Arrangement(network, chained, layout, unstreamed, unstreamed)
    search = OrderSearch(network, steps)
    if options.chains or not search.is_free:
        return as_in_file
    order = search.least(unstreamed)
    if order is None:
        return as_in_file
    moved = tuple(steps[number] for number in order)
    other = replace(network, layers=tuple(layer for step in moved for layer in step.layers))
    if lay_out(other, moved, options).placement.extent >= unstreamed:
        return as_in_file
    chained, layout, smaller = with_chains(moved, other, options)
    reordered = Arrangement(other, chained, layout, smaller, unstreamed)
    return min(as_in_file, reordered, key=lambda found: found.rank(options))
