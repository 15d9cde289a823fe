# SPDX-License-Identifier: Apache-2.0
"""A chain of layers as one streamed step: bands, kernels, schedule and rings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tinygen.kernels.bands import Bands, bands_cost, bands_rejected, bind_bands
from tinygen.kernels.kernel import Binding, Kernel, Provider
from tinygen.memory.schedule import ChainOperator, Schedule, chain_operator, make_schedule
from tinygen.ops.layer import Layer
from tinygen.step import Step
from tinygen.stream import Stream
from tinygen.targets.cores import Core


@dataclass(frozen=True, eq=False)
class BandLayer:
    """A layer as its cheapest kernel would compute it by bands, its inputs whole."""

    layer: Layer
    operator: ChainOperator
    scratch_bytes: int
    kept_bytes: int
    cycles: float


def band_layer(layer: Layer, rows: int, kernels: Sequence[Kernel], core: Core) -> BandLayer | None:
    """The cheapest way to compute a layer by bands of that many rows, or of one; None if none can."""
    operator = chain_operator(layer)
    if operator is None:
        return None
    able = [kernel for kernel in kernels if kernel.rejects(layer, core) is None]
    heights = tuple(axis.input for axis in operator.axes)
    for most in dict.fromkeys((min(rows, operator.steps), 1)):
        whole = Bands(heights, most)
        found = _cheapest(able, layer, core, whole)
        if found is not None:
            binding = bind_bands(found, layer, core, whole)
            return BandLayer(
                layer,
                replace(operator, most=most, in_place=_coinciding(layer, binding)),
                binding.scratch_bytes,
                binding.kept_bytes,
                bands_cost(found, layer, core, whole),
            )
    return None


def _cheapest(kernels: Sequence[Kernel], layer: Layer, core: Core, wanted: Bands) -> Kernel | None:
    able = [k for k in kernels if bands_rejected(k, layer, core, wanted) is None]
    return min(able, key=lambda k: bands_cost(k, layer, core, wanted), default=None)


def _coinciding(layer: Layer, binding: Binding) -> tuple[int, ...]:
    """The inputs whose place the output may take, row for row."""
    return tuple(
        overlap.input
        for overlap in binding.overlaps
        if overlap.lead_bytes == 0 and overlap.output == layer.outputs[0]
    )


def stream_step(
    chain: Sequence[BandLayer],
    kernels: Sequence[Kernel],
    core: Core,
    whole: frozenset[int],
    *,
    pushed: int | None = None,
    backwards: bool = False,
) -> Step | None:
    """The chain as one step, or None if no kernel computes a layer with the rings that result.

    ``whole`` are tensors of the chain that something outside it reads, or that are outputs of the
    model; ``pushed`` is the model's input, if the application delivers it by rows.
    """
    operators = [item.operator for item in chain]
    schedule, together = make_schedule(operators, whole, pushed=pushed, backwards=backwards)
    bindings: list[Binding] = []
    names: list[str] = []
    cycles = 0.0
    for item in chain:
        rings = _rings(item.operator, schedule)
        wanted = Bands(rings, item.operator.most)
        able = [k for k in kernels if k.rejects(item.layer, core) is None]
        kernel = _cheapest(able, item.layer, core, wanted)
        if kernel is None:
            return None
        bindings.append(bind_bands(kernel, item.layer, core, wanted))
        names.append(kernel.name)
        cycles += bands_cost(kernel, item.layer, core, wanted)
    return Step(
        layers=tuple(item.layer for item in chain),
        kernel="stream",
        provider=Provider.TINYGEN,
        binding=Binding(calls=()),
        stream=Stream(tuple(bindings), tuple(names), schedule.events, schedule.rings),
        cycles=cycles,
        together=together,
    )


def _rings(operator: ChainOperator, schedule: Schedule) -> tuple[int, ...]:
    return tuple(
        schedule.rings[tensor].rows if tensor in schedule.rings else axis.input
        for tensor, axis in zip(operator.inputs, operator.axes, strict=True)
    )


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
