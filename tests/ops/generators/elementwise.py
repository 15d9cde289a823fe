# SPDX-License-Identifier: Apache-2.0
"""Random ADD, MUL, QUANTIZE, DEQUANTIZE, RELU, RELU6 and SOFTMAX models."""

from __future__ import annotations

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng


def _broadcast_operand(rng: Rng, shape: tuple[int, ...], least_rank: int) -> tuple[int, ...]:
    """A shape that broadcasts to ``shape``: some extents 1, some leading ones left out."""
    operand = tuple(1 if common.chance(rng, 0.4) else size for size in shape)
    leading = 0
    while leading < len(shape) - least_rank and operand[leading] == 1 and common.chance(rng, 0.5):
        leading += 1
    return operand[leading:]


def _binary(rng: Rng, opcode: str, lhs_scale: float, rhs_scale: float, out_scale: float) -> bytes:
    shape = common.shape(rng, 1, 6)
    shapes = [shape, shape]
    constant = int(rng.choice([-1, -1, 0, 1]))
    if common.chance(rng, 0.6):
        # TFLM's Python interface takes no scalar as a model's input.
        shapes = [_broadcast_operand(rng, shape, int(i != constant)) for i in range(2)]
    output_shape = np.broadcast_shapes(*shapes)
    builder = ModelBuilder()
    operands = [
        builder.tensor(
            operand_shape,
            scale=scale,
            zero_point=common.zero_point(rng),
            data=common.values(rng, operand_shape) if position == constant else None,
        )
        for position, (operand_shape, scale) in enumerate(
            zip(shapes, (lhs_scale, rhs_scale), strict=True)
        )
    ]
    y = builder.tensor(output_shape, scale=out_scale, zero_point=common.zero_point(rng))
    builder.operator(
        opcode, operands, [y], version=2, fused_activation_function=common.activation(rng)
    )
    inputs = [index for position, index in enumerate(operands) if position != constant]
    return builder.inputs(*inputs).outputs(y).build()


def random_add(rng: Rng) -> bytes:
    """ADD up to 6 dimensions, broadcast or not, one operand sometimes a constant."""
    lhs_scale = common.scale(rng)
    rhs_scale = common.float32(lhs_scale * 2.0 ** rng.choice([0, rng.uniform(-9, 9), -33]))
    # TFLM aborts where the output scale is 2**19 times finer than the operands'.
    finer = rng.choice([rng.uniform(-12, 3), 18.9, -20])
    out_scale = common.float32(max(lhs_scale, rhs_scale) * 2.0**-finer)
    return _binary(rng, "ADD", lhs_scale, rhs_scale, out_scale)


def random_mul(rng: Rng) -> bytes:
    """MUL up to 6 dimensions, broadcast or not, one operand sometimes a constant."""
    lhs_scale, rhs_scale = common.scale(rng), common.scale(rng)
    out_scale = common.float32(lhs_scale * rhs_scale / common.multiplier(rng, 255 * 255))
    return _binary(rng, "MUL", lhs_scale, rhs_scale, out_scale)


_QUANTIZED = (
    ("FLOAT32", "INT8"),
    ("FLOAT32", "INT16"),
    ("INT8", "INT8"),
    ("INT8", "UINT8"),
    ("INT8", "INT16"),
    ("INT8", "INT32"),
    ("UINT8", "INT8"),
    ("INT16", "INT8"),
    ("INT16", "INT16"),
    ("INT16", "INT32"),
    ("INT32", "INT8"),
    ("INT32", "INT16"),
)
_BITS = {"INT8": 8, "UINT8": 8, "INT16": 16, "INT32": 31}


def random_quantize(rng: Rng) -> bytes:
    """QUANTIZE from float32 or between the integer types that TFLM converts."""
    source, target = _QUANTIZED[int(rng.integers(len(_QUANTIZED)))]
    shape = common.shape(rng, 1, 5)
    builder = ModelBuilder()
    point = 0 if target == "INT32" else common.zero_point(rng, target)
    if source == "FLOAT32":
        x = builder.tensor(shape, source)
        # Inputs are around [-1, 1): from all quantized to 0 to all saturated.
        exponents = [-7.0, -15.0, float(rng.integers(-18, 3)), rng.uniform(-9, 1)]
        scale = common.float32(2.0 ** rng.choice(exponents))
    else:
        # An int32 input leaves no headroom for a zero point or a left shift.
        wide = source == "INT32"
        input_scale = common.scale(rng)
        factor = common.multiplier(rng, 2.0 ** (_BITS[source] + (0 if wide else 1)))
        if wide:
            factor = min(factor, 0.99)
        elif common.chance(rng, 0.2):
            factor = 1.0
        scale = common.float32(input_scale / factor)
        input_point = 0 if wide else common.zero_point(rng, source)
        if factor == 1.0 and (source, target) in (("INT8", "UINT8"), ("UINT8", "INT8")):
            point = input_point + (128 if target == "UINT8" else -128)
        x = builder.tensor(shape, source, scale=input_scale, zero_point=input_point)
    y = builder.tensor(shape, target, scale=scale, zero_point=point)
    builder.operator("QUANTIZE", [x], [y], version=2)
    return builder.inputs(x).outputs(y).build()


def random_dequantize(rng: Rng) -> bytes:
    """DEQUANTIZE of the three types that TFLM converts."""
    source = str(rng.choice(["INT8", "UINT8", "INT16"]))
    shape = common.shape(rng, 1, 5)
    builder = ModelBuilder()
    scale = common.float32(common.scale(rng) * 2.0 ** rng.choice([0, -50, 50]))
    x = builder.tensor(shape, source, scale=scale, zero_point=common.zero_point(rng, source))
    y = builder.tensor(shape, "FLOAT32")
    builder.operator("DEQUANTIZE", [x], [y], version=2)
    return builder.inputs(x).outputs(y).build()


def _activation(rng: Rng, opcode: str, factor: float) -> bytes:
    shape = common.shape(rng, 1, 5)
    input_scale = common.scale(rng)
    builder = ModelBuilder()
    x = builder.tensor(shape, scale=input_scale, zero_point=common.zero_point(rng))
    y = builder.tensor(
        shape, scale=common.float32(input_scale / factor), zero_point=common.zero_point(rng)
    )
    builder.operator(opcode, [x], [y], version=2)
    return builder.inputs(x).outputs(y).build()


def random_relu(rng: Rng) -> bytes:
    """RELU, most of them with another scale at the output."""
    return _activation(rng, "RELU", 1.0 if common.chance(rng, 0.2) else common.multiplier(rng, 255))


def random_relu6(rng: Rng) -> bytes:
    """RELU6; the output's quantization takes no part in it."""
    return _activation(rng, "RELU6", float(rng.choice([1.0, 0.5, 3.0])))


def random_softmax(rng: Rng) -> bytes:
    """SOFTMAX to int8 or int16; exponentials from nearly flat to nearly one-hot."""
    shape = common.shape(rng, 1, 4)
    if common.chance(rng, 0.2):
        # TFLM aborts where a row's exponentials add up to 512 or more.
        shape = (2, int(rng.integers(100, 512)))
    to_int16 = common.chance(rng, 0.3)
    builder = ModelBuilder()
    scale = common.float32(2.0 ** rng.choice([rng.uniform(-8, 1), rng.uniform(-20, 6)]))
    x = builder.tensor(shape, scale=scale, zero_point=common.zero_point(rng))
    if to_int16:
        y = builder.tensor(shape, "INT16", scale=1 / 65536, zero_point=-32768)
    else:
        y = builder.tensor(shape, scale=1 / 256, zero_point=-128)
    beta = float(rng.choice([1.0, 1.0, rng.uniform(0.1, 3)]))
    builder.operator("SOFTMAX", [x], [y], version=3, beta=beta)
    return builder.inputs(x).outputs(y).build()
