# SPDX-License-Identifier: Apache-2.0
"""Kernels of the old protocol as those of the new; goes with the last of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis
from tinygen.kernels import kernel as new
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Binding, Constant, ConstantArgument, Struct
from tinygen.kernels.kernel import Bands, Code, Offer, Provider, Refusal
from tinygen.numerics.fixed_point import Requantization

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


LayerT = TypeVar("LayerT", bound=Layer)


@dataclass(frozen=True)
class PortableKernel(Generic[LayerT]):
    """A portable kernel: does one type of layer on every core.

    ``binder`` fits it to a layer; ``cycles`` estimates its cycles on a Cortex-M4. ``band_binder`` fits
    it to bands of rows (``tinygen.kernels.bands``), if it can compute such.
    """

    function: str
    layer_type: type[LayerT]
    binder: Callable[[LayerT], Binding]
    cycles: Callable[[LayerT], float]
    condition: Callable[[LayerT], str | None] = lambda layer: None  # noqa: ARG005
    band_binder: Callable[[LayerT, Bands], Binding] | None = None
    provider: Provider = Provider.TINYGEN

    @property
    def name(self) -> str:
        """The C function's name, qualified by this library's."""
        return f"portable.{self.function}"

    def rejects(self, layer: Layer, core: Core) -> str | None:  # noqa: ARG002 - runs on every core
        """Why the kernel cannot do the layer, or None if it can."""
        if not isinstance(layer, self.layer_type):
            return f"does {self.layer_type.__name__} only"
        return self.condition(layer)

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""
        assert isinstance(layer, self.layer_type)
        return self.cycles(layer) * core.slower.portable

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - runs on every core
        """Fit the kernel to the layer."""
        assert isinstance(layer, self.layer_type)
        return self.binder(layer)

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """Why the kernel cannot compute the layer by bands, or None if it can."""
        assert isinstance(layer, self.layer_type)
        return WHOLE_ONLY if self.band_binder is None else None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer by bands."""
        return self.cost(layer, core) + calls_cost(layer, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:  # noqa: ARG002
        """Fit the kernel to bands of the layer."""
        assert isinstance(layer, self.layer_type)
        assert self.band_binder is not None
        return self.band_binder(layer, bands)


def by_rows(binder: Callable[[LayerT], Binding]) -> Callable[[LayerT, Bands], Binding]:
    """The ``band_binder`` of a kernel whose C function has a form for rows."""
    return lambda layer, bands: rows_binding(binder(layer), bands)


def axis_struct(axis: Axis) -> Struct:
    """``tinygen_axis`` of a window's axis."""
    return Struct(
        "tinygen_axis",
        (
            ("input", axis.input),
            ("output", axis.output),
            ("size", axis.size),
            ("stride", axis.stride),
            ("dilation", axis.dilation),
            ("pad", axis.pad),
        ),
    )


def requantization_struct(q: Requantization) -> tuple[Struct, tuple[Constant, ...]]:
    """``tinygen_requantization`` and the arrays it points to; equal pairs are stored once."""
    shared = len(set(zip(q.multipliers.tolist(), q.shifts.tolist(), strict=True))) == 1
    count = 1 if shared else len(q.multipliers)
    struct = Struct(
        "tinygen_requantization",
        (
            ("multipliers", ConstantArgument("multipliers")),
            ("shifts", ConstantArgument("shifts")),
            ("channel_step", 0 if shared else 1),
            ("zero_point", q.zero_point),
            ("clamp_min", q.clamp_min),
            ("clamp_max", q.clamp_max),
        ),
    )
    return struct, (
        Constant("multipliers", q.multipliers[:count]),
        Constant("shifts", q.shifts[:count].astype(np.int8), alignment=1),
    )
