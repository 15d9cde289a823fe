# SPDX-License-Identifier: Apache-2.0
"""How long a core's instructions take, as its file says and the profiling plugin is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from tinygen.hardware.tables import at_least

CLASSES = (
    "data",
    "multiply",
    "multiply-add",
    "multiply-long",
    "multiply-add-long",
    "divide",
    "load",
    "store",
    "load-many",
    "load-many-pc",
    "store-many",
    "branch",
    "call",
    "table-branch",
    "loop",
    "system",
    "fp",
    "fp-multiply-add",
    "fp-divide",
    "fp-move-pair",
    "fp-load",
    "fp-store",
    "vector",
    "vector-control",
    "vector-load",
    "vector-store",
    "vector-gather",
    "vector-scatter",
)
"""Of instructions: ``thumb_class`` of firmware/qemu-plugin/thumb.h, in its order."""


def _cycles(table: Any) -> dict[str, tuple[int, int]]:
    """Cycles of classes: a number, or two, the second for each word or element transferred."""
    found = {}
    for name, value in dict(table).items():
        pair = value if isinstance(value, list) else [value, 0]
        if name not in CLASSES:
            raise ValueError(f"has {name!r}, known are {', '.join(CLASSES)}")
        if [type(number) for number in pair] != [int, int] or min(pair) < 0:
            raise ValueError(f"has {value!r} for {name}, not cycles or [cycles, cycles of a word]")
        found[name] = (pair[0], pair[1])
    return found


@dataclass(frozen=True)
class Timing:
    """A core's timing model; docs/profile.md explains and judges them.

    Attributes:
        source: what it rests on.
        refill: cycles a taken branch adds.
        cycles: of a class: a fixed number, and one for each word or element transferred; 1 and 0 of
            those that are not named.
        pipelines_loads: a single load takes one cycle less right after a single load or store.
        is_64_bit: two words move in a cycle.
    """

    source: str
    refill: Annotated[int, at_least(0)]
    cycles: Annotated[Mapping[str, tuple[int, int]], _cycles]
    pipelines_loads: bool = False
    is_64_bit: bool = False

    def argument(self) -> str:
        """The plugin's argument ``timing``: every number, separated by colons."""
        costs = (number for name in CLASSES for number in self.cycles.get(name, (1, 0)))
        return ":".join(
            str(int(n)) for n in (self.refill, self.pipelines_loads, self.is_64_bit, *costs)
        )
