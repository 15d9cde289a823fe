# SPDX-License-Identifier: Apache-2.0
"""A stream: operators in a chain, computed a few rows at a time, by a schedule made beforehand.

The schedule is data. The generated program walks through it and calls each operator's function for the
next rows; what the planner has simulated is what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinygen.kernels.kernel import Binding

INPUT_ROW = -1
"""The operator of an event that takes a row of the model's input from the application."""

MOST_EVENT_ROWS = 255
"""Rows of one event: a byte of the generated program."""


@dataclass(frozen=True)
class Event:
    """The next ``rows`` rows of the operator at that position of the chain.

    They are output rows; input rows of an operator that accumulates.
    """

    operator: int
    rows: int


@dataclass(frozen=True)
class Ring:
    """The memory of a tensor that is streamed: row y is in slot (y + ``phase``) modulo ``rows``."""

    tensor: int
    rows: int
    phase: int = 0


@dataclass(frozen=True, eq=False)
class Stream:
    """What a streamed step runs.

    ``bindings`` and ``kernels`` (their names) are one an operator, and so are the estimated ``cycles``.
    ``rings`` are those of the chain's intermediate tensors, and of its input if the application
    delivers that by rows.
    """

    bindings: tuple[Binding, ...]
    kernels: tuple[str, ...]
    events: tuple[Event, ...]
    rings: Mapping[int, Ring]
    cycles: tuple[float, ...] = ()
