# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE and DEQUANTIZE, and the layer of a clamp.

Semantics: TFLM ``quantize_common.cc``, ``dequantize_common.cc`` and the reference kernels they call.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics.fixed_point import INT32_MAX, INT32_MIN, Requantization, wrap_int32
from tinygen.ops.elementwise import Pointwise, RowByRow
from tinygen.ops.quantized import INTEGER_RANGES, rescale, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantize(Pointwise):
    """out = clamp(round(in / scale) + zero_point) of float32, in single precision.

    Halves are rounded away from zero. A quotient beyond int32 saturates and NaN counts as 0, as
    Arm's conversion instruction has it (TFLM's C++ leaves it undefined).
    """

    scale: float
    zero_point: int
    output_dtype: DType

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one float32 tensor."""
        (values,) = inputs
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            steps = (values / np.float32(self.scale)).astype(np.float64)
        steps = np.nan_to_num(steps, nan=0.0, posinf=INT32_MAX, neginf=INT32_MIN)
        rounded = np.trunc(steps + np.copysign(0.5, steps))
        integers = np.clip(rounded, INT32_MIN, INT32_MAX).astype(np.int64) + self.zero_point
        low, high = INTEGER_RANGES[self.output_dtype]
        return (np.clip(integers, low, high).astype(self.output_dtype.numpy),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Dequantize(Pointwise):
    """out = (in - zero_point) · scale in float32; the product is rounded once."""

    scale: float
    zero_point: int
    input_dtype: DType

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one quantized tensor."""
        (values,) = inputs
        centred = (values.astype(np.int32) - self.zero_point).astype(np.float64)
        return ((centred * self.scale).astype(np.float32),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Requantize(RowByRow):
    """out = requantize(in - input_zero_point), an integer type to another."""

    input_dtype: DType
    output_dtype: DType
    input_zero_point: int
    requantization: Requantization

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one quantized tensor."""
        (values,) = inputs
        centred = wrap_int32(values.astype(np.int64) - self.input_zero_point)
        return (self.requantization.apply(centred).astype(self.output_dtype.numpy),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Clamp(RowByRow):
    """out = min(max(in, clamp_min), clamp_max), int8."""

    clamp_min: int
    clamp_max: int

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class; ``inputs`` is the one int8 tensor."""
        (values,) = inputs
        return (np.clip(values, self.clamp_min, self.clamp_max).astype(np.int8),)


_QUANTIZE_OUTPUTS = {
    DType.FLOAT32: (DType.INT8, DType.INT16),
    DType.INT8: (DType.INT8, DType.UINT8, DType.INT16, DType.INT32),
    DType.UINT8: (DType.INT8,),
    DType.INT16: (DType.INT8, DType.INT16, DType.INT32),
    DType.INT32: (DType.INT8, DType.INT16),
}
"""What QUANTIZE turns each input type into (TFLM ``EvalQuantizeReference``)."""


@operator("QUANTIZE", may_clamp=True)
def lower_quantize(view: OperatorView) -> Layer:
    """Fold a QUANTIZE: from float32, or from one quantization to another."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, *_QUANTIZE_OUTPUTS)
    view.require_dtype(output, *_QUANTIZE_OUTPUTS[values.dtype])
    view.require_shape(output, values.shape)
    if values.dtype is DType.FLOAT32:
        return Quantize(
            **view.ports(values),
            shape=values.shape,
            scale=scale(view, output),
            zero_point=zero_point(view, output),
            output_dtype=output.dtype,
        )
    return Requantize(
        **view.ports(values),
        shape=values.shape,
        input_dtype=values.dtype,
        output_dtype=output.dtype,
        input_zero_point=zero_point(view, values),
        requantization=rescale(view, values, output),
    )


@operator("DEQUANTIZE")
def lower_dequantize(view: OperatorView) -> Layer:
    """Fold a DEQUANTIZE to float32."""
    view.counts((1,))
    values, output = view.input(0), view.output()
    view.require_dtype(values, DType.INT8, DType.UINT8, DType.INT16)
    view.require_dtype(output, DType.FLOAT32)
    view.require_shape(output, values.shape)
    return Dequantize(
        **view.ports(values),
        shape=values.shape,
        scale=scale(view, values),
        zero_point=zero_point(view, values),
        input_dtype=values.dtype,
    )
