# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of BATCH_MATMUL."""

from __future__ import annotations

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.nest import broadcast_loops, nest_struct
from tinygen.kernels.operands import operand_arguments
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.matmul import BatchMatMul

_COSTS = Costs("portable.matmul")
_SUFFIX = {DType.FLOAT32: "f32", DType.INT8: "s8", DType.INT16: "s16"}


def _bind(layer: BatchMatMul) -> Binding:
    lhs, rhs = (operand.shape for operand in layer.operands)
    sizes = [shape[-2] * shape[-1] for shape in (lhs, rhs)]
    batches = [
        (extent, tuple(step * size for step, size in zip(steps, sizes, strict=True)))
        for extent, steps in broadcast_loops(layer.output_shape[:-2], [lhs[:-2], rhs[:-2]])
    ]
    lhs_steps = (1, lhs[-1]) if layer.transposed[0] else (lhs[-1], 1)
    rhs_steps = (1, rhs[-1]) if layer.transposed[1] else (rhs[-1], 1)
    shape = struct(
        "tinygen_matmul_shape",
        layer,
        batches=nest_struct(batches),
        rows=layer.output_shape[-2],
        columns=layer.output_shape[-1],
        lhs_row_step=lhs_steps[0],
        lhs_depth_step=lhs_steps[1],
        rhs_depth_step=rhs_steps[0],
        rhs_column_step=rhs_steps[1],
    )
    if layer.requantization is None:
        parameters = struct("tinygen_matmul_f32_params", shape=shape)
    else:
        parameters = struct(
            "tinygen_matmul_quantized_params",
            layer,
            shape=shape,
            bias=layer.bias,
            fraction=layer.requantization.fractions,
            lhs_offset=-layer.zero_points[0],
            rhs_offset=-layer.zero_points[1],
        )
    operands = operand_arguments(layer, layer.operands, ("lhs", "rhs"), (layer.dtype.numpy,) * 2)
    output = TensorArgument(layer.outputs[0], writable=True)
    call = Call(f"tinygen_matmul_{_SUFFIX[layer.dtype]}", (parameters, *operands, output))
    return Binding(calls=(call,), headers=("portable/matmul.h",))


@portable("matmul", BatchMatMul)
def matmul(layer: BatchMatMul) -> Offer:
    """Of any two matrices, run-time or constant, either one transposed."""
    return Offer(layer.macs * _COSTS.per_mac, lambda: _bind(layer))


KERNELS = (matmul,)
