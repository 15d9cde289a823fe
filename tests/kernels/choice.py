# SPDX-License-Identifier: Apache-2.0
"""Kernels by name, and plans that may use no others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels import libraries
from tinygen.kernels.kernel import Kernel, Offer, Refusal


def named(*names: str) -> tuple[Kernel, ...]:
    """Our kernels of these names, in this order."""
    known = {kernel.name: kernel for kernel in libraries.own_kernels()}
    return tuple(known[name] for name in names)


def does(kernel: Kernel, layer: Layer, core: Core) -> bool:
    """Whether the kernel makes an offer for the layer."""
    return isinstance(kernel.offer(layer, core), Offer)


def refusal(kernel: Kernel, layer: Layer, core: Core) -> str | None:
    """Why the kernel of the layer's type does not do it; None if it does."""
    answer = kernel.offer(layer, core)
    assert answer is not None, f"{kernel.name} is not for a {type(layer).__name__}"
    return answer.reason if isinstance(answer, Refusal) else None


def use_only(kernels: Sequence[Kernel], monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans take their kernels from these, whatever others would cost."""
    monkeypatch.setattr(libraries, "own_kernels", lambda: tuple(kernels))
