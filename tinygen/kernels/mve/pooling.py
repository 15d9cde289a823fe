# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D with Helium: ``mve/pool2d_s8.h``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.bands import CALL_CYCLES, calls_cost, rows_binding
from tinygen.kernels.binding import Binding
from tinygen.kernels.kernel import Bands, Provider
from tinygen.kernels.mve.base import CYCLES_PER_INSTRUCTION, NEEDS_MVE
from tinygen.kernels.pools import pool_binding
from tinygen.kernels.row_sums import average_rows_binding
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D

_MOST_VALUES = 256
"""More values could overflow a sum of 16 bits."""
_WINDOW_INSTRUCTIONS = 60.0
_VECTOR_INSTRUCTIONS = 40.0
_PIXEL_INSTRUCTIONS = 8.0
_ADDED_INSTRUCTIONS = 5.0
"""Of a pixel of eight channels that is added to their sums,"""
_SUMS_INSTRUCTIONS = 14.0
"""and of each call besides."""


def _instructions(layer: Pool2D) -> float:
    windows = math.prod(layer.output_shape[:3])
    vectors = -(-layer.output_shape[3] // 16)
    values = layer.window.height.size * layer.window.width.size
    return windows * (
        _WINDOW_INSTRUCTIONS + vectors * (_VECTOR_INSTRUCTIONS + values * _PIXEL_INSTRUCTIONS)
    )


@dataclass(frozen=True)
class _PoolKernel:
    """One of the two pools."""

    function: str
    layer_type: type[Pool2D]
    provider: Provider = Provider.TINYGEN

    @property
    def name(self) -> str:
        """``mve.average_pool2d_s8``."""
        return f"mve.{self.function}"

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer, or None if it can."""
        if not isinstance(layer, self.layer_type):
            return f"does {self.layer_type.__name__} only"
        if not core.mve:
            return NEEDS_MVE
        values = layer.window.height.size * layer.window.width.size
        if isinstance(layer, AveragePool2D) and values > _MOST_VALUES:
            return f"averages {values} values, of at most {_MOST_VALUES}"
        return None

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - the same on every MVE core
        """Estimated cycles."""
        assert isinstance(layer, Pool2D)
        return _instructions(layer) * CYCLES_PER_INSTRUCTION

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every MVE core
        """Fit the kernel to the layer."""
        assert isinstance(layer, Pool2D)
        return self._bind(layer)

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """None: any bands will do."""
        return None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:  # noqa: ARG002
        """Estimated cycles of the whole layer by bands."""
        assert isinstance(layer, Pool2D)
        if not layer.accumulates:
            return _instructions(layer) * CYCLES_PER_INSTRUCTION + calls_cost(layer, bands)
        _, height, width, channels = layer.input_shape
        calls = -(-height // bands.most)
        vectors = -(-channels // 8)
        added = height * width * _ADDED_INSTRUCTIONS
        instructions = vectors * (added + calls * _SUMS_INSTRUCTIONS)
        return instructions * CYCLES_PER_INSTRUCTION + calls * CALL_CYCLES

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:  # noqa: ARG002
        """Fit the kernel to bands of the layer."""
        assert isinstance(layer, Pool2D)
        if layer.accumulates:
            assert isinstance(layer, AveragePool2D)
            return average_rows_binding(layer, "mve")
        return rows_binding(self._bind(layer), bands)

    def _bind(self, layer: Pool2D) -> Binding:
        return pool_binding(layer, "mve")


KERNELS: Sequence[Kernel] = (
    _PoolKernel("average_pool2d_s8", AveragePool2D),
    _PoolKernel("max_pool2d_s8", MaxPool2D),
)
