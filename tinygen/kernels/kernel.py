# SPDX-License-Identifier: Apache-2.0
"""What the planner knows of a kernel: a function that makes an offer for a layer, and for which layers.

A kernel stands for one C function, or one way of calling a library. Its function in Python gets a layer
and a core, and answers with an ``Offer``: the cycles, and how to bind it, whole or by bands of rows; or
with a ``Refusal``: why it cannot. What it has to work out about a layer it works out once, for all that
the offer says. That the layer is of its type and the core has the features is checked before.

Nothing about the C is decided later: a bound kernel is a ``Binding``, and ``emit`` writes it down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from tinygen.hardware.cores import Core, Feature
from tinygen.ir.layer import Layer
from tinygen.kernels.binding import Binding
from tinygen.kernels.costs import factor
from tinygen.kernels.waits import Waits

LayerT = TypeVar("LayerT", bound=Layer)


class Provider(Enum):
    """Who wrote the kernel."""

    TINYGEN = "tinygen"
    CMSIS_NN = "cmsis-nn"


class Code(Enum):
    """How much code a kernel is, which decides who may have it."""

    ANY = "little enough for every plan"
    LARGE = "too much for a plan that is to be small"
    SMALL = "made small, for such a plan only"


@dataclass(frozen=True)
class Bands:
    """How a layer is to be computed by bands of rows.

    ``input_rings`` are the rows that the memory of each run-time input holds (its height if whole);
    ``most`` is the most rows of one call; ``input_phases`` are the slots of the inputs' rows 0, all 0
    if left out.
    """

    input_rings: tuple[int, ...]
    most: int
    input_phases: tuple[int, ...] = ()

    @property
    def ring(self) -> tuple[int, int]:
        """Rows and phase of the first input's ring."""
        return self.input_rings[0], self.input_phases[0] if self.input_phases else 0


@dataclass(frozen=True)
class Offer:
    """A kernel could do the layer: in how many cycles, all calls included.

    ``bind`` fits it to the layer, and is called only if the offer is taken. ``by_bands`` makes the
    offers for computing the layer by bands; a kernel that does whole layers only has none.
    ``constant_bytes`` are told by a kernel that ``grows``.
    """

    cycles: float
    bind: Callable[[], Binding]
    by_bands: ByBands | None = None
    constant_bytes: int = 0


ByBands = Callable[[Bands], "Offer | None"]
"""What a kernel offers for a layer by bands; None if it cannot do it by these."""


@dataclass(frozen=True)
class Refusal:
    """A kernel cannot do the layer, and why."""

    reason: str


@dataclass(frozen=True)
class Kernel:
    """A kernel's name (as in plans and profiles: ``portable.conv2d_s8``), and what it is for.

    ``needs`` are features without which it does not run, and ``lacks`` those that a core must not have
    for it. A kernel that ``grows`` has constants much larger than the model's. ``ask`` makes the offer.
    """

    name: str
    layer_type: type[Layer]
    ask: Callable[[Any, Core], Offer | Refusal]
    needs: frozenset[Feature] = frozenset()
    lacks: frozenset[Feature] = frozenset()
    provider: Provider = Provider.TINYGEN
    code: Code = Code.ANY
    grows: bool = False

    def offer(self, layer: Layer, core: Core, waits: Waits | None = None) -> Offer | Refusal | None:
        """What the kernel says to the layer on the core; None if it is for other layers.

        Cycles are the core's own, and those in which it waits for a board's memories.
        """
        if not isinstance(layer, self.layer_type):
            return None
        missing = sorted(feature.value for feature in self.needs - core.features)
        if missing:
            return Refusal(f"{core.name} lacks {', '.join(missing)}")
        surplus = sorted(feature.value for feature in self.lacks & core.features)
        if surplus:
            return Refusal(f"is for cores without {', '.join(surplus)}, which {core.name} is not")
        answer = self.ask(layer, core)
        if isinstance(answer, Refusal):
            return answer
        times, constants = factor(core.name, self.name), answer.constant_bytes

        def changed(cycles: float) -> float:
            own = cycles * times
            return own + waits.stalls(self.name, layer, own, constants) if waits else own

        return answer if waits is None and times == 1.0 else _with_cycles(answer, changed)


def _with_cycles(offer: Offer, changed: Callable[[float], float]) -> Offer:
    """The offer with other cycles, by bands too."""
    offers = offer.by_bands

    def by_bands(bands: Bands) -> Offer | None:
        part = offers(bands) if offers else None
        return part and replace(part, cycles=changed(part.cycles))

    return replace(offer, cycles=changed(offer.cycles), by_bands=offers and by_bands)


def kernel(
    name: str,
    layer_type: type[LayerT],
    *,
    needs: Iterable[Feature] = (),
    lacks: Iterable[Feature] = (),
    provider: Provider = Provider.TINYGEN,
    code: Code = Code.ANY,
    grows: bool = False,
) -> Callable[[Callable[[LayerT, Core], Offer | Refusal]], Kernel]:
    """Makes a function that answers for layers of a type the kernel of that name."""

    def described(ask: Callable[[LayerT, Core], Offer | Refusal]) -> Kernel:
        return Kernel(
            name, layer_type, ask, frozenset(needs), frozenset(lacks), provider, code, grows
        )

    return described


@dataclass(frozen=True)
class Candidate:
    """A kernel that was considered for a layer: its cost in cycles, or why it was rejected."""

    kernel: str
    cycles: float | None
    rejected: str = ""


def cheapest(
    kernels: Sequence[Kernel], layer: Layer, core: Core, waits: Waits | None = None
) -> tuple[tuple[Kernel, Offer] | None, tuple[Candidate, ...]]:
    """The kernel of least cost and its offer (None if none does the layer), and all considered.

    Among equal costs the first listed wins, so that plans repeat.
    """
    best: tuple[Kernel, Offer] | None = None
    considered = []
    for asked in kernels:
        answer = asked.offer(layer, core, waits)
        if isinstance(answer, Refusal):
            considered.append(Candidate(asked.name, None, answer.reason))
        elif answer is not None:
            considered.append(Candidate(asked.name, answer.cycles))
            if best is None or answer.cycles < best[1].cycles:
                best = (asked, answer)
    return best, tuple(considered)
