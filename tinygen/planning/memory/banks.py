# SPDX-License-Identifier: Apache-2.0
"""An arena in several memories: what is accessed most goes to the fast ones.

All banks together are one range of offsets: the bytes of the first bank that holds anything, right
behind them those of the next. So whatever reads a plan's offsets need not know of banks, but for
the emission, which names each bank's array. Bodies overlap only inside a bank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tinygen.planning.memory.arena import Arena, Placement, Rank, climb
from tinygen.planning.options import Bank


@dataclass(frozen=True)
class BankArena:
    """The part of an arena that a bank holds: ``nbytes`` from offset ``base``."""

    bank: Bank
    base: int
    nbytes: int

    @property
    def excess(self) -> int:
        """Bytes more than the bank has."""
        return max(0, self.nbytes - self.bank.nbytes)

    def holds(self, offset: int) -> bool:
        """Whether an offset of the arena is in this bank."""
        return self.base <= offset < self.base + self.nbytes


@dataclass(frozen=True)
class Spread:
    """Offsets of all bodies, and the banks that hold some (the first one, if there are no bodies)."""

    placement: Placement
    banks: tuple[BankArena, ...]


Placed = Sequence[Mapping[int, int]]
"""By bank, the offset of each item there."""


class _Search:
    """First fit into banks, over many orders of the items."""

    def __init__(
        self, arena: Arena, moved: Mapping[str, int], banks: Sequence[Bank], most: int | None
    ) -> None:
        self.arena = arena
        self.banks = banks
        self.most = most
        self.moved = [sum(moved.get(b.key, 0) for b in item.bodies) for item in arena.items]

    def rank(self, sizes: Sequence[int], homes: Mapping[int, int]) -> Rank:
        """How bad it is to have the items in these banks, where they take so many bytes.

        Bytes that do not fit, bytes an inference moves to and from slow memory, bytes of all banks.
        """
        total = sum(sizes)
        excess = sum(max(0, s - b.nbytes) for s, b in zip(sizes, self.banks, strict=True))
        if self.most is not None:
            excess += max(0, total - self.most)
        slow = sum(self.moved[item] for item, home in homes.items() if not self.banks[home].fast)
        return excess, slow, total

    def fill(self, order: Sequence[int]) -> tuple[Rank, Placed]:
        """Place the items in this order, each in the first bank with room, at its lowest offset."""
        placed: list[dict[int, int]] = [{} for _ in self.banks]
        homes: dict[int, int] = {}
        sizes = [0] * len(self.banks)
        last = len(self.banks) - 1
        for number in order:
            for home, bank in enumerate(self.banks):
                offset = self.arena.lowest(number, placed[home])
                end = offset + self.arena.items[number].size
                if end <= bank.nbytes or home == last:
                    placed[home][number] = offset
                    homes[number] = home
                    sizes[home] = max(sizes[home], end)
                    break
        return self.rank(sizes, homes), placed

    def packed(self, placed: Mapping[int, int], effort: float) -> Placement:
        """The items of a bank packed anew, or as they are placed, if that takes less."""
        items = self.arena.items
        packed = self.arena.only(sorted(placed)).pack(effort)
        extent = max((at + items[number].size for number, at in placed.items()), default=0)
        if packed.extent <= extent:
            return packed
        offsets = {body.key: at for number, at in placed.items() for body in items[number].bodies}
        return Placement(offsets, extent, optimal=False)

    def orders(self) -> Iterator[list[int]]:
        """What is accessed most for its size first; besides, the orders that suit a single bank."""
        items = self.arena.items
        yield sorted(
            range(len(items)), key=lambda i: (-self.moved[i] / items[i].size, items[i].key)
        )
        yield from self.arena.orders()


def spread(
    arena: Arena,
    moved: Mapping[str, int],
    banks: Sequence[Bank],
    most: int | None = None,
    effort: float = 1.0,
) -> Spread:
    """Place every body in one of the banks.

    All goes to the first bank, a fast one if there is any, if it fits there. Otherwise first fit over
    several orders, then seeded hill climbing (bounded by trials, not by time) for what fits, and among
    that for the fewest bytes moved to and from slow banks; each bank is then packed by itself. Where
    nothing that was found fits, the last bank takes more than it has.

    Args:
        arena: the bodies and what they may share.
        moved: bytes an inference moves to and from each body.
        banks: at least one.
        most: bytes that all banks together may take.
        effort: scales the number of trials.
    """
    banks = sorted(banks, key=lambda bank: not bank.fast)
    whole = arena.pack(effort)
    if whole.extent <= banks[0].nbytes and (most is None or whole.extent <= most):
        return Spread(whole, (BankArena(banks[0], 0, whole.extent),))
    search = _Search(arena, moved, banks, most)
    numbers = range(len(arena.items))
    everywhere = range(len(banks))
    _, placed = climb(search.orders(), search.fill, effort)
    parts = [search.packed(items, effort) for items in placed]
    homes = {number: home for home, items in enumerate(placed) for number in items}
    rank = search.rank([part.extent for part in parts], homes)
    for only in everywhere:
        sizes = [whole.extent if b == only else 0 for b in everywhere]
        alone = search.rank(sizes, dict.fromkeys(numbers, only))
        if alone < rank:
            rank = alone
            parts = [whole if b == only else Placement({}, 0, True) for b in everywhere]
    bases = [0, *accumulate(part.extent for part in parts)]
    held = [(b, p, base) for b, p, base in zip(banks, parts, bases, strict=False) if p.extent]
    offsets = {key: base + at for _, part, base in held for key, at in part.offsets.items()}
    return Spread(
        Placement(offsets, bases[-1], optimal=False),
        tuple(BankArena(bank, base, part.extent) for bank, part, base in held),
    )
