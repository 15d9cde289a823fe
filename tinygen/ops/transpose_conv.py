# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV of float32, int8, and int16 with int8 weights.

Semantics: TFLM ``reference_ops::TransposeConv`` and ``reference_integer_ops::TransposeConv``: every
input scatters into the outputs under its window, in the order of the inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ir.window import Axis
from tinygen.numerics.fixed_point import Requantization, wrap_int32
from tinygen.ops.elementwise import clamp_float, float_clamp
from tinygen.ops.quantized import weight_requantization, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView
from tinygen.ops.wide_convolution import scale_wide


@dataclass(frozen=True, eq=False, kw_only=True)
class TransposeConv2D(Layer):
    """Input y reaches the outputs y · stride - pad + k for k in [0, size), likewise along x.

    ``weights`` are (out channels, height, width, in channels). ``requantization`` is None for
    float32, which is clamped instead.
    """

    input_shape: tuple[int, int, int, int]
    output_shape: tuple[int, int, int, int]
    rows: Axis
    columns: Axis
    weights: AnyArray
    bias: AnyArray
    dtype: DType
    input_zero_point: int = 0
    requantization: Requantization | None = None
    clamp_min: float = 0.0
    clamp_max: float = 0.0

    @property
    def macs(self) -> int:
        """Every tap of every input."""
        return int(np.prod(self.input_shape)) * int(np.prod(self.weights.shape[:3]))

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        kind = np.float32 if self.dtype is DType.FLOAT32 else np.int64
        image = inputs[0].astype(kind) - kind(self.input_zero_point)
        weights = self.weights.astype(kind)
        rows, columns = self.rows, self.columns
        # Room around the output for what leaves it.
        sums = np.zeros(
            (
                self.input_shape[0],
                max(rows.output, (rows.input - 1) * rows.stride + rows.size) + rows.pad,
                max(columns.output, (columns.input - 1) * columns.stride + columns.size)
                + columns.pad,
                self.output_shape[3],
            ),
            dtype=kind,
        )
        for y in range(rows.input):
            for x in range(columns.input):
                top, left = y * rows.stride, x * columns.stride
                under = sums[:, top : top + rows.size, left : left + columns.size]
                for c in range(self.input_shape[3]):
                    under += image[:, y, x, c, None, None, None] * weights[..., c].transpose(
                        1, 2, 0
                    )
        inside = sums[:, rows.pad :, columns.pad :][:, : rows.output, : columns.output]
        totals = inside + self.bias.astype(kind)
        q = self.requantization
        if q is None:
            clamp = {"clamp_min": self.clamp_min, "clamp_max": self.clamp_max}
            return (clamp_float(clamp, totals),)
        if self.dtype is DType.INT8:
            return (q.apply(wrap_int32(totals)).astype(np.int8),)
        scaled = wrap_int32(scale_wide(totals, q.multipliers, q.shifts) + q.zero_point)
        return (np.clip(scaled, q.clamp_min, q.clamp_max).astype(np.int16),)


def _axis(
    view: OperatorView, inputs: int, outputs: int, size: int, stride: int, padding: str
) -> Axis:
    """TFLM ``ComputePaddingHeightWidth`` of the convolution that this one transposes."""
    if stride < 1 or padding not in ("SAME", "VALID"):
        view.invalid(f"a stride of {stride} with padding {padding!r} is impossible")
    reached = -(-outputs // stride) if padding == "SAME" else (outputs + stride - size) // stride
    total = max(0, (reached - 1) * stride + size - outputs)
    return Axis(inputs, outputs, size, stride, 1, total // 2)


@operator("TRANSPOSE_CONV", typed_by=-1)
def lower_transpose_conv(view: OperatorView) -> Layer:
    """Fold a TRANSPOSE_CONV; the output tensor's shape decides, not the shape operand."""
    view.counts((3, 4))
    weights, values, output = view.input(1), view.input(2), view.output()
    view.require_dtype(values, DType.FLOAT32, DType.INT8, DType.INT16)
    view.require_dtype(output, values.dtype)
    is_float = values.dtype is DType.FLOAT32
    view.require_dtype(weights, DType.FLOAT32 if is_float else DType.INT8)
    for tensor in (values, weights, output):
        view.require_rank(tensor, 4)
    n, h, w, depth = values.shape
    channels, size_h, size_w, filter_depth = weights.shape
    if filter_depth != depth or output.shape[0] != n or output.shape[3] != channels:
        view.invalid(f"weights of {list(weights.shape)} do not fit its input and output")
    padding = view.option("padding", str)
    bias: AnyArray = np.zeros(channels, dtype=np.int64)
    if view.has_input(3):
        kinds = {
            DType.FLOAT32: (DType.FLOAT32,),
            DType.INT8: (DType.INT32,),
            DType.INT16: (DType.INT64, DType.INT16),
        }
        view.require_dtype(view.input(3), *kinds[values.dtype])
        bias = view.require_constant(view.input(3)).reshape(-1)
        if values.dtype is DType.INT16:
            bias = bias.astype(np.int64)
        if bias.size != channels:
            view.invalid(f"it has {bias.size} biases for {channels} channels")
    folded, clamp = None, {"clamp_min": 0.0, "clamp_max": 0.0}
    if is_float:
        clamp = float_clamp(view)
    else:
        activation = view.activation
        folded = weight_requantization(view, values, weights, output, channels, activation)
        if values.dtype is DType.INT16 and (
            zero_point(view, values) or zero_point(view, output) or int(folded.shifts.max()) > 7
        ):
            view.invalid("an INT16 operand has a zero point other than 0, or too fine a scale")
    return TransposeConv2D(
        **view.ports(values),
        input_shape=(n, h, w, depth),
        output_shape=(n, output.shape[1], output.shape[2], channels),
        rows=_axis(view, h, output.shape[1], size_h, view.option("stride_h", int), padding),
        columns=_axis(view, w, output.shape[2], size_w, view.option("stride_w", int), padding),
        weights=view.require_constant(weights),
        bias=bias,
        dtype=values.dtype,
        input_zero_point=0 if is_float else zero_point(view, values),
        requantization=folded,
        clamp_min=clamp["clamp_min"],
        clamp_max=clamp["clamp_max"],
    )
