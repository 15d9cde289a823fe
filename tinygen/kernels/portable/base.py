# SPDX-License-Identifier: Apache-2.0
"""How a function becomes the descriptor of a portable kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinygen.hardware.cores import Core
from tinygen.kernels.bands import calls_cost
from tinygen.kernels.kernel import Bands, Kernel, LayerT, Offer, Refusal, kernel


def portable(
    name: str, layer_type: type[LayerT]
) -> Callable[[Callable[[LayerT], Offer | Refusal]], Kernel]:
    """Makes a function that answers for a layer the kernel of that name, for every core.

    The function's cycles are those of a Cortex-M4. By bands a kernel takes as many, and the calls.
    """

    def described(ask: Callable[[LayerT], Offer | Refusal]) -> Kernel:
        def on_core(layer: LayerT, core: Core) -> Offer | Refusal:
            answer = ask(layer)
            if isinstance(answer, Refusal):
                return answer
            cycles = answer.cycles * core.slower.portable
            offers = answer.by_bands
            if offers is None:
                return replace(answer, cycles=cycles)

            def by_bands(bands: Bands) -> Offer | None:
                offer = offers(bands)
                return offer and replace(offer, cycles=cycles + calls_cost(layer, bands))

            return replace(answer, cycles=cycles, by_bands=by_bands)

        return kernel(f"portable.{name}", layer_type)(on_core)

    return described
