# SPDX-License-Identifier: Apache-2.0
"""Checks and folding shared by the quantized operators: scales, zero points, clamps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.ir.graph import DType, Numerics, Tensor
from tinygen.numerics import fixed_point as fp
from tinygen.ops.view import OperatorView

INTEGER_RANGES = {
    DType.INT8: (-128, 127),
    DType.UINT8: (0, 255),
    DType.INT16: (-32768, 32767),
    DType.INT32: (fp.INT32_MIN, fp.INT32_MAX),
}
"""Smallest and largest value of the quantized element types."""

_MAX_SHIFT = 30
"""Largest left shift of an accumulator for which TFLM's ``1 << shift`` is defined."""


_MOST_SCALE = 2.0**62
"""The largest scale of a tensor, and the inverse of the smallest: their ratio is a float32."""


def scales(view: OperatorView, tensor: Tensor, *, dead: bool = False) -> tuple[float, ...]:
    """The tensor's scales, checked: there, finite and positive, or 0 where channels may be ``dead``."""
    quantization = tensor.quantization
    if quantization is None or not quantization.scales:
        view.invalid(
            f"tensor {tensor.name!r} has no quantization parameters",
            "Convert the model with full integer quantization and a calibration set.",
        )
    for channel, scale in enumerate(quantization.scales):
        if not math.isfinite(scale) or scale < 0 or (scale == 0 and not dead):
            of_channel = f" of channel {channel}" if len(quantization.scales) > 1 else ""
            view.invalid(
                f"tensor {tensor.name!r} has the scale {scale}{of_channel}; a scale is positive"
            )
    return quantization.scales


def scale(view: OperatorView, tensor: Tensor) -> float:
    """The scale of a per-tensor quantized tensor."""
    values = scales(view, tensor)
    if len(values) != 1:
        view.unsupported(f"tensor {tensor.name!r} has {len(values)} scales where one is expected")
    if not 1 / _MOST_SCALE <= values[0] <= _MOST_SCALE:
        view.unsupported(
            f"tensor {tensor.name!r} has the scale {values[0]}, beyond what ratios in single precision "
            "can hold"
        )
    return values[0]


def zero_point(view: OperatorView, tensor: Tensor) -> int:
    """The zero point of a per-tensor quantized tensor, checked against its element type."""
    scale(view, tensor)
    assert tensor.quantization is not None
    value = tensor.quantization.zero_points[0]
    low, high = INTEGER_RANGES.get(tensor.dtype, (fp.INT32_MIN, fp.INT32_MAX))
    if not low <= value <= high:
        view.invalid(
            f"tensor {tensor.name!r} has the zero point {value}, outside its "
            f"{tensor.dtype.value} range [{low}, {high}]"
        )
    return value


def activation_range(view: OperatorView, activation: str, output: Tensor) -> tuple[int, int]:
    """The clamp (min, max) of a fused activation in the output's quantized values.

    TFLM ``CalculateActivationRangeQuantized``: bounds are rounded in float32, halves away from zero.
    An empty range (a zero point outside the activation) collapses to its upper bound, as
    ``max`` then ``min`` do in the reference kernels.
    """
    low, high = INTEGER_RANGES[output.dtype]
    output_scale = np.float32(scale(view, output))
    offset = zero_point(view, output)

    def quantized(real: float) -> int:
        steps = float(np.float32(real) / output_scale)
        if not fp.INT32_MIN <= steps <= fp.INT32_MAX:
            view.invalid(f"tensor {output.name!r} has a scale too small for {activation}")
        return offset + fp.round_half_away(steps)

    if activation == "NONE":
        return low, high
    if activation == "RELU":
        return max(low, quantized(0.0)), high
    if activation == "RELU6":
        return max(low, quantized(0.0)), min(high, quantized(6.0))
    if activation == "RELU_N1_TO_1":
        return max(low, quantized(-1.0)), min(high, quantized(1.0))
    view.unsupported(f"the fused activation {activation} is not supported for quantized tensors")


def requantization(
    view: OperatorView, reals: Sequence[float], output: Tensor, clamp: tuple[int, int]
) -> fp.Requantization:
    """Fold real multipliers, one or one a channel, with the output's zero point and a clamp.

    UnsupportedError for a multiplier of 2**30 or more, which no accumulator survives.
    """
    multipliers, shifts = fp.fold_multipliers(reals)
    if int(shifts.max()) > _MAX_SHIFT:
        view.unsupported(
            f"the scale of {output.name!r} is over 2**{_MAX_SHIFT} times finer than its operands'"
        )
    return fp.Requantization(
        multipliers=multipliers,
        shifts=shifts,
        zero_point=zero_point(view, output),
        clamp_min=clamp[0],
        clamp_max=clamp[1],
        rounding=fp.Rounding.DOUBLE,
    )


def product_over(view: OperatorView, *factors: float, divisor: float) -> float:
    """The product of the factors over a divisor, from left to right: of scales, and options.

    TFLM (since October 2026) computes it in double precision; LiteRT rounds each step to single.
    """
    result = factors[0]
    for factor in factors[1:]:
        result = _as_rounded(view, result * factor)
    return _as_rounded(view, result / divisor)


def _as_rounded(view: OperatorView, value: float) -> float:
    return float(np.float32(value)) if view.numerics is Numerics.LITERT else value


def rescale(view: OperatorView, values: Tensor, output: Tensor) -> fp.Requantization:
    """From the scale of ``values`` to that of ``output``, clamped to the latter's range only."""
    return requantization(
        view,
        [scale(view, values) / scale(view, output)],
        output,
        INTEGER_RANGES[output.dtype],
    )


def weight_factors(
    view: OperatorView, input_tensor: Tensor, weights: Tensor, output: Tensor, channels: int
) -> list[float]:
    """Input scale × weight scale / output scale of each channel, in double precision.

    A single weight scale is repeated for every channel. A scale of 0 is that of a channel whose weights
    are all 0, in TFLM and LiteRT as well: its outputs are the zero point, whatever the bias.
    """
    weight_scales = scales(view, weights, dead=True)
    assert weights.quantization is not None
    axis = weights.quantization.axis
    if len(weight_scales) > 1 and (
        len(weight_scales) != channels or weights.shape[axis : axis + 1] != (channels,)
    ):
        view.invalid(
            f"tensor {weights.name!r} has {len(weight_scales)} scales along dimension {axis}, which "
            f"are not its {channels} output channels"
        )
    if any(point != 0 for point in weights.quantization.zero_points):
        view.unsupported(
            f"tensor {weights.name!r} has asymmetric weights (zero point not 0)",
            "The TFLite quantization specification asks for symmetric int8 weights: only "
            "FULLY_CONNECTED takes others, of one scale.",
        )
    input_scale = scale(view, input_tensor)
    output_scale = scale(view, output)
    per_channel = weight_scales if len(weight_scales) == channels else weight_scales * channels
    return [input_scale * weight_scale / output_scale for weight_scale in per_channel]


def weight_requantization(
    view: OperatorView,
    input_tensor: Tensor,
    weights: Tensor,
    output: Tensor,
    channels: int,
    activation: str,
) -> fp.Requantization:
    """Fold input, weight and output scales into one multiplier/shift pair a channel.

    TFLM ``PopulateConvolutionQuantizationParams``.
    """
    factors = weight_factors(view, input_tensor, weights, output, channels)
    return requantization(view, factors, output, activation_range(view, activation, output))


def bias_values(view: OperatorView, position: int, channels: int) -> fp.Int32Array:
    """The int32 bias at an input position, one a channel; zeros where the input is absent."""
    if not view.has_input(position):
        return np.zeros(channels, dtype=np.int32)
    bias = view.input(position)
    view.require_dtype(bias, DType.INT32)
    values = view.require_constant(bias)
    if values.size != channels:
        view.invalid(f"tensor {bias.name!r} has {values.size} biases for {channels} channels")
    return values.reshape(channels).astype(np.int32)


def require_symmetric(view: OperatorView, *tensors: Tensor) -> None:
    """ModelError unless the int16 tensors have the zero point 0."""
    for tensor in tensors:
        if zero_point(view, tensor) != 0:
            view.invalid(f"tensor {tensor.name!r} is INT16 with a zero point other than 0")


def quantized_alike(view: OperatorView, a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have one scale and zero point."""
    return scale(view, a) == scale(view, b) and zero_point(view, a) == zero_point(view, b)
