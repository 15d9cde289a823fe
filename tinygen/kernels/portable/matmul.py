# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of BATCH_MATMUL."""

from __future__ import annotations

from collections.abc import Sequence

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
from tinygen.kernels.portable.base import PortableKernel, requantization_struct
from tinygen.kernels.portable.nest import broadcast_loops, nest_struct
from tinygen.ops.matmul import BatchMatMul

_CYCLES_PER_MAC = 10.0


def _bind(layer: BatchMatMul) -> Binding:
    lhs, rhs = (operand.shape for operand in layer.operands)
    sizes = [shape[-2] * shape[-1] for shape in (lhs, rhs)]
    batches = [
        (extent, tuple(step * size for step, size in zip(steps, sizes, strict=True)))
        for extent, steps in broadcast_loops(layer.output_shape[:-2], [lhs[:-2], rhs[:-2]])
    ]
    lhs_steps = (1, lhs[-1]) if layer.transposed[0] else (lhs[-1], 1)
    rhs_steps = (1, rhs[-1]) if layer.transposed[1] else (rhs[-1], 1)
    shape = Struct(
        "tinygen_matmul_shape",
        (
            ("batches", nest_struct(batches)),
            ("rows", layer.output_shape[-2]),
            ("depth", layer.depth),
            ("columns", layer.output_shape[-1]),
            ("lhs_row_step", lhs_steps[0]),
            ("lhs_depth_step", lhs_steps[1]),
            ("rhs_depth_step", rhs_steps[0]),
            ("rhs_column_step", rhs_steps[1]),
        ),
    )
    fields: list[tuple[str, Field]] = [("shape", shape)]
    constants: list[Constant] = []
    kind = "f32"
    if layer.requantization is not None:
        kind = "quantized"
        struct, arrays = requantization_struct(layer.requantization)
        constants += arrays
        fields += [
            ("lhs_offset", -layer.zero_points[0]),
            ("rhs_offset", -layer.zero_points[1]),
            ("requantization", struct),
        ]
    runtime = iter(layer.inputs)
    operands: list[Field] = []
    for name, operand in zip(("lhs", "rhs"), layer.operands, strict=True):
        if operand.constant is None:
            operands.append(TensorArgument(next(runtime)))
        else:
            constants.append(Constant(name, operand.constant.astype(layer.dtype.numpy)))
            operands.append(ConstantArgument(name))
    suffix = {DType.FLOAT32: "f32", DType.INT8: "s8", DType.INT16: "s16"}[layer.dtype]
    call = Call(
        f"tinygen_matmul_{suffix}",
        (
            Struct(f"tinygen_matmul_{kind}_params", tuple(fields)),
            *operands,
            TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    return Binding(calls=(call,), headers=("portable/matmul.h",), constants=tuple(constants))


KERNELS: Sequence[Kernel] = (
    PortableKernel("matmul", BatchMatMul, _bind, lambda layer: layer.macs * _CYCLES_PER_MAC),
)
