# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D of an image with one channel: an ordinary convolution, and done as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygen.kernels.dsp.gemm import GemmConv2D
from tinygen.kernels.kernel import Binding, Kernel, Provider
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.layer import Layer
from tinygen.targets.cores import Core

_GEMM = GemmConv2D()


@lru_cache(maxsize=64)
def _convolution(layer: DepthwiseConv2D) -> Conv2D:
    """The same layer as a CONV_2D; every output channel reads the one input channel."""
    return Conv2D(
        operator=layer.operator,
        inputs=layer.inputs,
        outputs=layer.outputs,
        input_shape=layer.input_shape,
        output_shape=layer.output_shape,
        window=layer.window,
        weights=np.ascontiguousarray(np.moveaxis(layer.weights, -1, 0)[..., None]),
        bias=layer.bias,
        input_zero_point=layer.input_zero_point,
        requantization=layer.requantization,
    )


@dataclass(frozen=True)
class DepthwiseSingle:
    """The kernel's descriptor."""

    name: str = "dsp.depthwise_single_gemm"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, DepthwiseConv2D):
            return "does DepthwiseConv2D only"
        if layer.input_shape[3] != 1:
            return f"the image has {layer.input_shape[3]} channels, not 1"
        return _GEMM.rejects(_convolution(layer), core)

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""
        assert isinstance(layer, DepthwiseConv2D)
        return _GEMM.cost(_convolution(layer), core)

    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to a layer that it does not reject."""
        assert isinstance(layer, DepthwiseConv2D)
        return _GEMM.bind(_convolution(layer), core)


KERNELS: Sequence[Kernel] = (DepthwiseSingle(),)
