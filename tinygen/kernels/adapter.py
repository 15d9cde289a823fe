# SPDX-License-Identifier: Apache-2.0
"""Kernels of the old protocol as those of the new; goes with the last of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels import kernel as new
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Binding
from tinygen.kernels.kernel import Bands, Code, Offer, Provider, Refusal

WHOLE_ONLY = "computes whole layers only"
"""Why a kernel that has no bands rejects them."""

_LARGE = (
    "dsp.depthwise3x3",
    "dsp.conv2d_gemm",
    "dsp.conv2d_gemm_specialized",
    "dsp.fully_connected",
)


class Kernel(Protocol):
    """The descriptor of one kernel."""

    @property
    def name(self) -> str:
        """How plans and profiles name it: ``portable.conv2d_s8``."""

    @property
    def provider(self) -> Provider:
        """Who wrote it."""

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles of the layer on the core."""

    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to a layer that it does not reject."""


@runtime_checkable
class GrowingKernel(Kernel, Protocol):
    """A kernel whose constants are much larger than the model's."""

    def weight_bytes(self, layer: Layer) -> int:
        """Bytes of constants for a layer that the kernel does not reject."""


@runtime_checkable
class BandKernel(Kernel, Protocol):
    """A kernel that can compute bands."""

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:
        """Why the kernel cannot compute a layer that it does not reject by such bands, or None."""

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer, the calls included, with all bands of ``most`` rows."""

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:
        """Fit the kernel: its call computes the band from ``FIRST_ROW`` to ``END_ROW``.

        Inputs are ``RingArgument`` or ``RowArgument``, the output is a ``RowArgument``.
        """


class ByRows(ABC):
    """The band methods of a kernel whose C function has a form for rows that does any bands as well."""

    @abstractmethod
    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""

    @abstractmethod
    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to a layer that it does not reject."""

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """None: any bands will do."""
        return None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer by bands."""
        return self.cost(layer, core) + calls_cost(layer, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:
        """Fit the kernel to bands of the layer."""
        return rows_binding(self.bind(layer, core), bands)


@dataclass(frozen=True)
class _Adapted(new.Kernel):
    old: Kernel | None = None

    def offer(self, layer: Layer, core: Core) -> Offer | Refusal | None:
        old = self.old
        assert old is not None
        reason = old.rejects(layer, core)
        if reason is not None:
            return None if reason.startswith("does ") else Refusal(reason)

        def by_bands(bands: Bands) -> Offer | None:
            assert isinstance(old, BandKernel)
            if old.bands_rejected(layer, core, bands) is not None:
                return None
            return Offer(
                old.bands_cost(layer, core, bands), lambda: old.bind_bands(layer, core, bands)
            )

        return Offer(
            old.cost(layer, core),
            lambda: old.bind(layer, core),
            by_bands if isinstance(old, BandKernel) else None,
            old.weight_bytes(layer) if isinstance(old, GrowingKernel) else 0,
        )


def adapted(kernels: Sequence[Kernel | new.Kernel]) -> tuple[new.Kernel, ...]:
    """The kernels, those of the old protocol adapted."""
    return tuple(
        old
        if isinstance(old, new.Kernel)
        else _Adapted(
            old.name,
            Layer,  # type: ignore[type-abstract]
            lambda layer, core: Refusal(f"{layer} {core}"),
            provider=old.provider,
            code=Code.LARGE
            if old.name in _LARGE
            else Code.SMALL
            if old.name.endswith("_compact")
            else Code.ANY,
            grows=isinstance(old, GrowingKernel),
            old=old,
        )
        for old in kernels
    )
