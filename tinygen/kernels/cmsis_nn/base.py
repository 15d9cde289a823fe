# SPDX-License-Identifier: Apache-2.0
"""What the descriptors of CMSIS-NN's kernels share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.binding import (
    Binding,
    Constant,
    ConstantArgument,
    Field,
    Raw,
    ScratchArgument,
    Struct,
)
from tinygen.kernels.cmsis_nn.declarations import Declarations, Mismatch
from tinygen.kernels.kernel import Provider
from tinygen.numerics.fixed_point import Requantization, Rounding

LayerT = TypeVar("LayerT", bound=Layer)

MOST_16_BIT = 32767
"""CMSIS-NN keeps image coordinates and channel counts in 16 bits."""


@dataclass(frozen=True)
class CmsisNNKernel(Generic[LayerT]):
    """A CMSIS-NN function that does one type of layer.

    ``refuses`` says why the function, in this tree and on this core, cannot do a layer bit for bit
    (None if it can); ``binder`` fits it; ``cycles`` estimates it.
    """

    declarations: Declarations
    function: str
    layer_type: type[LayerT]
    refuses: Callable[[Declarations, LayerT, Core], str | None]
    binder: Callable[[Declarations, LayerT, Core], Binding]
    cycles: Callable[[LayerT, Core], float]
    provider: Provider = Provider.CMSIS_NN

    @property
    def name(self) -> str:
        """The function's name, qualified by the library's."""
        return f"cmsis_nn.{self.function}"

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, self.layer_type):
            return f"does {self.layer_type.__name__} only"
        reason = self.declarations.missing(self.function)
        if reason is None:
            reason = self.refuses(self.declarations, layer, core)
        if reason is None:
            try:
                self.binder(self.declarations, layer, core)
            except Mismatch as error:
                reason = str(error)
        return reason

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""
        assert isinstance(layer, self.layer_type)
        return self.cycles(layer, core)

    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the function to a layer that is not rejected."""
        assert isinstance(layer, self.layer_type)
        binding = self.binder(self.declarations, layer, core)
        return replace(binding, library_functions=tuple(call.function for call in binding.calls))


def rounds_otherwise(requantization: Requantization) -> str | None:
    """A reason if the layer wants another rounding than CMSIS-NN's."""
    if requantization.rounding is Rounding.SINGLE:
        return "rounds twice when it rescales, and --numerics litert asks for one rounding here"
    return None


def too_large(shapes: Sequence[Sequence[int]]) -> str | None:
    """A reason if a dimension does not fit the 16 bits that CMSIS-NN counts in."""
    largest = max(max(shape) for shape in shapes)
    if largest > MOST_16_BIT:
        return f"counts in 16 bits, and a dimension is {largest}"
    return None


def scratch_context(declarations: Declarations, size: int) -> Struct:
    """``cmsis_nn_context`` of that many bytes of scratch memory; NULL if none."""
    buffer: Field = ScratchArgument() if size else Raw("NULL")
    return declarations.struct("cmsis_nn_context", {"buf": buffer, "size": size}, "context")


def dims(declarations: Declarations, label: str, shape: Sequence[int]) -> Struct:
    """``cmsis_nn_dims`` of (n, h, w, c)."""
    n, h, w, c = (int(extent) for extent in shape)
    return declarations.struct("cmsis_nn_dims", {"n": n, "h": h, "w": w, "c": c}, label)


def activation(requantization: Requantization) -> dict[str, Field]:
    """Fields of ``cmsis_nn_activation``."""
    return {"min": requantization.clamp_min, "max": requantization.clamp_max}


def per_channel(
    declarations: Declarations, requantization: Requantization
) -> tuple[Struct, tuple[Constant, ...]]:
    """``cmsis_nn_per_channel_quant_params`` and the arrays it points to, one entry a channel."""
    struct = declarations.struct(
        "cmsis_nn_per_channel_quant_params",
        {
            "multiplier": ConstantArgument("multipliers", cast="int32_t *"),
            "shift": ConstantArgument("shifts", cast="int32_t *"),
        },
        "quantization",
    )
    return struct, (
        Constant("multipliers", requantization.multipliers.astype(np.int32)),
        Constant("shifts", requantization.shifts.astype(np.int32)),
    )
