# SPDX-License-Identifier: Apache-2.0
"""Which kernel computes a layer: the cheapest that is allowed, and dearer constants where they pay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinygen.errors import UnsupportedError
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.kernels.dsp import COMPACT_KERNELS as COMPACT_DSP_KERNELS
from tinygen.kernels.dsp import GROWING_KERNELS as GROWING_DSP_KERNELS
from tinygen.kernels.dsp import KERNELS as DSP_KERNELS
from tinygen.kernels.kernel import Candidate, Kernel, cheapest
from tinygen.kernels.mve import KERNELS as MVE_KERNELS
from tinygen.kernels.portable import KERNELS as PORTABLE_KERNELS
from tinygen.kernels.thumb import KERNELS as THUMB_KERNELS
from tinygen.planning.growth import Cost, Offer, model_constant_bytes, spend
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Step


def own_kernels(options: Options) -> list[Kernel]:
    """Our kernels, in the order in which equal costs are decided."""
    dsp = COMPACT_DSP_KERNELS if options.optimize is Optimize.SIZE else DSP_KERNELS
    return [*MVE_KERNELS, *dsp, *THUMB_KERNELS, *PORTABLE_KERNELS]


def choose(layer: Layer, options: Options, cmsis_nn: Sequence[Kernel], network: Network) -> Step:
    """The layer as a step: the cheapest kernel of those that the user allows.

    Raises UnsupportedError if none computes it.
    """
    own = own_kernels(options)
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
                cycles=kernel.cost(layer, options.core),
            )
        reasons = [f"{c.kernel}: {c.rejected}" for c in relevant]
        fallback = "; ".join(reasons) or "CMSIS-NN has no kernel for it"
    raise UnsupportedError(
        f"{network.graph.source}: no kernel computes {layer.operator.label}: {fallback}."
    )


def grow(steps: tuple[Step, ...], network: Network, options: Options) -> tuple[Step, ...]:
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
    costs = [Cost(step.cycles, step.constant_bytes) for step in steps]
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
                cycles=chosen.cycles,
            )
        result.append(changed)
    return tuple(result)
