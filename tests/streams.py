# SPDX-License-Identifier: Apache-2.0
"""Plans whose chains are forced, with rings and bands of any size: everything lies apart in memory.

The scheduler is a plain one of its own, so that kernels and generated C are tested without the planner.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tests.kernels import cmsis_nn_programs
from tinygen.hardware.cores import Core
from tinygen.ir.graph import DType, Operator, Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.ir.window import Axis
from tinygen.kernels.bands import ways
from tinygen.kernels.binding import Binding
from tinygen.kernels.kernel import Bands, Kernel, Offer, Provider
from tinygen.ops.requantize import Clamp
from tinygen.planning.options import Options
from tinygen.planning.plan import Event, Plan, Ring, Step, Stream

_ALIGNMENT = 16


class _Schedule:
    """Pulls rows through a chain, and counts the most rows that each tensor had to keep."""

    def __init__(self, layers: Sequence[Layer], most: Sequence[int]) -> None:
        self.layers = layers
        self.most = most
        self.producers = {layer.outputs[0]: part for part, layer in enumerate(layers)}
        self.done = [0] * len(layers)
        self.events: list[tuple[int, int, int]] = []
        self.kept = dict.fromkeys(self.producers, 1)
        self._pull(len(layers) - 1, self._rows(len(layers) - 1))

    def _axis(self, part: int, position: int) -> Axis:
        axes = self.layers[part].row_axes
        assert axes is not None
        return axes[position]

    def _rows(self, part: int) -> int:
        axis = self._axis(part, 0)
        return axis.input if self.layers[part].accumulates else axis.output

    def _reach(self, part: int, position: int, first: int, end: int) -> tuple[int, int]:
        """The rows of an input that rows [first, end) read: from the one to before the other."""
        if self.layers[part].accumulates:
            return first, end
        axis = self._axis(part, position)
        last = (end - 1) * axis.stride - axis.pad + (axis.size - 1) * axis.dilation
        return max(0, first * axis.stride - axis.pad), min(axis.input, last + 1)

    def _pull(self, part: int, rows: int) -> None:
        while self.done[part] < rows:
            first = self.done[part]
            end = min(first + self.most[part], self._rows(part))
            for position, tensor in enumerate(self.layers[part].inputs):
                producer = self.producers.get(tensor)
                if producer is not None:
                    whole = self.layers[producer].accumulates
                    last = self._reach(part, position, first, end)[1]
                    self._pull(producer, self._rows(producer) if whole else last)
            self.events.append((part, first, end))
            output = self.layers[part].outputs[0]
            oldest = min(self._still_read(output), first)
            self.kept[output] = max(self.kept[output], end - oldest)
            self.done[part] = end

    def _still_read(self, tensor: int) -> int:
        """The first row of a tensor that some operator has yet to read."""
        return min(
            (
                self._reach(part, position, self.done[part], self.done[part] + 1)[0]
                for part, layer in enumerate(self.layers)
                for position, index in enumerate(layer.inputs)
                if index == tensor and self.done[part] < self._rows(part)
            ),
            default=1 << 30,
        )


def _split(schedule: _Schedule, rings: dict[int, Ring], heights: dict[int, int]) -> Iterator[Event]:
    """The events, none of which writes (or takes in) rows on both sides of a ring's end."""
    for part, begin, end in schedule.events:
        layer = schedule.layers[part]
        tensor = layer.inputs[0] if layer.accumulates else layer.outputs[0]
        ring, phase = heights[tensor], 0
        if tensor in rings:
            ring, phase = rings[tensor].rows, rings[tensor].phase
        first = begin
        while first < end:
            stop = min(end, ((first + phase) // ring + 1) * ring - phase)
            yield Event(part, stop - first)
            first = stop


def _stream(
    network: Network,
    layers: Sequence[Layer],
    kernels: Sequence[Kernel],
    core: Core,
    rng: np.random.Generator,
) -> Stream:
    most = [1 if layer.one_row() else int(rng.choice([1, 1, 2, 3, 5])) for layer in layers]
    schedule = _Schedule(layers, most)
    inner = {index for layer in layers for index in layer.inputs} & set(schedule.producers)
    heights = {i: network.tensors[i].shape[1] for layer in layers for i in layer.inputs}
    heights.update({i: network.tensors[i].shape[1] for i in schedule.producers})
    rings: dict[int, Ring] = {}
    for index in sorted(inner):
        rows = min(heights[index], schedule.kept[index] + int(rng.choice([0, 0, 1, 2])))
        phase = int(rng.integers(rows)) if rows < heights[index] else 0
        rings[index] = Ring(index, rows, phase)
    bindings: list[Binding] = []
    names = []
    for part, layer in enumerate(layers):
        bands = Bands(
            tuple(rings[i].rows if i in rings else heights[i] for i in layer.inputs),
            most[part],
            tuple(rings[i].phase if i in rings else 0 for i in layer.inputs),
        )
        able = ((kernel, ways(kernel, layer, core)) for kernel in kernels)
        made = [(kernel, offers(bands)) for kernel, offers in able if offers is not None]
        found = [(kernel, offer) for kernel, offer in made if offer is not None]
        assert found, f"no kernel does {layer.operator.label} by {bands}"
        kernel, offer = min(found, key=lambda each: each[1].cycles)
        bindings.append(offer.bind())
        names.append(kernel.name)
    events = tuple(_split(schedule, rings, heights))
    return Stream(tuple(bindings), tuple(names), events, rings)


def streamed_plan(
    network: Network,
    chains: Sequence[range],
    kernels: Sequence[Kernel],
    options: Options,
    seed: int,
) -> Plan:
    """A plan in which each range of layers is a chain, and every other layer a step of its own."""
    rng = np.random.default_rng(seed)
    starts = {chain.start: chain for chain in chains}
    steps: list[Step] = []
    position = 0
    while position < len(network.layers):
        chain = starts.get(position, range(position, position + 1))
        layers = network.layers[chain.start : chain.stop]
        if position in starts:
            stream = _stream(network, layers, kernels, options.core, rng)
            steps.append(Step(layers, "stream", Provider.TINYGEN, Binding(()), stream=stream))
        else:
            asked = ((k.name, k.offer(layers[0], options.core)) for k in kernels)
            name, bind = next((n, made.bind) for n, made in asked if isinstance(made, Offer))
            steps.append(Step(layers, name, Provider.TINYGEN, bind()))
        position = chain.stop
    return _placed(network, options, steps)


def _placed(network: Network, options: Options, steps: Sequence[Step]) -> Plan:
    """The plan with every tensor, ring, scratch and kept memory in a place of its own."""
    end = 0

    def place(size: int) -> int:
        nonlocal end
        offset = end
        end += -(-size // _ALIGNMENT) * _ALIGNMENT
        return offset

    rings = {i: r for step in steps if step.stream for i, r in step.stream.rings.items()}
    views = {step.layer.outputs[0]: step.layer.inputs[0] for step in steps if step.is_view}
    offsets: dict[int, int] = {}
    for index, tensor in network.tensors.items():
        size = tensor.nbytes
        if index in rings:
            size = size // tensor.shape[1] * rings[index].rows
        offsets[index] = offsets[views[index]] if index in views else place(size)
    parts = [
        ((number, part), binding)
        for number, step in enumerate(steps)
        for part, binding in enumerate(step.bindings)
    ]
    return Plan(
        network=network,
        options=options,
        steps=tuple(steps),
        tensor_offsets=offsets,
        scratch_offsets={key: place(b.scratch_bytes) for key, b in parts if b.scratch_bytes},
        kept_offsets={key: place(b.kept_bytes) for key, b in parts if b.kept_bytes},
        arena_bytes=end,
        arena_lower_bound_bytes=end,
    )


def fed_by_rows(network: Network) -> Network:
    """A network of one layer, with a layer before it that brings each of its inputs row by row.

    These change nothing; they are there so that the layer reads from rings.
    """
    (layer,) = network.layers
    tensors = dict(network.tensors)
    feeders: list[Layer] = []
    renamed: dict[int, int] = {}
    for index in dict.fromkeys(layer.inputs):
        tensor: Tensor = tensors[index]
        assert tensor.dtype is DType.INT8
        new = renamed[index] = max(tensors) + 1
        tensors[new] = replace(tensor, index=new)
        feeders.append(
            Clamp(
                operator=Operator(0, "RELU", (index,), (new,)),
                inputs=(index,),
                outputs=(new,),
                shape=tensor.shape,
                clamp_min=-128,
                clamp_max=127,
            )
        )
    fed = replace(layer, inputs=tuple(renamed[index] for index in layer.inputs))
    return replace(network, layers=(*feeders, fed), tensors=tensors)


def side_by_side(parts: Sequence[Network]) -> tuple[Network, list[range]]:
    """One network of all the parts, which share nothing, and the layers of each."""
    whole = cmsis_nn_programs.side_by_side(parts)
    layers = tuple(
        replace(layer, operator=replace(layer.operator, index=number))
        for number, layer in enumerate(whole.layers)
    )
    ends = list(itertools.accumulate(len(part.layers) for part in parts))
    chains = [range(end - len(part.layers), end) for part, end in zip(parts, ends, strict=True)]
    return replace(whole, layers=layers), chains


def chain_of(network: Network) -> range:
    """The longest run of layers that have rows."""
    best = start = 0
    chain = range(0)
    for end, layer in enumerate(network.layers, 1):
        if layer.row_axes is None:
            start = end
        elif end - start > best:
            best, chain = end - start, range(start, end)
    return chain


def can_be_streamed(network: Network) -> bool:
    """Whether the network's only layer has rows, and reads int8 images of one sample."""
    (layer,) = network.layers
    return layer.row_axes is not None and all(
        network.tensors[i].dtype is DType.INT8 for i in layer.inputs
    )
