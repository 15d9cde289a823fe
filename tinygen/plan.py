# SPDX-License-Identifier: Apache-2.0
"""Network + Options → Plan: steps, kernels and why, arena offsets.

Everything that the generated C depends on is data in the Plan; ``emit`` decides nothing.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tinygen.errors import UnsupportedError
from tinygen.kernels.dsp import COMPACT_KERNELS as COMPACT_DSP_KERNELS
from tinygen.kernels.dsp import GROWING_KERNELS as GROWING_DSP_KERNELS
from tinygen.kernels.dsp import KERNELS as DSP_KERNELS
from tinygen.kernels.kernel import Binding, Candidate, Kernel, Provider, cheapest
from tinygen.kernels.mve import KERNELS as MVE_KERNELS
from tinygen.kernels.portable import KERNELS as PORTABLE_KERNELS
from tinygen.lowering import Network
from tinygen.memory.arena import Arena, Sharing
from tinygen.memory.liveness import Block, Use, lifetimes
from tinygen.ops.layer import Layer
from tinygen.stream import Stream
from tinygen.targets.cores import Core
from tinygen.weight_growth import (
    DEFAULT_WEIGHT_GROWTH,
    Cost,
    Offer,
    model_constant_bytes,
    spend,
)

ARENA_ALIGNMENT = 4
"""Bytes to which every block in the arena is aligned, at least."""

STATE_ALIGNMENT = 8
"""Bytes to which every kept tensor is aligned."""


class KernelChoice(Enum):
    """``--kernels``: whose kernels may be used."""

    AUTO = "auto"
    CMSIS_NN = "cmsis-nn"
    TINYGEN = "tinygen"


class Optimize(Enum):
    """``--optimize``: what the plan is good at."""

    SPEED = "speed"
    SIZE = "size"
    RAM = "ram"


@dataclass(frozen=True)
class Options:
    """What the user asked for, beside the model.

    ``weight_growth`` is how many times the model's constant bytes the plan's may be; kernels that
    need more than others are taken only within it.
    """

    name: str
    core: Core
    kernels: KernelChoice = KernelChoice.AUTO
    optimize: Optimize = Optimize.SPEED
    weight_growth: float = DEFAULT_WEIGHT_GROWTH


@dataclass(frozen=True, eq=False)
class Step:
    """A part of ``invoke``: one kernel over one or more layers.

    A step whose binding has no calls only gives its output a place (a view of its input), unless it has
    a ``stream``: then its layers run row by row, as that says.
    ``fallback`` says why a kernel of the provider that was asked for could not be used.
    """

    layers: tuple[Layer, ...]
    kernel: str
    provider: Provider
    binding: Binding
    considered: tuple[Candidate, ...] = ()
    fallback: str = ""
    stream: Stream | None = None

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What runs: one binding, or one a layer of a stream."""
        return (self.binding,) if self.stream is None else self.stream.bindings

    @property
    def is_view(self) -> bool:
        """Whether the step has no code: it gives its output a place."""
        return self.stream is None and not self.binding.calls

    @property
    def layer(self) -> Layer:
        """The first layer, which names the step."""
        return self.layers[0]


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the generated C depends on.

    ``tensor_offsets``, ``scratch_offsets`` and ``kept_offsets`` (by step, and position among its
    bindings) are bytes from the arena's start. A tensor that is a view has the offset of what it views;
    one that is streamed, that of its ring. ``blocks`` are what was packed, for reports.
    """

    network: Network
    options: Options
    steps: tuple[Step, ...]
    tensor_offsets: Mapping[int, int]
    scratch_offsets: Mapping[tuple[int, int], int]
    arena_bytes: int
    arena_lower_bound_bytes: int
    blocks: tuple[Block, ...] = field(default=())
    block_offsets: Mapping[str, int] = field(default_factory=dict)
    kept_offsets: Mapping[tuple[int, int], int] = field(default_factory=dict)

    state_offsets: Mapping[int, int] = field(default_factory=dict)
    """Bytes from the start of the state memory of the tensors kept between inferences."""

    @property
    def state_bytes(self) -> int:
        """Bytes of memory kept between inferences, outside the arena."""
        states = self.network.states
        ends = (self.state_offsets[i] + states[i].nbytes for i in states)
        return -(-max(ends, default=0) // STATE_ALIGNMENT) * STATE_ALIGNMENT

    @property
    def weight_bytes(self) -> int:
        """Bytes of constant arrays that the kernels read."""
        return sum(_constant_bytes(step) for step in self.steps)


def _tensor_key(index: int) -> str:
    return f"tensor {index}"


def _scratch_key(step: int) -> str:
    return f"scratch of step {step}"


def _block(key: str, size: int, first: int, last: int) -> Block:
    """A block whose size fills its alignment, so that the lower bound can be met."""
    whole = -(-size // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
    return Block(key, whole, first, last, ARENA_ALIGNMENT)


def _choose(layer: Layer, options: Options, cmsis_nn: Sequence[Kernel], network: Network) -> Step:
    dsp = COMPACT_DSP_KERNELS if options.optimize is Optimize.SIZE else DSP_KERNELS
    own: list[Kernel] = [*MVE_KERNELS, *dsp, *PORTABLE_KERNELS]
    groups: list[list[Kernel]] = {
        KernelChoice.AUTO: [[*own, *cmsis_nn]],
        KernelChoice.TINYGEN: [own],
        KernelChoice.CMSIS_NN: [list(cmsis_nn), own],
    }[options.kernels]
    considered: list[Candidate] = []
    fallback = ""
    for group in groups:
        kernel, seen = cheapest(group, layer, options.core)
        relevant = [c for c in seen if c.cycles is not None or not c.rejected.startswith("does ")]
        considered.extend(relevant)
        if kernel is not None:
            return Step(
                layers=(layer,),
                kernel=kernel.name,
                provider=kernel.provider,
                binding=kernel.bind(layer, options.core),
                considered=tuple(considered),
                fallback=fallback,
            )
        reasons = [f"{c.kernel}: {c.rejected}" for c in relevant]
        fallback = "; ".join(reasons) or "CMSIS-NN has no kernel for it"
    raise UnsupportedError(
        f"{network.graph.source}: no kernel computes {layer.operator.label}: {fallback}."
    )


def _constant_bytes(step: Step) -> int:
    return sum(c.values.nbytes for binding in step.bindings for c in binding.constants)


def _grow(steps: tuple[Step, ...], network: Network, options: Options) -> tuple[Step, ...]:
    """The steps with kernels that need more constant bytes, where the allowance is best spent."""
    if options.kernels is KernelChoice.CMSIS_NN:
        return steps
    offers: list[Offer] = []
    considered = [list(step.considered) for step in steps]
    for number, step in enumerate(steps):
        for kernel in GROWING_DSP_KERNELS:
            reason = kernel.rejects(step.layer, options.core)
            if reason is None:
                cycles = kernel.cost(step.layer, options.core)
                offers.append(Offer(number, kernel, cycles, kernel.weight_bytes(step.layer)))
            elif not reason.startswith("does "):
                considered[number].append(Candidate(kernel.name, None, reason))
    costs = [
        Cost(
            next((c.cycles for c in step.considered if c.kernel == step.kernel), None) or 0.0,
            _constant_bytes(step),
        )
        for step in steps
    ]
    allowance = options.weight_growth * model_constant_bytes(network)
    taken = spend(costs, offers, allowance - sum(cost.constant_bytes for cost in costs))
    for offer in offers:
        chosen = taken.get(offer.step)
        dear = offer.cycles < (costs[offer.step].cycles if chosen is None else chosen.cycles)
        reason = f"needs {offer.constant_bytes} bytes of constants, beyond --weight-growth"
        considered[offer.step].append(
            Candidate(offer.kernel.name, offer.cycles, reason if dear else "")
        )
    result = []
    for number, step in enumerate(steps):
        chosen = taken.get(number)
        changed = replace(step, considered=tuple(considered[number]))
        if chosen is not None:
            changed = replace(
                changed,
                kernel=chosen.kernel.name,
                provider=chosen.kernel.provider,
                binding=chosen.kernel.bind(step.layer, options.core),
            )
        result.append(changed)
    return tuple(result)


def make_plan(network: Network, options: Options, cmsis_nn: Sequence[Kernel] = ()) -> Plan:
    """Choose a kernel for every layer and a place for every tensor.

    ``cmsis_nn`` are the kernels of the CMSIS-NN tree that was found, if any.
    """
    steps = tuple(_choose(layer, options, cmsis_nn, network) for layer in network.layers)
    steps = _grow(steps, network, options)
    root = _storage_roots(network, steps)
    kept = network.states
    uses = [
        Use(
            reads=_keys(root, kept, [i for layer in step.layers for i in layer.inputs]),
            writes=_keys(root, kept, [i for layer in step.layers for i in layer.outputs]),
        )
        for step in steps
    ]
    spans = lifetimes(
        uses,
        [_tensor_key(root[i]) for i in network.inputs],
        [_tensor_key(root[i]) for i in network.outputs],
    )
    blocks = []
    for index in sorted(set(root.values()) - set(kept)):
        tensor = network.tensors[index]
        first, last = spans[_tensor_key(index)]
        blocks.append(_block(_tensor_key(index), tensor.nbytes, first, last))
    for number, step in enumerate(steps):
        if step.binding.scratch_bytes:
            blocks.append(_block(_scratch_key(number), step.binding.scratch_bytes, number, number))
    sharings = [
        Sharing(_tensor_key(root[o.input]), _tensor_key(root[o.output]), o.lead_bytes, o.exact)
        for step in steps
        for o in step.binding.overlaps
    ]
    arena = Arena(blocks, sharings)
    offsets = arena.pack()
    return Plan(
        network=network,
        options=options,
        steps=steps,
        tensor_offsets={i: offsets[_tensor_key(root[i])] for i in network.tensors if i not in kept},
        state_offsets=_state_offsets(network),
        scratch_offsets={
            (number, 0): offsets[_scratch_key(number)]
            for number, step in enumerate(steps)
            if step.binding.scratch_bytes
        },
        arena_bytes=arena.extent(offsets),
        arena_lower_bound_bytes=arena.lower_bound(),
        blocks=tuple(blocks),
        block_offsets=offsets,
    )


def _keys(root: Mapping[int, int], kept: Container[int], tensors: Sequence[int]) -> tuple[str, ...]:
    """The storage of tensors in the arena; what is kept between inferences is not there."""
    return tuple(_tensor_key(root[i]) for i in tensors if root[i] not in kept)


def _state_offsets(network: Network) -> dict[int, int]:
    """Where each kept tensor is in the memory that survives an inference."""
    offsets = {}
    end = 0
    for index in network.states:
        offsets[index] = end
        end += -(-network.tensors[index].nbytes // STATE_ALIGNMENT) * STATE_ALIGNMENT
    return offsets


def _storage_roots(network: Network, steps: Sequence[Step]) -> dict[int, int]:
    """The tensor whose memory each tensor uses: itself, or what it is a view of."""
    root = {index: index for index in network.tensors}
    for step in steps:
        if step.is_view:
            (source,) = step.layer.inputs
            (view,) = step.layer.outputs
            root[view] = root[source]
    return root


def plan_as_data(plan: Plan) -> dict[str, Any]:
    """The Plan as plain data for JSON: what was decided, and why."""
    names = {index: tensor.name for index, tensor in plan.network.tensors.items()}
    return {
        "name": plan.options.name,
        "core": plan.options.core.name,
        "kernels": plan.options.kernels.value,
        "optimize": plan.options.optimize.value,
        "weight_growth": plan.options.weight_growth,
        "numerics": plan.network.numerics.value,
        "model_sha256": plan.network.graph.sha256,
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound_bytes": plan.arena_lower_bound_bytes,
        "weight_bytes": plan.weight_bytes,
        "macs": plan.network.macs,
        "tensors": [
            {
                "index": index,
                "name": names[index],
                "type": tensor.dtype.value,
                "shape": list(tensor.shape),
                "bytes": tensor.nbytes,
                "offset": plan.tensor_offsets.get(index),
                "state_offset": plan.state_offsets.get(index),
            }
            for index, tensor in plan.network.tensors.items()
        ],
        "steps": [
            {
                "index": number,
                "operators": [layer.operator.label for layer in step.layers],
                "kernel": step.kernel,
                "provider": step.provider.value,
                "fallback": step.fallback,
                "inputs": [names[i] for i in step.layers[0].inputs],
                "outputs": [names[i] for i in step.layers[-1].outputs],
                "macs": sum(layer.macs for layer in step.layers),
                "constant_bytes": _constant_bytes(step),
                "scratch_bytes": step.binding.scratch_bytes,
                "notes": list(step.binding.notes),
                "considered": [
                    {"kernel": c.kernel, "cycles": c.cycles, "rejected": c.rejected}
                    for c in step.considered
                ],
            }
            for number, step in enumerate(plan.steps)
        ],
        "blocks": [
            {
                "key": block.key,
                "bytes": block.size,
                "offset": plan.block_offsets[block.key],
                "first_step": block.first,
                "last_step": block.last,
            }
            for block in plan.blocks
        ],
    }
