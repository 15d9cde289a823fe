# SPDX-License-Identifier: Apache-2.0
"""Descriptor of the DSP kernels that are written in C with intrinsics."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import LayerT, PortableKernel


@dataclass(frozen=True)
class DspKernel(PortableKernel[LayerT]):
    """Like a portable kernel, for cores with 16-bit SIMD only."""

    @property
    def name(self) -> str:
        """The C function's name, qualified by this library's."""
        return f"dsp.{self.function}"

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, self.layer_type):
            return f"does {self.layer_type.__name__} only"
        if not core.dsp:
            return f"{core.name} lacks 16-bit SIMD"
        return self.condition(layer)
