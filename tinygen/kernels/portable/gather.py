# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the operators that pick by index, and of RESIZE_BILINEAR."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Struct,
    TensorArgument,
)
from tinygen.kernels.portable.base import PortableKernel, int_array
from tinygen.ops.gather import Gather
from tinygen.ops.resize import ResizeBilinear

_CYCLES_PER_PICK = 40.0
_CYCLES_PER_BYTE = 0.7
_CYCLES_PER_PIXEL = 60.0


def _bind(layer: Gather) -> Binding:
    dtype = layer.dtype.numpy
    assert dtype is not None
    kind = "gather_s8_f32" if layer.scale else "gather"
    parameters = Struct(
        "tinygen_gather_params",
        (
            ("batches", layer.batches),
            ("outer", layer.outer),
            ("picks", layer.picks),
            ("block_bytes", layer.inner * dtype.itemsize),
            ("index_count", len(layer.extents)),
            ("extents", int_array(layer.extents)),
        ),
    )
    runtime = iter(layer.inputs)
    constants, operands = [], list[Field]()
    for name, operand, numpy_type, ctype in zip(
        ("table", "indices"),
        layer.operands,
        (dtype, np.dtype(np.int32)),
        ("uint8_t", "int32_t"),
        strict=True,
    ):
        if operand.constant is None:
            operands.append(TensorArgument(next(runtime), ctype=ctype))
        else:
            constants.append(Constant(name, operand.constant.astype(numpy_type)))
            operands.append(ConstantArgument(name, cast=f"const {ctype} *"))
    sink = "float" if layer.scale else "uint8_t"
    call = Call(
        f"tinygen_{kind}",
        (
            parameters,
            *((layer.scale,) if layer.scale else ()),
            *operands,
            TensorArgument(layer.outputs[0], writable=True, ctype=sink),
        ),
    )
    return Binding(calls=(call,), headers=("portable/gather.h",), constants=tuple(constants))


def _cycles(layer: Gather) -> float:
    dtype = layer.dtype.numpy
    assert dtype is not None
    blocks = layer.batches * layer.outer * layer.picks
    return blocks * (_CYCLES_PER_PICK + layer.inner * dtype.itemsize * _CYCLES_PER_BYTE)


def _bind_resize(layer: ResizeBilinear) -> Binding:
    n, h, w, c = layer.input_shape
    is_float = layer.dtype is DType.FLOAT32
    kind = np.float32 if is_float else np.int32
    parameters = Struct(
        "tinygen_resize_params",
        (
            ("batches", n),
            ("input_rows", h),
            ("input_columns", w),
            ("rows", len(layer.rows.lower)),
            ("columns", len(layer.columns.lower)),
            ("channels", c),
            ("upper_row", ConstantArgument("upper_row")),
            ("lower_row", ConstantArgument("lower_row")),
            ("left_column", ConstantArgument("left_column")),
            ("right_column", ConstantArgument("right_column")),
        ),
    )
    call = Call(
        "tinygen_resize_bilinear_f32" if is_float else "tinygen_resize_bilinear_s8",
        (
            parameters,
            ConstantArgument("row_weights"),
            ConstantArgument("column_weights"),
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(
        calls=(call,),
        headers=("portable/gather.h",),
        constants=(
            Constant("upper_row", layer.rows.lower),
            Constant("lower_row", layer.rows.upper),
            Constant("left_column", layer.columns.lower),
            Constant("right_column", layer.columns.upper),
            Constant("row_weights", layer.rows.weight.astype(kind)),
            Constant("column_weights", layer.columns.weight.astype(kind)),
        ),
    )


def _resize_cycles(layer: ResizeBilinear) -> float:
    pixels = layer.input_shape[0] * len(layer.rows.lower) * len(layer.columns.lower)
    return pixels * layer.input_shape[3] * _CYCLES_PER_PIXEL


KERNELS: Sequence[Kernel] = (
    PortableKernel("gather", Gather, _bind, _cycles),
    PortableKernel("resize_bilinear", ResizeBilinear, _bind_resize, _resize_cycles),
)
