# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for cores without SIMD: ``thumb/depthwise_s8.h``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygen.hardware.cores import Core, Feature
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import ByRows, Kernel
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.kernel import Provider
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.taps import (
    COUNTS_BEYOND,
    counts_beyond,
    inside_positions,
    taps_of,
    taps_scratch_bytes,
    taps_struct,
)
from tinygen.kernels.thumb.requantization import (
    Words,
    channel_words,
    has_long_product,
)
from tinygen.numerics.fixed_point import Rounding
from tinygen.ops.convolution import DepthwiseConv2D

_MOST_TAPS = 31
"""The assembly is unrolled, and Armv6-M's branches do not reach far."""


@dataclass(frozen=True)
class _Rates:
    """Cycles of a tap and of the rest of an output; of a pixel, and of finding one of its taps."""

    tap: float
    output: float
    pixel: float
    found_tap: float


_V7M = _Rates(6.0, 21.0, 90.0, 20.0)
_V6M = _Rates(8.5, 40.0, 140.0, 32.0)


@dataclass(frozen=True)
class ThumbDepthwise(ByRows):
    """The kernel's descriptor."""

    name: str = "thumb.depthwise"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, DepthwiseConv2D):
            return "does DepthwiseConv2D only"
        if core.dsp or Feature.THUMB not in core.features:
            return f"is for cores without SIMD, which {core.name} is not"
        if layer.depth_multiplier != 1:
            return f"the depth multiplier is {layer.depth_multiplier}, not 1"
        if layer.requantization.rounding is not Rounding.DOUBLE:
            return "rounds twice"
        if taps_of(layer) > _MOST_TAPS:
            return f"the filter has more than {_MOST_TAPS} taps"
        if counts_beyond(layer):
            return COUNTS_BEYOND
        if channel_words(layer, core).missing.any():
            return "some channels need the general requantization"
        return None

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""
        assert isinstance(layer, DepthwiseConv2D)
        rates = _V7M if has_long_product(core) else _V6M
        taps = taps_of(layer)
        pixels = int(np.prod(layer.output_shape[:3]))
        rows, columns = layer.window.height, layer.window.width
        inside = layer.input_shape[0] * inside_positions(rows) * inside_positions(columns)
        pixel = rates.pixel + layer.input_shape[3] * (taps * rates.tap + rates.output)
        return pixels * pixel + (pixels - inside) * taps * rates.found_tap

    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to a layer that it does not reject."""
        assert isinstance(layer, DepthwiseConv2D)
        words = channel_words(layer, core)
        assembly = _assembly(taps_of(layer), words, core)
        parameters = Struct(
            "tinygen_thumb_depthwise_params",
            (
                ("stream", ConstantArgument("stream")),
                ("channels", layer.input_shape[3]),
                ("scaling", words.struct()),
                ("taps", taps_of(layer)),
                ("image", taps_struct(layer, assembly)),
            ),
        )
        return Binding(
            calls=(
                Call(
                    "tinygen_thumb_depthwise",
                    (
                        parameters,
                        TensorArgument(layer.inputs[0]),
                        TensorArgument(layer.outputs[0], writable=True),
                        ScratchArgument("int32_t"),
                    ),
                ),
            ),
            headers=("thumb/depthwise_s8.h",),
            constants=(Constant("stream", _stream(layer, words)),),
            scratch_bytes=taps_scratch_bytes(layer),
            overlaps=image_overlaps(layer),
            notes=(words.note,),
        )


def _stream(layer: DepthwiseConv2D, words: Words) -> AnyArray:
    weights = np.ascontiguousarray(layer.weights.reshape(taps_of(layer), -1).T)
    return words.after(weights)


def _assembly(taps: int, words: Words, core: Core) -> Assembly:
    return Assembly(
        f"thumb/depthwise_{'v7m' if has_long_product(core) else 'v6m'}.inc",
        "tinygen_depthwise_pixel_function",
        "tinygen_thumb_depthwise_pixel",
        (("taps", taps), *words.parameters()),
    )


KERNELS: Sequence[Kernel] = (ThumbDepthwise(),)
