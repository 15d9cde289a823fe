# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED with int8 activations and weights, per-tensor or per-channel.

Weights that are computed, or have a zero point, make it a product of two matrices (``matmul.py``).

Semantics: TFLM ``reference_integer_ops::FullyConnected`` and ``FullyConnectedPerChannel``. LiteRT's
built-in reference multiplies by the factor in double precision instead and rounds once, halves away
from zero; ``Numerics.LITERT`` reproduces that (but for a double product that is itself rounded onto
a half, which no integer shows: a chance of 2**-46 an output). A single
weight scale is multiplied by the input's in double precision, as the tflite-micro wheel does since
October 2026 (older sources: in single precision, which moves a multiplier by up to 2**-24).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.graph import AnyArray, DType, Numerics, Tensor
from tinygen.ir.layer import Layer, Operand
from tinygen.numerics import fixed_point as fp
from tinygen.ops import quantized as q
from tinygen.ops.matmul import BatchMatMul
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView
from tinygen.ops.wide_convolution import WIDE_CONVOLUTIONS

_BIAS_SCALE_TOLERANCE = 0.02
"""How far the bias scale may be from that of the products, in output steps."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FullyConnected(Layer):
    """out[b,o] = requantize(bias[o] + Σ (in[b,i] - input_zero_point) · weights[o,i]).

    ``weights`` are (outputs, inputs); the input is read as ``batches`` rows of that many inputs,
    whatever its shape; ``output_shape`` is the output tensor's.
    """

    batches: int
    output_shape: tuple[int, ...]
    weights: NDArray[np.int8]
    bias: fp.Int32Array
    input_zero_point: int
    requantization: fp.Requantization

    @property
    def macs(self) -> int:
        """One a weight and batch."""
        return self.batches * int(self.weights.size)

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 tensor."""
        (values,) = inputs
        rows = values.reshape(self.batches, -1).astype(np.float64) - self.input_zero_point
        # Sums stay far below 2**53, where float64 is exact.
        sums = (rows @ self.weights.astype(np.float64).T).astype(np.int64)
        outputs = self.requantization.apply(fp.wrap_int32(sums + self.bias))
        return (outputs.reshape(self.output_shape).astype(np.int8),)


def _rounding_once(folded: fp.Requantization, factors: list[float]) -> fp.Requantization:
    """The same with the factors themselves in the place of gemmlowp's multipliers."""
    parts = np.array([fp.split_real(factor) for factor in factors], dtype=np.int32)
    return replace(
        folded,
        multipliers=parts[:, 0],
        fractions=parts[:, 1],
        shifts=parts[:, 2],
        rounding=fp.Rounding.SINGLE,
    )


def _check_bias_scale(view: OperatorView, values: Tensor, weights: Tensor, output: Tensor) -> None:
    """TFLM ``GetQuantizedConvolutionMultipler``: one weight scale wants a bias scale that fits."""
    weight_scales = q.scales(view, weights, dead=True)
    if len(weight_scales) > 1 or not view.has_input(2):
        return
    quantization = view.input(2).quantization
    bias_scale = quantization.scales[0] if quantization and quantization.scales else 0.0
    difference = abs(q.scale(view, values) * weight_scales[0] - bias_scale)
    if not difference / q.scale(view, output) <= _BIAS_SCALE_TOLERANCE:
        view.invalid(
            f"the scale {bias_scale} of the bias {view.input(2).name!r} is not the input's scale "
            "times the weights'"
        )


def _is_asymmetric(weights: Tensor) -> bool:
    """Whether the weights have one zero point, and it is not 0."""
    points = weights.quantization.zero_points if weights.quantization else ()
    return len(points) == 1 and points[0] != 0


def _as_product(view: OperatorView) -> Layer:
    """A layer whose weights have a zero point, or are computed: converters make it of a MatMul."""
    values, weights, output = view.input(0), view.input(1), view.output()
    if len(output.shape) < 2:
        view.unsupported(
            f"tensor {output.name!r} has shape {list(output.shape)}, not two dimensions"
        )
    channels, depth = weights.shape
    real = q.scale(view, values) * q.scale(view, weights) / q.scale(view, output)
    folded = q.requantization(
        view, [real], output, q.activation_range(view, view.activation, output)
    )
    if view.numerics is Numerics.LITERT:
        folded = _rounding_once(folded, [real])
    rows = Operand((*output.shape[:-1], depth), values.data)
    runtime = (tensor for tensor in (values, weights) if tensor.data is None)
    return BatchMatMul(
        **view.ports(*runtime),
        operands=(rows, Operand(weights.shape, weights.data)),
        transposed=(False, True),
        output_shape=output.shape,
        dtype=DType.INT8,
        zero_points=(q.zero_point(view, values), q.zero_point(view, weights)),
        requantization=folded,
        bias=q.bias_values(view, 2, channels) if view.has_input(2) else None,
    )


@operator("FULLY_CONNECTED", types=WIDE_CONVOLUTIONS, ends_in_clamp=True)
def lower_fully_connected(view: OperatorView) -> Layer:
    """Fold a FULLY_CONNECTED with row-major constant weights."""
    view.counts((2, 3))
    values, weights, output = view.input(0), view.input(1), view.output()
    view.require_dtype(values, DType.INT8)
    view.require_dtype(weights, DType.INT8)
    view.require_dtype(output, DType.INT8)
    if view.option("weights_format", str) != "DEFAULT":
        view.unsupported("shuffled weights are not supported")
    view.require_rank(weights, 2)
    channels, depth = weights.shape
    if depth < 1 or channels < 1 or values.elements % depth != 0:
        view.invalid(
            f"an input of {values.elements} elements does not fit weights {weights.name!r} of shape "
            f"{list(weights.shape)}"
        )
    batches = values.elements // depth
    if output.elements != batches * channels or output.shape[-1:] != (channels,):
        view.invalid(
            f"tensor {output.name!r} has shape {list(output.shape)}, but {batches} × {channels} "
            "outputs follow from its operands"
        )
    _check_bias_scale(view, values, weights, output)
    if weights.data is None or _is_asymmetric(weights):
        return _as_product(view)
    folded = q.weight_requantization(view, values, weights, output, channels, view.activation)
    if view.numerics is Numerics.LITERT:
        folded = _rounding_once(folded, q.weight_factors(view, values, weights, output, channels))
    return FullyConnected(
        **view.ports(values),
        batches=batches,
        output_shape=output.shape,
        weights=view.require_constant(weights).astype(np.int8),
        bias=q.bias_values(view, 2, channels),
        input_zero_point=q.zero_point(view, values),
        requantization=folded,
    )
