# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the operators that pick by index, and of RESIZE_BILINEAR."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, Constant, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out, operand_arguments
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.gather import Gather
from tinygen.ops.resize import ResizeBilinear

_COSTS = Costs("portable.gather")


@portable("gather", Gather)
def gather(layer: Gather) -> Offer:
    """Copies the blocks that indices pick, or scales them to float32."""
    dtype = layer.dtype.numpy
    assert dtype is not None
    block_bytes = layer.inner * dtype.itemsize

    def bind() -> Binding:
        parameters = struct(
            "tinygen_gather_params",
            layer,
            block_bytes=block_bytes,
            index_count=len(layer.extents),
            extents=layer.extents,
        )
        operands = operand_arguments(
            layer,
            layer.operands,
            ("table", "indices"),
            dtypes=(dtype, np.int32),
            ctypes=("uint8_t", "int32_t"),
        )
        sink = "float" if layer.scale else "uint8_t"
        call = Call(
            "tinygen_gather_s8_f32" if layer.scale else "tinygen_gather",
            (
                parameters,
                *((layer.scale,) if layer.scale else ()),
                *operands,
                TensorArgument(layer.outputs[0], writable=True, ctype=sink),
            ),
        )
        return Binding(calls=(call,), headers=("portable/gather.h",))

    blocks = layer.batches * layer.outer * layer.picks
    return Offer(blocks * (_COSTS.per_pick + block_bytes * _COSTS.per_byte), bind)


@portable("resize_bilinear", ResizeBilinear)
def resize_bilinear(layer: ResizeBilinear) -> Offer:
    """Mixes four pixels, in fixed point or float32."""
    batches, height, width, channels = layer.input_shape
    rows, columns = layer.rows, layer.columns

    def bind() -> Binding:
        is_float = layer.dtype is DType.FLOAT32
        kind = np.float32 if is_float else np.int32
        parameters = struct(
            "tinygen_resize_params",
            layer,
            input_rows=height,
            input_columns=width,
            rows=len(rows.lower),
            columns=len(columns.lower),
            upper_row=rows.lower,
            lower_row=rows.upper,
            left_column=columns.lower,
            right_column=columns.upper,
        )
        call = Call(
            "tinygen_resize_bilinear_f32" if is_float else "tinygen_resize_bilinear_s8",
            (
                parameters,
                Constant("row_weights", rows.weight.astype(kind)),
                Constant("column_weights", columns.weight.astype(kind)),
                *in_and_out(layer),
            ),
        )
        return Binding(calls=(call,), headers=("portable/gather.h",))

    return Offer(batches * len(rows.lower) * len(columns.lower) * channels * _COSTS.per_pixel, bind)


KERNELS = (gather, resize_bilinear)
