# SPDX-License-Identifier: Apache-2.0
"""What stands in the arena: bodies of rigid parts, and how far apart two of them may not be.

Time is a list of events (``timeline``); a set of events is an ``int``, bit by bit. A body is contiguous
memory whose parts are needed at different events: the rows of a tensor or the slots of a ring, or the
whole of a scratch memory. Two bodies conflict only where parts overlap that are needed at the same
event, so all that the planner has to know of a pair is which distances are forbidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Interval = tuple[int, int]
"""All integers between two that are not included."""

ANY_DISTANCE = -(1 << 40)
"""A lead that every distance has."""


def rounded_up(nbytes: int, alignment: int) -> int:
    """The least multiple of an alignment that is not smaller."""
    return -(-nbytes // alignment) * alignment


def span(first: int, last: int) -> int:
    """The events from ``first`` to ``last``, both included."""
    return (1 << (last + 1)) - (1 << first)


def runs(events: int) -> Iterator[tuple[int, int]]:
    """The runs of consecutive events: the first of each, and the one behind its last."""
    while events:
        first = (events & -events).bit_length() - 1
        length = (~(events >> first) & -~(events >> first)).bit_length() - 1
        yield first, first + length
        events &= ~span(first, first + length - 1)


@dataclass(frozen=True)
class Part:
    """Bytes from ``offset`` in a body, needed at ``events``."""

    offset: int
    size: int
    events: int


@dataclass(frozen=True)
class Body:
    """Contiguous memory to be placed; ``key`` names it. ``parts`` follow each other."""

    key: str
    parts: tuple[Part, ...]
    alignment: int = 4

    @cached_property
    def size(self) -> int:
        """Bytes."""
        return self.parts[-1].offset + self.parts[-1].size

    @cached_property
    def events(self) -> int:
        """Every event at which some part is needed."""
        events = 0
        for part in self.parts:
            events |= part.events
        return events

    @property
    def first(self) -> int:
        """The first event at which it is needed."""
        return (self.events & -self.events).bit_length() - 1

    @property
    def last(self) -> int:
        """The last event at which it is needed."""
        return self.events.bit_length() - 1

    def needed(self, event: int) -> int:
        """Bytes needed at an event."""
        return sum(part.size for part in self.parts if part.events >> event & 1)


def merged_parts(body: Body) -> list[Part]:
    """The parts, neighbours that are needed at the same events put together."""
    result: list[Part] = []
    for part in body.parts:
        if result and result[-1].events == part.events:
            before = result.pop()
            part = Part(before.offset, before.size + part.size, part.events)  # noqa: PLW2901
        result.append(part)
    return result


def block(key: str, size: int, first: int, last: int, alignment: int = 4) -> Body:
    """A body of one part, needed from one event to another."""
    return Body(key, (Part(0, size, span(first, last)),), alignment)


@dataclass(frozen=True)
class Sharing:
    """Leave to write one body over another that dies in the same event.

    Right where ``writer`` starts at least ``lead`` bytes before ``reader`` (``exact``: just so many),
    or they are apart. ``pairs`` gives, by the numbers of a reader's and a writer's part, the events at
    which this holds for these two parts, the lead then measured from part to part. Without ``pairs``
    it holds for the whole bodies, if they are both needed at one event only.
    """

    reader: str
    writer: str
    lead: int
    exact: bool = False
    pairs: Mapping[tuple[int, int], int] | None = None


def _around(low: int, high: int, allowed: int, exact: bool) -> list[Interval]:
    """The distances between low and high that a sharing does not allow.

    ``allowed`` is the greatest allowed distance from reader to writer; ``exact``: the only one.
    """
    if allowed <= low:
        return [(low, high)]
    if exact:
        return [(low, high)] if allowed >= high else [(low, allowed), (allowed, high)]
    return [(allowed, high)] if allowed < high else []


def merged(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """The union, sorted; an integer between two intervals that only touch stays outside."""
    result: list[Interval] = []
    for low, high in sorted(intervals):
        if result and low < result[-1][1]:
            if high > result[-1][1]:
                result[-1] = (result[-1][0], high)
        else:
            result.append((low, high))
    return tuple(result)


def mirrored(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """The same distances seen from the other side."""
    return tuple((-high, -low) for low, high in reversed(intervals))


def forbidden(a: Body, b: Body, sharings: Sequence[Sharing] = ()) -> tuple[Interval, ...]:
    """The distances ``offset of b - offset of a`` at which bytes would be needed twice.

    ``sharings`` are those between the two, in either direction; where several speak of the same parts,
    each must hold.
    """
    common = a.events & b.events
    if not common:
        return ()
    if sharings and sharings[0].reader == b.key:
        return mirrored(forbidden(b, a, sharings))
    whole = common & (common - 1) == 0
    intervals: list[Interval] = []
    for i, mine in enumerate(a.parts):
        if not mine.events & common:
            continue
        for j, other in enumerate(b.parts):
            meeting = mine.events & other.events
            if not meeting:
                continue
            hard = meeting
            low = mine.offset - other.offset - other.size
            high = mine.offset - other.offset + mine.size
            for sharing in sharings:
                if sharing.pairs is None:
                    soft, allowed = (meeting if whole else 0), -sharing.lead
                else:
                    soft = sharing.pairs.get((i, j), 0)
                    allowed = mine.offset - other.offset - sharing.lead
                if soft & meeting:
                    hard &= ~soft
                    intervals += _around(low, high, allowed, sharing.exact)
            if hard:
                intervals.append((low, high))
    return merged(intervals)
