# SPDX-License-Identifier: Apache-2.0
"""Which layers get a faster kernel that needs more constant bytes: ``--weight-growth``.

Kernels that transform weights ahead of time (Winograd) trade flash for cycles. A plan without them is
made first; what its constants leave of the allowance is then spent where a byte saves most cycles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygen.ir.network import Network
from tinygen.kernels.kernel import Offer


@dataclass(frozen=True)
class Growth:
    """A kernel that could do step number ``step``, and its offer."""

    step: int
    kernel: str
    offer: Offer


@dataclass(frozen=True)
class Cost:
    """What a step takes now."""

    cycles: float
    constant_bytes: int


def model_constant_bytes(network: Network) -> int:
    """Bytes of the constant tensors that the model's operators read."""
    graph = network.graph.main
    read = {i for operator in graph.operators for i in operator.inputs if i >= 0}
    return sum(graph.tensors[i].nbytes for i in read if graph.tensors[i].is_constant)


def spend(
    costs: Sequence[Cost], offers: Sequence[Growth], allowance: float
) -> Mapping[int, Growth]:
    """The offers to take, by step: again and again the one that saves most cycles a byte.

    A step's offer may replace one that it took before. What is taken needs no more than ``allowance``
    bytes beyond ``costs``; among equals the first wins, so that plans repeat.
    """
    now = list(costs)
    taken: dict[int, Growth] = {}
    while True:
        best: tuple[float, Growth] | None = None
        for growth in offers:
            saved = now[growth.step].cycles - growth.offer.cycles
            grown = growth.offer.constant_bytes - now[growth.step].constant_bytes
            if saved <= 0 or grown > allowance:
                continue
            worth = saved / max(grown, 1)
            if best is None or worth > best[0]:
                best = (worth, growth)
        if best is None:
            return taken
        growth = best[1]
        allowance -= growth.offer.constant_bytes - now[growth.step].constant_bytes
        now[growth.step] = Cost(growth.offer.cycles, growth.offer.constant_bytes)
        taken[growth.step] = growth
