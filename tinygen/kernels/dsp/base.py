# SPDX-License-Identifier: Apache-2.0
"""How a function becomes the descriptor of a kernel for cores with 16-bit SIMD."""

from __future__ import annotations

from collections.abc import Callable

from tinygen.hardware.cores import Feature
from tinygen.kernels.kernel import Code, Kernel, LayerT, Offer, Refusal, kernel


def dsp(
    name: str, layer_type: type[LayerT], *, code: Code = Code.ANY, grows: bool = False
) -> Callable[[Callable[[LayerT], Offer | Refusal]], Kernel]:
    """Makes a function that answers for layers of a type a kernel: alike on every such core."""

    def described(ask: Callable[[LayerT], Offer | Refusal]) -> Kernel:
        needs = {Feature.DSP, Feature.UNALIGNED}
        whole = kernel(f"dsp.{name}", layer_type, needs=needs, code=code, grows=grows)
        return whole(lambda layer, _core: ask(layer))

    return described
