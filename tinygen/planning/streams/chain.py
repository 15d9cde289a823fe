# SPDX-License-Identifier: Apache-2.0
"""A chain of layers as one streamed step: bands, kernels, schedule and rings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.bands import ways
from tinygen.kernels.binding import Binding
from tinygen.kernels.kernel import Bands, ByBands, Kernel, Offer, Provider
from tinygen.kernels.waits import Waits
from tinygen.planning.plan import Step, Stream
from tinygen.planning.schedule import ChainOperator, Schedule, chain_operator, make_schedule


class BandKernels:
    """The kernels that may compute layers by bands, asked once for each layer and way."""

    def __init__(self, kernels: Sequence[Kernel], core: Core, waits: Waits | None) -> None:
        self._kernels = kernels
        self._core = core
        self._waits = waits
        self._able: dict[Layer, list[tuple[Kernel, ByBands]]] = {}
        self._cheapest: dict[tuple[Layer, Bands], tuple[Kernel, Offer] | None] = {}
        self._bound: dict[tuple[Layer, Bands], Binding] = {}

    def _offers(self, layer: Layer, bands: Bands) -> Iterator[tuple[Kernel, Offer]]:
        if layer not in self._able:
            asked = (
                (kernel, ways(kernel, layer, self._core, self._waits)) for kernel in self._kernels
            )
            self._able[layer] = [(kernel, able) for kernel, able in asked if able is not None]
        for kernel, able in self._able[layer]:
            offer = able(bands)
            if offer is not None:
                yield kernel, offer

    def cheapest(self, layer: Layer, bands: Bands) -> tuple[Kernel, Offer] | None:
        """The kernel of least cost and its offer, or None if no kernel does it so."""
        key = (layer, bands)
        if key not in self._cheapest:
            offers = self._offers(layer, bands)
            self._cheapest[key] = min(offers, key=lambda found: found[1].cycles, default=None)
        return self._cheapest[key]

    def bind(self, layer: Layer, bands: Bands) -> Binding:
        """The cheapest kernel fitted to the layer."""
        key = (layer, bands)
        if key not in self._bound:
            found = self.cheapest(layer, bands)
            assert found is not None
            self._bound[key] = found[1].bind()
        return self._bound[key]

    def cycles(self, layer: Layer, bands: Bands, calls: Mapping[int, int], steps: int) -> float:
        """Cycles of a layer whose calls have, here and there, fewer rows: how many of how many."""
        total = 0.0
        for rows, count in calls.items():
            found = self.cheapest(layer, replace(bands, most=rows))
            whole = self.cheapest(layer, bands) if found is None else found
            assert whole is not None
            total += rows * count / steps * whole[1].cycles
        return total


@dataclass(frozen=True, eq=False)
class BandLayer:
    """A layer as its cheapest kernel would compute it by bands, its inputs whole."""

    layer: Layer
    operator: ChainOperator
    scratch_bytes: int
    kept_bytes: int
    cycles: float


def band_layer(layer: Layer, rows: int, kernels: BandKernels) -> BandLayer | None:
    """The cheapest way to compute a layer by bands of that many rows, or of one; None if none can."""
    operator = chain_operator(layer)
    if operator is None:
        return None
    heights = tuple(axis.input for axis in operator.axes)
    for most in dict.fromkeys((min(rows, operator.steps), 1)):
        whole = Bands(heights, most)
        found = kernels.cheapest(layer, whole)
        if found is not None:
            binding = kernels.bind(layer, whole)
            return BandLayer(
                layer,
                replace(operator, most=most, in_place=_coinciding(layer, binding)),
                binding.scratch_bytes,
                binding.kept_bytes,
                found[1].cycles,
            )
    return None


def _coinciding(layer: Layer, binding: Binding) -> tuple[int, ...]:
    """The inputs whose place the output may take, row for row."""
    return tuple(
        overlap.input
        for overlap in binding.overlaps
        if overlap.lead_bytes == 0 and overlap.output == layer.outputs[0]
    )


def stream_step(
    chain: Sequence[BandLayer],
    kernels: BandKernels,
    whole: frozenset[int],
    *,
    pushed: int | None = None,
    backwards: bool = False,
    longer: frozenset[int] = frozenset(),
) -> Step | None:
    """The chain as one step, or None if no kernel computes a layer with the rings that result.

    ``whole`` are tensors of the chain that something outside it reads, or that are outputs of the
    model; ``pushed`` is the model's input, if the application delivers it by rows. For ``backwards``
    and ``longer`` see ``make_schedule``.
    """
    operators = [item.operator for item in chain]
    schedule, together = make_schedule(
        operators, whole, pushed=pushed, backwards=backwards, longer=longer
    )
    bindings: list[Binding] = []
    names: list[str] = []
    cycles: list[float] = []
    for position, item in enumerate(chain):
        bands = Bands(*_rings(item.operator, schedule))
        found = kernels.cheapest(item.layer, bands)
        if found is None:
            return None
        bindings.append(kernels.bind(item.layer, bands))
        names.append(found[0].name)
        calls = Counter(e.rows for e in schedule.events if e.operator == position)
        cycles.append(kernels.cycles(item.layer, bands, calls, item.operator.steps))
    return Step(
        layers=tuple(item.layer for item in chain),
        kernel="stream",
        provider=Provider.TINYGEN,
        binding=Binding(calls=()),
        stream=Stream(
            tuple(bindings), tuple(names), schedule.events, schedule.rings, tuple(cycles)
        ),
        cycles=sum(cycles),
        together=together,
    )


def _rings(
    operator: ChainOperator, schedule: Schedule
) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """Rows of the inputs' rings, the most rows of a call, and the rings' phases."""
    found = [schedule.rings.get(tensor) for tensor in operator.inputs]
    rows = tuple(
        axis.input if ring is None else ring.rows
        for ring, axis in zip(found, operator.axes, strict=True)
    )
    return rows, operator.most, tuple(0 if ring is None else ring.phase for ring in found)


def outside_readers(
    layers: Sequence[Layer], chain: range, outputs: Sequence[int]
) -> frozenset[int]:
    """The tensors that a chain of layers writes and something else reads."""
    written = {tensor for number in chain for tensor in layers[number].outputs}
    read = set(outputs)
    for number, layer in enumerate(layers):
        if number not in chain:
            read.update(layer.inputs)
    return frozenset(written & read)
