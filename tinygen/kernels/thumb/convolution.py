# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for cores without SIMD, two products a multiplication: ``thumb/conv2d_s8.h``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinygen.hardware.cores import Core, Feature
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel, axis_struct, requantization_struct
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Raw,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.kernel import Bands, Provider
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.taps import inside_positions
from tinygen.kernels.thumb.requantization import (
    Words,
    channel_words,
    has_long_product,
)
from tinygen.numerics.fixed_point import Rounding, wrap_int32
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.requantize.channels import folded_bias, per_channel

_MOST_SCRATCH = 8192
"""Bytes of columns that are not too much for a small device."""
_PIXELS = 4


@dataclass(frozen=True)
class _Rates:
    """Cycles; of four pixels, where not said otherwise."""

    group: float
    turn: float
    fitted_channel: float
    rest_channel: float
    value: float
    """Writing a value of one pixel to a column."""
    run: float
    """Finding a run of such values."""


_V7M = _Rates(40.0, 4.0, 75.0, 330.0, 9.0, 45.0)
_V6M = _Rates(47.0, 4.0, 150.0, 620.0, 12.0, 60.0)


def _rates(core: Core) -> _Rates:
    return _V7M if has_long_product(core) else _V6M


@lru_cache(maxsize=64)
def _convolution(layer: Layer) -> Conv2D | None:
    """The layer as a convolution: a depthwise one of a single input channel is one, too."""
    if isinstance(layer, Conv2D):
        return layer
    if not isinstance(layer, DepthwiseConv2D) or layer.input_shape[3] != 1:
        return None
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


def _required(layer: Layer) -> Conv2D:
    found = _convolution(layer)
    assert found is not None
    return found


def _groups(layer: Conv2D) -> int:
    """Groups of four values of a window."""
    return -(-int(layer.weights[0].size) // 4)


def _flat(layer: Conv2D) -> AnyArray:
    return layer.weights.reshape(len(layer.weights), -1)


def _padded(layer: Conv2D) -> NDArray[np.int8]:
    flat = _flat(layer)
    return np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).astype(np.int8)


@lru_cache(maxsize=64)
def _sums_of_two_fit(layer: Conv2D) -> bool:
    """Whether the products of neighbouring weights add up to int16."""
    pairs = _padded(layer).reshape(-1, 2)
    return not bool(np.any(np.all(pairs == -128, axis=1)))


def _in_stream(words: Words) -> bool:
    """Whether enough channels are fitted to multiply them by the stream."""
    return 2 * int(words.missing.sum()) <= len(words.missing)


def _remaining(words: Words) -> AnyArray:
    """Channels outside the stream."""
    chosen: AnyArray = np.flatnonzero(words.missing | (not _in_stream(words)))
    return chosen


def _unroll(groups: int) -> int:
    return 2 if groups % 2 == 0 else 1


@dataclass(frozen=True)
class ThumbConv2D:
    """The kernel's descriptor."""

    name: str = "thumb.conv2d"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        found = _convolution(layer)
        if found is None:
            return "does Conv2D, and DepthwiseConv2D of one channel"
        if core.dsp or Feature.THUMB not in core.features:
            return f"is for cores without SIMD, which {core.name} is not"
        if found.groups > 1:
            return f"has {found.groups} groups of channels"
        if found.requantization.rounding is not Rounding.DOUBLE:
            return "rounds twice"
        if 32 * _groups(found) > _MOST_SCRATCH:
            return f"its columns would take more than {_MOST_SCRATCH:,} bytes"
        if not _sums_of_two_fit(found):
            return "two neighbouring weights are -128"
        return None

    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""
        quads = -(-int(np.prod(_required(layer).output_shape[:3])) // _PIXELS)
        return quads * self._quad_cost(_required(layer), core)

    def _quad_cost(self, layer: Conv2D, core: Core) -> float:
        """Cycles of four pixels."""
        rates = _rates(core)
        words = channel_words(layer, core)
        groups = _groups(layer)
        dot = groups * (rates.group + rates.turn / _unroll(groups))
        stream = len(words.missing) * (dot + rates.fitted_channel) if _in_stream(words) else 0.0
        rest = len(_remaining(words)) * (dot + rates.rest_channel)
        rows, columns = layer.window.height, layer.window.width
        together = inside_positions(columns) / columns.output if columns.dilation == 1 else 0.0
        runs = rows.size * (together + (1 - together) * columns.size)
        column = int(layer.weights[0].size) * rates.value + runs * rates.run
        return stream + rest + _PIXELS * column

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """None: any bands will do."""
        return None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer by bands."""
        _, height, width, _ = _required(layer).output_shape
        quads = height // bands.most * -(-bands.most * width // _PIXELS)
        quads += -(-height % bands.most * width // _PIXELS)
        return quads * self._quad_cost(_required(layer), core) + calls_cost(layer, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:
        """Fit the kernel to bands of the layer."""
        return rows_binding(self.bind(layer, core), bands)

    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to a layer that it does not reject."""
        return _bind(_required(layer), core)


def _bind(layer: Conv2D, core: Core) -> Binding:
    words = channel_words(layer, core)
    groups = _groups(layer)
    stream: tuple[tuple[str, Field], ...] = ()
    constants: tuple[Constant, ...] = ()
    if _in_stream(words):
        stream = (
            ("multiply", _multiply(words, groups, core)),
            ("stream", ConstantArgument("stream")),
        )
        constants = (Constant("stream", words.after(_flat(layer))),)
    rest: Field = Raw("NULL")
    rest_constants: tuple[Constant, ...] = ()
    if _remaining(words).size:
        rest, rest_constants = _rest(layer, _remaining(words), _dot(groups, core))
    parameters = Struct(
        "tinygen_thumb_conv2d_params",
        (
            *stream,
            ("shape", _shape_struct(layer, words)),
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("input_ring_rows", layer.input_shape[1]),
            ("padding", layer.input_zero_point),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_thumb_conv2d",
                (
                    parameters,
                    rest,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                    ScratchArgument("int32_t"),
                ),
            ),
        ),
        headers=("thumb/conv2d_s8.h",),
        constants=(*constants, *rest_constants),
        scratch_bytes=32 * groups,
        overlaps=image_overlaps(layer),
        notes=(words.note,),
    )


def _shape_struct(layer: Conv2D, words: Words) -> Struct:
    return Struct(
        "tinygen_thumb_shape",
        (
            ("groups", _groups(layer)),
            ("channels", len(words.missing)),
            ("pitch", layer.output_shape[3]),
            ("scaling", words.struct()),
        ),
    )


def _rest(layer: Conv2D, chosen: AnyArray, dot: Assembly) -> tuple[Struct, tuple[Constant, ...]]:
    """What the channels outside the stream need."""
    requantization, arrays = requantization_struct(per_channel(layer.requantization, chosen))
    bias = folded_bias(layer.weights, layer.bias, layer.input_zero_point)
    struct = Struct(
        "tinygen_thumb_rest",
        (
            ("dot", dot),
            ("count", len(chosen)),
            ("channels", ConstantArgument("rest_channels")),
            ("weights", ConstantArgument("rest_weights")),
            ("bias", ConstantArgument("rest_bias")),
            ("requantization", requantization),
        ),
        "rest",
    )
    return struct, (
        Constant("rest_channels", chosen.astype(np.uint16), alignment=2),
        Constant("rest_weights", _padded(layer)[chosen]),
        Constant("rest_bias", wrap_int32(bias[chosen])),
        *arrays,
    )


def _listing(core: Core) -> str:
    return "thumb/gemm_v7m.inc" if has_long_product(core) else "thumb/gemm_v6m.inc"


def _multiply(words: Words, groups: int, core: Core) -> Assembly:
    return Assembly(
        _listing(core),
        "tinygen_thumb_multiply_function",
        "tinygen_thumb_multiply",
        (("fitted", 1), ("unroll", _unroll(groups)), *words.parameters()),
    )


def _dot(groups: int, core: Core) -> Assembly:
    return Assembly(
        _listing(core),
        "tinygen_thumb_dot_function",
        "tinygen_thumb_dot",
        (("fitted", 0), ("unroll", _unroll(groups)), ("cut", 0)),
    )


KERNELS: Sequence[Kernel] = (ThumbConv2D(),)
