# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of float32, and of int16 with int8 weights.

All three are one layer: a depthwise convolution has as many groups as channels, a fully connected
layer a window of 1 by 1. Semantics: TFLM ``reference_ops::Conv`` and its float32 neighbours, summed
in the same order and rounded after every step; ``reference_integer_ops::ConvPerChannel`` of int16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.graph import AnyArray, DType, Numerics, Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis, Window
from tinygen.numerics.fixed_point import Requantization, wrap_int32
from tinygen.ops.elementwise import clamp_float, float_clamp
from tinygen.ops.quantized import require_symmetric, weight_requantization
from tinygen.ops.view import OperatorView
from tinygen.ops.window import window

_POINT = Axis(input=1, output=1, size=1, stride=1, dilation=1, pad=0)


@dataclass(frozen=True, eq=False, kw_only=True)
class WideConv2D(Layer):
    """out[n,y,x,o] = finish(bias[o] + Σ in[n,…,c] · weights[o,ky,kx,c]), the sum taken first.

    ``weights`` are (out channels, height, width, in channels / groups). ``input_shape`` is NHWC;
    ``tensor_shape`` that of the output tensor.
    """

    input_shape: tuple[int, int, int, int]
    tensor_shape: tuple[int, ...]
    window: Window
    weights: AnyArray
    bias: AnyArray

    @property
    def groups(self) -> int:
        """Number of channel groups."""
        return self.input_shape[3] // int(self.weights.shape[3])

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """NHWC."""
        rows, columns = self.window.height.output, self.window.width.output
        return self.input_shape[0], rows, columns, int(self.weights.shape[0])

    @property
    def macs(self) -> int:
        """Every tap of every output, padding included."""
        return int(np.prod(self.output_shape)) * int(np.prod(self.weights.shape[1:]))

    def sums(self, image: AnyArray, kind: type[np.generic]) -> AnyArray:
        """The sums before the bias, each product and each sum rounded to ``kind``, in TFLM's order."""
        # Padding adds products of 0: for float32 they change nothing but the sign of a zero sum,
        # which starts as +0 and stays so.
        patches = self.window.patches(image.reshape(self.input_shape).astype(kind), 0)
        channels, size_h, size_w, depth = self.weights.shape
        group = np.arange(channels) // (channels // self.groups) * depth
        weights = self.weights.astype(kind)
        totals = np.zeros(self.output_shape, dtype=kind)
        for ky in range(size_h):
            for kx in range(size_w):
                for c in range(depth):
                    totals += patches[:, :, :, ky, kx, group + c] * weights[:, ky, kx, c]
        return totals


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatConv2D(WideConv2D):
    """float32: clamped to the fused activation."""

    clamp_min: float
    clamp_max: float

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (image,) = inputs
        with np.errstate(all="ignore"):
            biased = self.sums(image, np.float32) + self.bias
        clamp = {"clamp_min": self.clamp_min, "clamp_max": self.clamp_max}
        return (clamp_float(clamp, biased).reshape(self.tensor_shape),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Int16Conv2D(WideConv2D):
    """int16 activations, int8 weights; sums of 64 bits, or of 32 where the bias is int32."""

    requantization: Requantization
    narrow: bool

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        (image,) = inputs
        totals = self.sums(image, np.int64) + self.bias
        q = self.requantization
        if self.narrow:
            outputs = q.apply(wrap_int32(totals))
        else:
            scaled = scale_wide(totals, q.multipliers, q.shifts)
            outputs = np.clip(wrap_int32(scaled + q.zero_point), q.clamp_min, q.clamp_max)
        return (outputs.reshape(self.tensor_shape).astype(np.int16),)


def scale_wide(x: AnyArray, multipliers: AnyArray, shifts: AnyArray) -> NDArray[np.int64]:
    """TFLM ``MultiplyByQuantizedMultiplier`` of int64: a 16-bit multiplier, rounded once."""
    wide = multipliers.astype(np.int64)
    reduced = np.where(wide < 0x7FFF0000, (wide + (1 << 15)) >> 16, 0x7FFF)
    total = 15 - shifts.astype(np.int64)
    scaled = (x * reduced + (np.int64(1) << (total - 1))) >> total
    return wrap_int32(scaled).astype(np.int64)


def _convolution_weights(view: OperatorView) -> AnyArray:
    """The weights as (out channels, height, width, channels of a group)."""
    tensor = view.input(1)
    values = view.require_constant(tensor)
    if view.operator.opcode == "FULLY_CONNECTED":
        view.require_rank(tensor, 2)
        return values.reshape(values.shape[0], 1, 1, values.shape[1])
    view.require_rank(tensor, 4)
    if view.operator.opcode == "DEPTHWISE_CONV_2D":
        return np.ascontiguousarray(values.transpose(3, 1, 2, 0))
    return values


def _geometry(view: OperatorView, weights: AnyArray) -> tuple[tuple[int, int, int, int], Window]:
    """The NHWC input shape and the window; checks the output's shape."""
    values, output = view.input(0), view.output()
    channels, size_h, size_w, depth = weights.shape
    if view.operator.opcode == "FULLY_CONNECTED":
        if view.option("weights_format", str) != "DEFAULT":
            view.unsupported("shuffled weights are not supported")
        if values.elements % depth:
            view.invalid(f"an input of {values.elements} elements does not fit depth {depth}")
        batches = values.elements // depth
        if output.elements != batches * channels or output.shape[-1:] != (channels,):
            view.invalid(f"tensor {output.name!r} has shape {list(output.shape)}")
        return (batches, 1, 1, depth), Window(_POINT, _POINT)
    view.require_rank(values, 4)
    batches, height, width, image_depth = values.shape
    if image_depth % depth or channels % (image_depth // depth):
        view.invalid(
            f"weights {view.input(1).name!r} of shape {list(view.input(1).shape)} do not fit an "
            f"image with {image_depth} channels"
        )
    dilation = view.option("dilation_h_factor", int), view.option("dilation_w_factor", int)
    geometry = window(view, values.shape, (size_h, size_w), dilation)
    expected = (batches, geometry.height.output, geometry.width.output, channels)
    view.require_shape(output, expected)
    return (batches, height, width, image_depth), geometry


def lower_float_convolution(view: OperatorView) -> Layer:
    """Fold a convolution or fully connected layer of float32."""
    view.counts((2, 3))
    values, output = view.input(0), view.output()
    for tensor in (values, view.input(1), output):
        view.require_dtype(tensor, DType.FLOAT32)
    weights = _convolution_weights(view)
    input_shape, geometry = _geometry(view, weights)
    bias = np.zeros(weights.shape[0], dtype=np.float32)
    if view.has_input(2):
        view.require_dtype(view.input(2), DType.FLOAT32)
        bias = _bias(view, view.input(2), weights.shape[0])
    clamp = float_clamp(view)
    return FloatConv2D(
        **view.ports(values),
        input_shape=input_shape,
        tensor_shape=output.shape,
        window=geometry,
        weights=weights,
        bias=bias,
        clamp_min=clamp["clamp_min"],
        clamp_max=clamp["clamp_max"],
    )


def _bias(view: OperatorView, tensor: Tensor, channels: int) -> AnyArray:
    values = view.require_constant(tensor)
    if values.size != channels:
        view.invalid(f"tensor {tensor.name!r} has {values.size} biases for {channels} channels")
    return values.reshape(channels)


def lower_int16_convolution(view: OperatorView) -> Layer:
    """Fold a convolution or fully connected layer of int16 activations and int8 weights."""
    view.counts((2, 3))
    values, weights_tensor, output = view.input(0), view.input(1), view.output()
    view.require_dtype(weights_tensor, DType.INT8)
    view.require_dtype(output, DType.INT16)
    require_symmetric(view, values, output)
    if view.numerics is Numerics.LITERT and view.operator.opcode == "FULLY_CONNECTED":
        view.unsupported(
            "LiteRT's reference scales sums of INT16 in double precision, which is not built",
            "Compile it with --numerics tflm.",
        )
    weights = _convolution_weights(view).astype(np.int8)
    input_shape, geometry = _geometry(view, weights)
    channels = weights.shape[0]
    bias = np.zeros(channels, dtype=np.int64)
    narrow = view.operator.options.get("quantized_bias_type") == "INT32"
    if view.has_input(2):
        only_wide = view.operator.opcode == "DEPTHWISE_CONV_2D"
        view.require_dtype(view.input(2), DType.INT64, *(() if only_wide else (DType.INT32,)))
        bias = _bias(view, view.input(2), channels).astype(np.int64)
        narrow = view.input(2).dtype is DType.INT32
        said = view.operator.options.get("quantized_bias_type") == "INT32"
        if view.numerics is Numerics.LITERT and narrow and not said:
            view.unsupported(
                f"LiteRT's reference reads the INT32 bias {view.input(2).name!r} as INT64, beyond its "
                "end, unless the option quantized_bias_type is INT32",
                "Compile it with --numerics tflm, or convert the model with quantized_bias_type INT32.",
            )
    folded = weight_requantization(view, values, weights_tensor, output, channels, view.activation)
    if not narrow and int(folded.shifts.max()) > 7:
        view.unsupported(f"the scale of {output.name!r} is over 128 times finer than its operands'")
    return Int16Conv2D(
        **view.ports(values),
        input_shape=input_shape,
        tensor_shape=output.shape,
        window=geometry,
        weights=weights,
        bias=bias,
        requantization=folded,
        narrow=narrow,
    )


WIDE_CONVOLUTIONS = {
    DType.FLOAT32: lower_float_convolution,
    DType.INT16: lower_int16_convolution,
}
"""The types of CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED that are lowered here."""
