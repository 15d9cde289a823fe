# SPDX-License-Identifier: Apache-2.0
"""CONV_2D and DEPTHWISE_CONV_2D with int8 activations and weights.

Semantics: TFLM ``reference_integer_ops::ConvPerChannel`` and ``DepthwiseConvPerChannel``. Padding
adds nothing to the accumulator; accumulators wrap modulo 2**32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis, Window
from tinygen.numerics.fixed_point import Int32Array, Requantization, wrap_int32
from tinygen.ops.quantized import bias_values, weight_requantization, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView, Ports
from tinygen.ops.wide_convolution import WIDE_CONVOLUTIONS
from tinygen.ops.window import window

Int8Array = NDArray[np.int8]


@dataclass(frozen=True, eq=False, kw_only=True)
class Int8Convolution(Layer):
    """What CONV_2D and DEPTHWISE_CONV_2D have in common."""

    input_shape: tuple[int, int, int, int]
    output_shape: tuple[int, int, int, int]
    window: Window
    weights: Int8Array
    bias: Int32Array
    input_zero_point: int
    requantization: Requantization

    @property
    def row_axes(self) -> tuple[Axis, ...] | None:
        """The window's rows, of one image."""
        return (self.window.height,) if self.input_shape[0] == 1 else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv2D(Int8Convolution):
    """out[n,y,x,o] = requantize(bias[o] + Σ (in[n,…,c] - input_zero_point) · weights[o,ky,kx,c]).

    ``weights`` are (out channels, height, width, in channels / groups); with several groups, output
    channels are split evenly among them, each reading its own slice of the input channels.
    """

    @property
    def groups(self) -> int:
        """Number of channel groups; 1 for an ordinary convolution."""
        return self.input_shape[3] // int(self.weights.shape[3])

    @property
    def macs(self) -> int:
        """Every tap of every output, padding included."""
        return int(np.prod(self.output_shape)) * int(np.prod(self.weights.shape[1:]))

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 NHWC image."""
        (image,) = inputs
        centred = image.astype(np.float64) - self.input_zero_point
        patches = self.window.patches(centred, 0)
        out_channels, _, _, depth = self.weights.shape
        per_group = out_channels // self.groups
        accumulators = np.empty(self.output_shape, dtype=np.int64)
        for group in range(self.groups):
            outputs = slice(group * per_group, (group + 1) * per_group)
            taps = patches[..., group * depth : (group + 1) * depth]
            matrix = self.weights[outputs].reshape(per_group, -1).astype(np.float64)
            # Products and sums stay far below 2**53: float64 is exact here, and has a fast matmul.
            sums = taps.reshape(-1, matrix.shape[1]) @ matrix.T
            accumulators[..., outputs] = sums.reshape(*self.output_shape[:3], per_group)
        biased = wrap_int32(accumulators + self.bias)
        return (self.requantization.apply(biased).astype(np.int8),)


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthwiseConv2D(Int8Convolution):
    """out[n,y,x,c·m+j] = requantize(bias + Σ (in[n,…,c] - input_zero_point) · weights[ky,kx,c·m+j]).

    ``weights`` are (height, width, out channels); m is ``depth_multiplier``.
    """

    depth_multiplier: int

    @property
    def macs(self) -> int:
        """Every tap of every output, padding included."""
        return int(np.prod(self.output_shape)) * self.window.height.size * self.window.width.size

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 NHWC image."""
        (image,) = inputs
        centred = image.astype(np.float64) - self.input_zero_point
        spread = np.repeat(self.window.patches(centred, 0), self.depth_multiplier, axis=-1)
        sums = np.einsum("nyxijc,ijc->nyxc", spread, self.weights.astype(np.float64))
        biased = wrap_int32(sums.astype(np.int64) + self.bias)
        return (self.requantization.apply(biased).astype(np.int8),)

    @property
    def filters(self) -> Int8Array:
        """The weights by channel: (out channels, height, width)."""
        return np.ascontiguousarray(np.moveaxis(self.weights, -1, 0))

    def as_convolution(self) -> Conv2D:
        """The same layer as an ordinary convolution, which it is if the image has one channel."""
        assert self.input_shape[3] == 1
        return Conv2D(
            operator=self.operator,
            inputs=self.inputs,
            outputs=self.outputs,
            input_shape=self.input_shape,
            output_shape=self.output_shape,
            window=self.window,
            weights=self.filters[..., None],
            bias=self.bias,
            input_zero_point=self.input_zero_point,
            requantization=self.requantization,
        )


class _Common(Ports):
    input_shape: tuple[int, int, int, int]
    output_shape: tuple[int, int, int, int]
    window: Window
    bias: Int32Array
    input_zero_point: int
    requantization: Requantization


def _operands(view: OperatorView) -> tuple[tuple[int, ...], Int8Array]:
    """The shape of the image, and the weights."""
    view.counts((2, 3))
    image, weights = view.input(0), view.input(1)
    for tensor in (image, weights, view.output()):
        view.require_dtype(tensor, DType.INT8)
    view.require_rank(image, 4)
    view.require_rank(weights, 4)
    return image.shape, view.require_constant(weights).astype(np.int8)


def _common(view: OperatorView, channels: int, size: tuple[int, int]) -> _Common:
    image, output = view.input(0), view.output()
    n, h, w, c = image.shape
    dilation = view.option("dilation_h_factor", int), view.option("dilation_w_factor", int)
    geometry = window(view, (n, h, w, c), size, dilation)
    output_shape = (n, geometry.height.output, geometry.width.output, channels)
    view.require_shape(output, output_shape)
    return {
        **view.ports(image),
        "input_shape": (n, h, w, c),
        "output_shape": output_shape,
        "window": geometry,
        "bias": bias_values(view, 2, channels),
        "input_zero_point": zero_point(view, image),
        "requantization": weight_requantization(
            view, image, view.input(1), output, channels, view.activation
        ),
    }


@operator("CONV_2D", types=WIDE_CONVOLUTIONS, ends_in_clamp=True)
def lower_conv2d(view: OperatorView) -> Layer:
    """Fold a CONV_2D; its weights may have fewer input channels than the image (groups)."""
    (*_, image_channels), weights = _operands(view)
    channels, size_h, size_w, depth = weights.shape
    if depth < 1 or channels < 1 or image_channels % depth != 0:
        view.invalid(
            f"weights {view.input(1).name!r} with {depth} input channels do not fit an image with "
            f"{image_channels}"
        )
    groups = image_channels // depth
    if channels % groups != 0:
        view.invalid(f"{channels} output channels cannot be split into {groups} groups")
    return Conv2D(**_common(view, channels, (size_h, size_w)), weights=weights)


@operator("DEPTHWISE_CONV_2D", types=WIDE_CONVOLUTIONS, ends_in_clamp=True)
def lower_depthwise_conv2d(view: OperatorView) -> Layer:
    """Fold a DEPTHWISE_CONV_2D; the depth multiplier follows from the shapes, as in TFLM."""
    (*_, image_channels), weights = _operands(view)
    leading, size_h, size_w, channels = weights.shape
    if leading != 1 or channels < 1 or channels % image_channels != 0:
        view.invalid(
            f"weights {view.input(1).name!r} of shape {list(weights.shape)} do not fit an image with "
            f"{image_channels} channels"
        )
    return DepthwiseConv2D(
        **_common(view, channels, (size_h, size_w)),
        depth_multiplier=channels // image_channels,
        weights=weights[0],
    )
