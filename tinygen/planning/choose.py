# SPDX-License-Identifier: Apache-2.0
"""Which kernel computes a layer: the cheapest that is allowed, and dearer constants where they pay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinygen.errors import UnsupportedError
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.kernels import libraries
from tinygen.kernels.kernel import Candidate, Code, Kernel, Offer, Provider, Refusal, cheapest
from tinygen.planning.growth import Cost, Growth, model_constant_bytes, spend
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Step


def own_kernels(options: Options) -> tuple[Kernel, ...]:
    """Our kernels for such a plan, without those that grow, in the order that decides equal costs."""
    unwanted = Code.LARGE if options.optimize is Optimize.SIZE else Code.SMALL
    return tuple(k for k in libraries.own_kernels() if not k.grows and k.code is not unwanted)


def choose(layer: Layer, options: Options, cmsis_nn: Sequence[Kernel], network: Network) -> Step:
    """The layer as a step: the cheapest kernel of those that the user allows.

    Raises UnsupportedError if none computes it.
    """
    own = own_kernels(options)
    groups = {
        KernelChoice.AUTO: [(*own, *cmsis_nn)],
        KernelChoice.TINYGEN: [own],
        KernelChoice.CMSIS_NN: [tuple(cmsis_nn), own],
    }[options.kernels]
    considered: list[Candidate] = []
    fallback = ""
    for group in groups:
        best, seen = cheapest(group, layer, options.core, options.waits)
        considered.extend(seen)
        if best is not None:
            kernel, offer = best
            return Step(
                layers=(layer,),
                kernel=kernel.name,
                provider=kernel.provider,
                binding=offer.bind(),
                considered=tuple(considered),
                fallback=fallback,
                cycles=offer.cycles,
            )
        reasons = [f"{c.kernel}: {c.rejected}" for c in seen]
        fallback = "; ".join(reasons) or "CMSIS-NN has no kernel for it"
    raise UnsupportedError(
        f"{network.graph.source}: no kernel computes {layer.operator.label}: {fallback}."
    )


def grow(steps: tuple[Step, ...], network: Network, options: Options) -> tuple[Step, ...]:
    """The steps with kernels that need more constant bytes, where the allowance is best spent."""
    if options.kernels is KernelChoice.CMSIS_NN:
        return steps
    growing = [kernel for kernel in libraries.own_kernels() if kernel.grows]
    found: list[Growth] = []
    considered = [list(step.considered) for step in steps]
    for number, step in enumerate(steps):
        for kernel in growing:
            answer = kernel.offer(step.layer, options.core, options.waits)
            if isinstance(answer, Offer):
                found.append(Growth(number, kernel.name, answer))
            elif isinstance(answer, Refusal):
                considered[number].append(Candidate(kernel.name, None, answer.reason))
    costs = [Cost(step.cycles, step.constant_bytes) for step in steps]
    allowance = options.weight_growth * model_constant_bytes(network)
    taken = spend(costs, found, allowance - sum(cost.constant_bytes for cost in costs))
    for growth in found:
        chosen = taken.get(growth.step)
        offer = growth.offer
        dear = offer.cycles < (costs[growth.step] if chosen is None else chosen.offer).cycles
        reason = f"needs {offer.constant_bytes} bytes of constants, beyond --weight-growth"
        considered[growth.step].append(
            Candidate(growth.kernel, offer.cycles, reason if dear else "")
        )
    result = []
    for number, step in enumerate(steps):
        changed = replace(step, considered=tuple(considered[number]))
        chosen = taken.get(number)
        if chosen is not None:
            changed = replace(
                changed,
                kernel=chosen.kernel,
                provider=Provider.TINYGEN,
                binding=chosen.offer.bind(),
                cycles=chosen.offer.cycles,
            )
        result.append(changed)
    return tuple(result)
