# SPDX-License-Identifier: Apache-2.0
"""What the descriptors of CMSIS-NN's kernels share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.binding import Binding, Constant, Field, Raw, ScratchArgument, Struct
from tinygen.kernels.cmsis_nn.declarations import Declarations, Mismatch
from tinygen.kernels.kernel import Kernel, LayerT, Offer, Provider, Refusal, kernel
from tinygen.numerics.fixed_point import Requantization, Rounding

MOST_16_BIT = 32767
"""CMSIS-NN keeps image coordinates and channel counts in 16 bits."""


@dataclass(frozen=True)
class LibraryFunction:
    """A CMSIS-NN function, for the layers of one type.

    ``ask`` makes the offer of the function in a tree and on a core, bit for bit; the binding is made
    for it at once, because only that shows whether the tree's declarations are ones that are known.
    """

    name: str
    layer_type: type[Layer]
    ask: Callable[[Declarations, Any, Core], Offer | Refusal]

    def kernel(self, declarations: Declarations) -> Kernel:
        """The function as the tree has it."""

        def on_core(layer: Layer, core: Core) -> Offer | Refusal:
            missing = declarations.missing(self.name)
            if missing is not None:
                return Refusal(missing)
            try:
                return self.ask(declarations, layer, core)
            except Mismatch as mismatch:
                return Refusal(str(mismatch))

        name = f"cmsis_nn.{self.name}"
        return kernel(name, self.layer_type, provider=Provider.CMSIS_NN)(on_core)


def library_function(
    name: str, layer_type: type[LayerT]
) -> Callable[[Callable[[Declarations, LayerT, Core], Offer | Refusal]], LibraryFunction]:
    """Makes a function that answers for layers what is known of the CMSIS-NN function."""
    return lambda ask: LibraryFunction(name, layer_type, ask)


def bound(cycles: float, binding: Binding) -> Offer:
    """The offer of a layer that is bound already."""
    functions = tuple(call.function for call in binding.calls)
    return Offer(cycles, lambda: replace(binding, library_functions=functions))


def rounds_otherwise(requantization: Requantization) -> Refusal | None:
    """Of a layer that wants another rounding than CMSIS-NN's."""
    if requantization.rounding is Rounding.SINGLE:
        return Refusal(
            "rounds twice when it rescales, and --numerics litert asks for one rounding here"
        )
    return None


def too_large(*shapes: Sequence[int]) -> Refusal | None:
    """Of a layer with a dimension that does not fit the 16 bits that CMSIS-NN counts in."""
    largest = max(max(shape) for shape in shapes)
    if largest > MOST_16_BIT:
        return Refusal(f"counts in 16 bits, and a dimension is {largest}")
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


def per_channel(declarations: Declarations, requantization: Requantization) -> Struct:
    """``cmsis_nn_per_channel_quant_params``, one entry a channel."""
    multipliers = requantization.multipliers.astype(np.int32)
    shifts = requantization.shifts.astype(np.int32)
    return declarations.struct(
        "cmsis_nn_per_channel_quant_params",
        {
            "multiplier": Constant("multipliers", multipliers, cast="int32_t *"),
            "shift": Constant("shifts", shifts, cast="int32_t *"),
        },
        "quantization",
    )
