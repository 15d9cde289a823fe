# SPDX-License-Identifier: Apache-2.0
"""What a generated program offers to whatever builds, calls and watches it."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.emit.expressions import arena_label, parts_of
from tinygen.emit.streams import pushed_step
from tinygen.ir.graph import Tensor
from tinygen.planning.options import Optimize
from tinygen.planning.plan import Plan


@dataclass(frozen=True)
class Port:
    """An input or output: its C type and elements, and ``rows`` if the application delivers it so."""

    ctype: str
    elements: int
    rows: int | None = None


@dataclass(frozen=True)
class Interface:
    """The names of a generated program, and what the other side must know of it.

    ``steps`` are the functions of each step of the plan: none of a view, one an operator of a stream.
    ``arenas`` are the arrays that the arena consists of.
    """

    name: str
    model_sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    optimize: Optimize = Optimize.SPEED
    steps: tuple[tuple[str, ...], ...] = ()
    arenas: tuple[str, ...] = ()

    @property
    def invoke(self) -> str:
        """The function that runs an inference."""
        return f"{self.name}_invoke"

    @property
    def pushed(self) -> int | None:
        """The input that is delivered by rows."""
        return next((k for k, port in enumerate(self.inputs) if port.rows is not None), None)


def interface(plan: Plan) -> Interface:
    """The interface of the files that ``render`` makes of a plan."""
    name = plan.options.name
    network = plan.network
    waiting = pushed_step(plan.steps)
    stream = None if waiting is None else plan.steps[waiting].stream
    by_rows = stream.rings if stream else {}
    return Interface(
        name=name,
        model_sha256=network.graph.sha256,
        inputs=tuple(_port(network.port(i), by_rows=i in by_rows) for i in network.inputs),
        outputs=tuple(_port(network.port(i), by_rows=False) for i in network.outputs),
        optimize=plan.options.optimize,
        steps=tuple(
            () if step.is_view else tuple(f"{name}_step_{p.label}" for p in parts_of(number, step))
            for number, step in enumerate(plan.steps)
        ),
        arenas=tuple(
            f"{name}_{arena_label(plan, number)}"
            for number in range(len(plan.banks) or int(plan.arena_bytes > 0))
        ),
    )


def _port(tensor: Tensor, *, by_rows: bool) -> Port:
    return Port(tensor.dtype.ctype, tensor.elements, tensor.shape[1] if by_rows else None)
