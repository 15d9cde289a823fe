# SPDX-License-Identifier: Apache-2.0
"""What the descriptors of the portable kernels share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis
from tinygen.kernels.adapter import WHOLE_ONLY
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import Binding, Constant, ConstantArgument, Raw, Struct
from tinygen.kernels.kernel import Bands, Provider
from tinygen.numerics.fixed_point import Requantization

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


def int_array(values: Sequence[int]) -> Raw:
    """The initializer of an array within a parameter struct."""
    return Raw("{" + ", ".join(str(value) for value in values) + "}")


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
