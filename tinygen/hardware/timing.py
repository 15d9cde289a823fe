# SPDX-License-Identifier: Apache-2.0
"""How long a core's instructions take, as its file says and the profiling plugin is told.

The plugin is an in-order scoreboard (firmware/qemu-plugin/timing.h); a core is a table of its classes
of instructions, one column a key here. A key of a column is a class or a pattern such as ``vector-*``;
of two that fit the later counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import filter as matching
from typing import Annotated, Any

from tinygen.hardware.tables import at_least, one_of

CLASSES = (
    "data",
    "add",
    "add-immediate",
    "move",
    "shift",
    "extend",
    "data-constant",
    "data-constant-flags",
    "data-shifted",
    "bit-field-insert",
    "bit-field-extract",
    "pack",
    "extend-add",
    "reverse",
    "count",
    "simd",
    "simd-saturate",
    "saturate",
    "select",
    "long-shift",
    "it",
    "nop",
    "multiply",
    "multiply-flags",
    "multiply-add",
    "multiply-long",
    "multiply-add-long",
    "divide",
    "load",
    "load-narrow",
    "load-pair",
    "load-many",
    "load-many-pc",
    "store",
    "store-offset",
    "store-pair",
    "store-many",
    "branch",
    "call",
    "table-branch",
    "loop",
    "system",
    "fp",
    "fp-multiply",
    "fp-multiply-add",
    "fp-fused",
    "fp-divide",
    "fp-square-root",
    "fp-compare",
    "fp-move",
    "fp-to-core",
    "fp-from-core",
    "fp-pair-to-core",
    "fp-pair-from-core",
    "fp-load",
    "fp-load-many",
    "fp-store",
    "fp-store-many",
    "vector-integer",
    "vector-bitwise",
    "vector-immediate",
    "vector-round",
    "vector-narrow",
    "vector-narrow-saturate",
    "vector-across",
    "vector-multiply",
    "vector-multiply-add",
    "vector-reduce",
    "vector-fp-add",
    "vector-fp-multiply",
    "vector-fp-fused",
    "vector-fp-convert",
    "vector-compare",
    "vector-control",
    "vector-to-core",
    "vector-from-core",
    "vector-load",
    "vector-load-interleaved",
    "vector-store",
    "vector-store-interleaved",
    "vector-gather",
    "vector-scatter",
)
"""Of instructions: ``thumb_class`` of firmware/qemu-plugin/thumb.h, in its order."""

BASE = "base"
"""In place of a class: the base register that a load or store updates."""

USES = (
    "data",
    "shifted",
    "address",
    "index",
    "multiply",
    "accumulate",
    "addend",
    "store",
    "vector",
    "condition",
)
"""What a register is read for: ``timing_use`` of firmware/qemu-plugin/timing.h, in its order."""

SLOTS = {"any": 3, "older": 1, "younger": 2, "alone": 0, "guest": 7, "younger-guest": 6}
"""How an instruction may share a cycle: as the first of two, the second, not with another guest: bits
as in firmware/qemu-plugin/timing.h."""

Pair = tuple[int, int]
"""A fixed number of cycles, and one for each word or element transferred."""


def _classes(pattern: str) -> list[str]:
    """The classes that a pattern names."""
    found = matching((*CLASSES, BASE), pattern)
    if not found:
        raise ValueError(f"has {pattern!r}, known are {', '.join(CLASSES)}")
    return found


def _column(table: Any, read: Callable[[Any], Any]) -> dict[str, Any]:
    """A column: what ``read`` makes of the value of each class."""
    column = {}
    for pattern, value in dict(table).items():
        names = _classes(pattern)
        try:
            column.update(dict.fromkeys(names, read(value)))
        except ValueError as error:
            raise ValueError(f"has {value!r} for {pattern}, {error}") from None
    return column


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a number of cycles")
    return value


def _pair(value: Any) -> Pair:
    pair = value if isinstance(value, list) else [value, 0]
    if [type(number) for number in pair] != [int, int] or min(pair) < 0:
        raise ValueError("not cycles or [cycles, cycles of a word]")
    return pair[0], pair[1]


def _latency(value: Any) -> dict[str, int]:
    by_use = dict(value) if isinstance(value, Mapping) else {"data": value}
    return {_use(use): _count(cycles) for use, cycles in by_use.items()}


def _use(name: str) -> str:
    return one_of(*USES)(name)


def _counts(table: Any) -> dict[str, int]:
    return _column(table, _count)


def _pairs(table: Any) -> dict[str, Pair]:
    return _column(table, _pair)


def _latencies(table: Any) -> dict[str, dict[str, int]]:
    return _column(table, _latency)


def _stages(table: Any) -> dict[str, int]:
    found = {_use(name): value for name, value in dict(table).items()}
    if any(type(value) is not int for value in found.values()):
        raise ValueError(f"has {found!r}, not numbers of stages")
    return found


def _sets(table: Any) -> dict[str, frozenset[str]]:
    """Names, each of a set of classes."""
    return {name: _set(patterns) for name, patterns in dict(table).items()}


def _slots(table: Any) -> dict[str, frozenset[str]]:
    return {one_of(*SLOTS)(name): classes for name, classes in _sets(table).items()}


def _set(patterns: Iterable[str]) -> frozenset[str]:
    return frozenset(name for pattern in patterns for name in _classes(pattern))


@dataclass(frozen=True)
class Timing:
    """A core's timing model; docs/profile.md explains and judges them.

    Attributes:
        source: what it rests on.
        width: instructions that may share a cycle.
        narrow: only two of 16 bits share one.
        is_64_bit: two words move in a cycle.
        banks: of words, that two loads in a cycle must not share; 0 where two loads never share one.
        overlap_in_memory: only accesses of the same memory overlap.
        overlap_plain: only one that updates no base register overlaps.
        early_older: only the first of two instructions in a cycle executes early.
        refill: cycles a taken branch adds, if it was not predicted wrong.
        after_flags: more, if it shares its cycle with the instruction that sets its flags.
        mispredict: cycles of a wrong prediction; 0 where nothing is predicted.
        late_flags: more, if flags were set less than three cycles before.
        unaligned_target: cycles a jump to a 32-bit instruction in the middle of a word adds.
        unaligned_run: cycles of a run of these after an instruction of several cycles.
        slot: of classes that ``slots`` does not name.
        slots: of classes, by slot.
        cycles: until the next instruction; 1 of those not named.
        overlaps: classes that begin before the ``tail`` of the instruction before.
        tail: the last of an instruction's cycles, in which one that overlaps can begin.
        units: that classes occupy, by name.
        either: classes to which one of their units is enough.
        busy: cycles that a class occupies its units; 1 of those not named.
        early: stages by which a class executes earlier if its operands are there.
        late: stages by which it executes later if they are not.
        stages: by which an operand is needed earlier for a use than for ``data``; negative: later.
        latency: from an instruction's last cycle to that in which its result is used, 1 of those
            not named: a number, that of ``data``, to which ``stages`` are added, or one for each use.
    """

    source: str
    refill: Annotated[int, at_least(0)]
    cycles: Annotated[Mapping[str, Pair], _pairs]
    width: int = 1
    narrow: bool = False
    is_64_bit: bool = False
    banks: int = 0
    overlap_in_memory: bool = False
    overlap_plain: bool = False
    early_older: bool = False
    after_flags: int = 0
    mispredict: int = 0
    late_flags: int = 0
    unaligned_target: int = 0
    unaligned_run: int = 0
    slot: Annotated[str, one_of(*SLOTS)] = "any"
    slots: Annotated[Mapping[str, frozenset[str]], _slots] = field(default_factory=dict)
    overlaps: Annotated[frozenset[str], _set] = frozenset()
    tail: Annotated[Mapping[str, int], _counts] = field(default_factory=dict)
    units: Annotated[Mapping[str, frozenset[str]], _sets] = field(default_factory=dict)
    either: Annotated[frozenset[str], _set] = frozenset()
    busy: Annotated[Mapping[str, Pair], _pairs] = field(default_factory=dict)
    early: Annotated[Mapping[str, int], _counts] = field(default_factory=dict)
    late: Annotated[Mapping[str, int], _counts] = field(default_factory=dict)
    stages: Annotated[Mapping[str, int], _stages] = field(default_factory=dict)
    latency: Annotated[Mapping[str, Mapping[str, int]], _latencies] = field(default_factory=dict)

    def argument(self) -> str:
        """The plugin's argument ``timing``: every number, separated by colons."""
        numbers = [
            self.width,
            self.narrow,
            self.is_64_bit,
            self.banks,
            self.overlap_in_memory,
            self.overlap_plain,
            self.early_older,
            self.refill,
            self.after_flags,
            self.mispredict,
            self.late_flags,
            self.unaligned_target,
            self.unaligned_run,
        ]
        for name in (*CLASSES, BASE):
            numbers += self._row(name)
        return ":".join(str(int(number)) for number in numbers)

    def _row(self, name: str) -> list[int]:
        """The numbers of a class."""
        slot = next((slot for slot, classes in self.slots.items() if name in classes), self.slot)
        units = sum(1 << i for i, users in enumerate(self.units.values()) if name in users)
        cycles, per_transfer = self.cycles.get(name, (1, 0))
        return [
            cycles,
            per_transfer,
            self.tail.get(name, 0),
            name in self.overlaps,
            SLOTS[slot],
            units,
            name in self.either,
            *self.busy.get(name, (1, 0)),
            self.early.get(name, 0),
            self.late.get(name, 0),
            *(self.latency_of(name, use) for use in USES),
        ]

    def latency_of(self, name: str, use: str) -> int:
        """Cycles from a class to a use of its result."""
        said = self.latency.get(name, {})
        return said.get(use, max(0, said.get("data", 1) + self.stages.get(use, 0)))
