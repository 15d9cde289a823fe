# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D of one input channel with Helium: it is a convolution, ``mve/conv2d_s8.h``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding
from tinygen.kernels.kernel import Bands, Provider
from tinygen.kernels.mve import convolution
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D


@lru_cache(maxsize=256)
def _as_convolution(layer: DepthwiseConv2D) -> Conv2D | None:
    """A layer with one input channel as the convolution that it is; None for others."""
    if layer.input_shape[3] != 1:
        return None
    return Conv2D(
        operator=layer.operator,
        inputs=layer.inputs,
        outputs=layer.outputs,
        input_shape=layer.input_shape,
        output_shape=layer.output_shape,
        window=layer.window,
        weights=np.ascontiguousarray(layer.weights.transpose(2, 0, 1)[..., None]),
        bias=layer.bias,
        input_zero_point=layer.input_zero_point,
        requantization=layer.requantization,
    )


(_CONVOLUTION,) = convolution.KERNELS


@dataclass(frozen=True)
class _OneChannelKernel:
    """``mve.conv2d_s8`` for a depthwise layer with one input channel."""

    name: str = "mve.depthwise_as_conv2d_s8"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer, or None if it can."""
        if not isinstance(layer, DepthwiseConv2D):
            return "does DepthwiseConv2D only"
        converted = _as_convolution(layer)
        if converted is None:
            return "does one input channel only"
        return _CONVOLUTION.rejects(converted, core)

    def _converted(self, layer: Layer) -> Conv2D:
        assert isinstance(layer, DepthwiseConv2D)
        converted = _as_convolution(layer)
        assert converted is not None
        return converted

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""
        return _CONVOLUTION.cost(self._converted(layer), core)

    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to the layer."""
        return _CONVOLUTION.bind(self._converted(layer), core)

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:
        """Why the kernel cannot do a layer by bands that it does whole, or None if it can."""
        return _CONVOLUTION.bands_rejected(self._converted(layer), core, bands)

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer by bands."""
        return _CONVOLUTION.bands_cost(self._converted(layer), core, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:
        """Fit the kernel to bands of the layer."""
        return _CONVOLUTION.bind_bands(self._converted(layer), core, bands)


KERNELS: Sequence[Kernel] = (_OneChannelKernel(),)
