# SPDX-License-Identifier: Apache-2.0
"""A part of ``invoke``: which kernel computes which layers, and why it was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinygen.kernels.kernel import Binding, Candidate, Provider
from tinygen.ops.control_flow import Routine
from tinygen.ops.layer import Layer
from tinygen.stream import Stream

if TYPE_CHECKING:
    from tinygen.plan import Plan


@dataclass(frozen=True, eq=False)
class RoutinePlan:
    """A subgraph that a step of control flow runs; its arena begins where the step's scratch does."""

    routine: Routine
    plan: Plan


@dataclass(frozen=True, eq=False)
class Step:
    """A part of ``invoke``: one kernel over one or more layers.

    A step whose binding has no calls only gives its output a place (a view of its input), unless it has
    a ``stream``: then its layers run row by row, as that says; or ``routines``: the subgraphs that
    control flow runs, each planned by itself in the step's scratch memory.
    ``fallback`` says why a kernel of the provider that was asked for could not be used. ``cycles`` is
    the estimate that the choice was made by. ``together`` are tensors of a stream that should start at
    the same byte.
    """

    layers: tuple[Layer, ...]
    kernel: str
    provider: Provider
    binding: Binding
    considered: tuple[Candidate, ...] = ()
    fallback: str = ""
    stream: Stream | None = None
    cycles: float = 0.0
    together: tuple[tuple[int, int], ...] = ()
    routines: tuple[RoutinePlan, ...] = ()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What runs: one binding, or one a layer of a stream."""
        return (self.binding,) if self.stream is None else self.stream.bindings

    @property
    def is_view(self) -> bool:
        """Whether the step has no code: it gives its output a place."""
        return self.stream is None and not (self.binding.calls or self.routines)

    @property
    def layer(self) -> Layer:
        """The first layer, which names the step."""
        return self.layers[0]

    @property
    def constant_bytes(self) -> int:
        """Bytes of constant arrays that the kernels read."""
        return sum(c.values.nbytes for binding in self.bindings for c in binding.constants)
