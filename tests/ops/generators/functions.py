# SPDX-License-Identifier: Apache-2.0
"""Random models of the elementwise operators, one a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tests.ops.generators.rearrange import constant
from tinygen.ir.graph import AnyArray

Scales = tuple[float | None, float | None, float | None]


def operand_shapes(rng: Rng, constant_at: int, ranks: int = 5) -> list[tuple[int, ...]]:
    """Two shapes that broadcast, often the same; a scalar only for a constant."""
    shape = common.shape(rng, 1, ranks, 600)
    if common.chance(rng, 0.4):
        return [shape, shape]
    shapes = []
    for position in range(2):
        part = tuple(1 if common.chance(rng, 0.4) else extent for extent in shape)
        leading = 0
        least = 0 if position == constant_at else 1
        while leading < len(part) - least and part[leading] == 1 and common.chance(rng, 0.5):
            leading += 1
        shapes.append(part[leading:])
    return shapes


def _points(rng: Rng, dtype: str) -> int:
    return common.zero_point(rng) if dtype == "INT8" else 0


def binary(
    rng: Rng,
    opcode: str,
    dtype: str,
    scales: Scales = (None, None, None),
    *,
    rhs_dtype: str = "",
    output_dtype: str = "",
    constant_at: int | None = None,
    data: Callable[[tuple[int, ...]], AnyArray] | None = None,
    ranks: int = 5,
    **options: Any,
) -> bytes:
    """A model of two operands, one of them sometimes a constant."""
    at = int(rng.choice([-1, -1, 0, 1])) if constant_at is None else constant_at
    shapes = operand_shapes(rng, at, ranks)
    dtypes = [dtype, rhs_dtype or dtype]
    builder = ModelBuilder()
    operands = []
    for position, (shape, kind, scale) in enumerate(zip(shapes, dtypes, scales, strict=False)):
        values = None
        if position == at:
            values = data(shape) if data else constant(rng, shape, kind)
        point = _points(rng, kind) if scale is not None else 0
        operands.append(builder.tensor(shape, kind, scale=scale, zero_point=point, data=values))
    target = output_dtype or dtype
    y = builder.tensor(
        np.broadcast_shapes(*shapes),
        target,
        scale=scales[2],
        zero_point=_points(rng, target) if scales[2] is not None else 0,
    )
    builder.operator(opcode, operands, [y], version=2, **options)
    inputs = [index for position, index in enumerate(operands) if position != at]
    return builder.inputs(*inputs).outputs(y).build()


def _sum_scales(rng: Rng, dtype: str) -> Scales:
    if dtype in ("FLOAT32", "INT32"):
        return None, None, None
    lhs = common.scale(rng)
    rhs = common.float32(lhs * 2.0 ** rng.choice([0, rng.uniform(-9, 9)]))
    finer = rng.choice([rng.uniform(-8, 3), rng.uniform(-20, 8)])
    return lhs, rhs, common.float32(max(lhs, rhs) * 2.0**-finer)


def random_sum(opcode: str) -> Callable[[Rng, str], bytes]:
    """ADD or SUB."""

    def generate(rng: Rng, dtype: str) -> bytes:
        # TFLM ignores the activation of an int32 ADD, so that is refused.
        plain = opcode == "ADD" and dtype == "INT32"
        activation = "NONE" if plain else common.activation(rng)
        return binary(
            rng, opcode, dtype, _sum_scales(rng, dtype), fused_activation_function=activation
        )

    return generate


def random_product(rng: Rng, dtype: str) -> bytes:
    """MUL."""
    scales: Scales = (None, None, None)
    if dtype == "INT16":
        lhs, rhs = common.scale(rng), common.scale(rng)
        factor = common.multiplier(rng, 2.0**30, 65536.0)
        scales = (lhs, rhs, common.float32(lhs * rhs / factor))
    return binary(rng, "MUL", dtype, scales, fused_activation_function=common.activation(rng))


def random_quotient(rng: Rng, dtype: str) -> bytes:
    """DIV; an integer divisor is a constant without zeros, which TFLM cannot divide by."""
    activation = common.activation(rng)
    if dtype == "FLOAT32":
        return binary(rng, "DIV", dtype, fused_activation_function=activation)

    def divisors(shape: tuple[int, ...]) -> AnyArray:
        values = constant(rng, shape, dtype)
        return np.where(values == 0, 1, values).astype(values.dtype)

    if dtype == "INT32":
        return binary(
            rng, "DIV", dtype, constant_at=1, data=divisors, fused_activation_function=activation
        )
    lhs, rhs = common.scale(rng), common.scale(rng)
    # Coarser outputs make TFLM shift by more than 31 bits, which C++ leaves undefined.
    output = common.float32(lhs / rhs * 2.0 ** rng.uniform(-12, -6))
    shapes = operand_shapes(rng, 1)
    point = int(rng.choice([-128, 127]))
    values = rng.integers(-127, 127, shapes[1]).astype(np.int8)
    builder = ModelBuilder()
    x = builder.tensor(shapes[0], scale=lhs, zero_point=common.zero_point(rng))
    w = builder.tensor(shapes[1], scale=rhs, zero_point=point, data=values)
    y = builder.tensor(
        np.broadcast_shapes(*shapes), scale=output, zero_point=common.zero_point(rng)
    )
    builder.operator("DIV", [x, w], [y], version=2, fused_activation_function=activation)
    return builder.inputs(x).outputs(y).build()


def random_squared_difference(rng: Rng, dtype: str) -> bytes:
    """SQUARED_DIFFERENCE."""
    if dtype in ("FLOAT32", "INT32"):
        return binary(rng, "SQUARED_DIFFERENCE", dtype)
    lhs = common.scale(rng)
    rhs = common.float32(lhs * 2.0 ** rng.uniform(-3, 3))
    # The difference reaches 2 to the power of 15; with more its square leaves 32 bits.
    finer = rng.uniform(-12, -4) if dtype == "INT8" else rng.uniform(-20, -16)
    output = common.float32(max(lhs, rhs) ** 2 * 2.0**-finer)
    return binary(rng, "SQUARED_DIFFERENCE", dtype, (lhs, rhs, output))


def random_extremum(opcode: str) -> Callable[[Rng, str], bytes]:
    """MAXIMUM or MINIMUM."""

    def generate(rng: Rng, dtype: str) -> bytes:
        scale = 0.5 if dtype in ("INT8", "INT16") else None
        return binary(rng, opcode, dtype, (scale, scale, scale))

    return generate


def random_prelu(rng: Rng, dtype: str) -> bytes:
    """PRELU."""
    if dtype == "FLOAT32":
        return binary(rng, "PRELU", dtype, constant_at=1, ranks=4)
    values, alpha = common.scale(rng), common.scale(rng)
    most = 2.0**24 if dtype == "INT16" else 2.0**16
    output = common.float32(values * alpha / common.multiplier(rng, most, most / 256))
    return binary(
        rng, "PRELU", dtype, (values, alpha, output), rhs_dtype="INT8", constant_at=1, ranks=4
    )


def random_floor_division(opcode: str) -> Callable[[Rng, str], bytes]:
    """FLOOR_DIV or FLOOR_MOD."""

    def generate(rng: Rng, dtype: str) -> bytes:
        # TFLM refuses a divisor of 0 at run time.
        def divisors(shape: tuple[int, ...]) -> AnyArray:
            values = constant(rng, shape, dtype)
            return np.where(values == 0, 1, values).astype(values.dtype)

        return binary(rng, opcode, dtype, constant_at=1, data=divisors)

    return generate


def random_comparison(opcode: str) -> Callable[[Rng, str], bytes]:
    """A comparison."""

    def generate(rng: Rng, dtype: str) -> bytes:
        scales: Scales = (None, None, None)
        if dtype == "INT8":
            lhs = common.scale(rng) * 0.99
            scales = (lhs, lhs * float(rng.choice([1.0, 0.5, rng.uniform(0.1, 1)])), None)
        return binary(rng, opcode, dtype, scales, output_dtype="BOOL")

    return generate


def random_logical(opcode: str) -> Callable[[Rng, str], bytes]:
    """LOGICAL_AND or LOGICAL_OR."""
    return lambda rng, dtype: binary(rng, opcode, dtype)


def random_select_v2(rng: Rng, dtype: str) -> bytes:
    """SELECT_V2 of operands that broadcast."""
    shape = common.shape(rng, 1, 4, 600)
    parts = [shape] * 3
    if common.chance(rng, 0.5):
        parts = [tuple(1 if common.chance(rng, 0.3) else e for e in shape) for _ in range(3)]
    builder = ModelBuilder()
    scale = 0.5 if dtype in ("INT8", "INT16") else None
    c = builder.tensor(parts[0], "BOOL")
    a = builder.tensor(parts[1], dtype, scale=scale)
    values = constant(rng, parts[2], dtype) if common.chance(rng, 0.3) else None
    b = builder.tensor(parts[2], dtype, scale=scale, data=values)
    y = builder.tensor(np.broadcast_shapes(*parts), dtype, scale=scale)
    builder.operator("SELECT_V2", [c, a, b], [y])
    inputs = [c, a] if values is not None else [c, a, b]
    return builder.inputs(*inputs).outputs(y).build()


def unary(
    rng: Rng,
    opcode: str,
    dtype: str,
    scales: tuple[float | None, float | None] = (None, None),
    points: tuple[int, int] = (0, 0),
    **options: Any,
) -> bytes:
    """A model of one operand."""
    shape = common.shape(rng, 1, 5)
    builder = ModelBuilder()
    x = builder.tensor(shape, dtype, scale=scales[0], zero_point=points[0])
    y = builder.tensor(shape, dtype, scale=scales[1], zero_point=points[1])
    builder.operator(opcode, [x], [y], version=2, **options)
    return builder.inputs(x).outputs(y).build()


def random_real_function(opcode: str, factor: float = 1.0) -> Callable[[Rng, str], bytes]:
    """A float32 function of values up to ``factor``, by way of a MUL before it."""

    def generate(rng: Rng, dtype: str) -> bytes:
        shape = common.shape(rng, 1, 4)
        builder = ModelBuilder()
        x, scaled, y = (builder.tensor(shape, dtype) for _ in range(3))
        by = np.array([factor * 10.0 ** rng.uniform(-3, 0)], dtype=np.float32)
        c = builder.tensor((1,), dtype, data=by)
        builder.operator("MUL", [x, c], [scaled])
        builder.operator(opcode, [scaled], [y], version=2)
        return builder.inputs(x).outputs(y).build()

    return generate


def random_rescaled(opcode: str) -> Callable[[Rng, str], bytes]:
    """ABS, RELU, RELU6, ELU, HARD_SWISH or LEAKY_RELU of a quantized type."""

    def generate(rng: Rng, dtype: str) -> bytes:
        options: dict[str, Any] = {}
        if opcode == "LEAKY_RELU":
            options["alpha"] = float(rng.choice([0.1, 0.3, rng.uniform(-1, 2)]))
        if dtype == "FLOAT32":
            return unary(rng, opcode, dtype, **options)
        source = common.scale(rng)
        factor = 1.0 if common.chance(rng, 0.3) else 2.0 ** rng.uniform(-8, 4)
        if opcode == "HARD_SWISH":
            factor = 2.0 ** rng.uniform(-6, 5)
        points = (_points(rng, dtype), _points(rng, dtype))
        return unary(
            rng, opcode, dtype, (source, common.float32(source / factor)), points, **options
        )

    return generate


def random_rsqrt(rng: Rng, dtype: str) -> bytes:
    """RSQRT; an int8 input is nowhere below its zero point."""
    if dtype == "FLOAT32":
        return random_real_function("RSQRT", 100.0)(rng, dtype)
    source = common.scale(rng)
    output = common.float32(2.0 ** rng.uniform(-9, -3) / np.sqrt(source))
    return unary(rng, "RSQRT", dtype, (source, output), (-128, common.zero_point(rng)))


def random_sigmoid(opcode: str) -> Callable[[Rng, str], bytes]:
    """LOGISTIC or TANH."""

    def generate(rng: Rng, dtype: str) -> bytes:
        if dtype == "FLOAT32":
            return random_real_function(opcode, 50.0)(rng, dtype)
        if dtype == "INT16":
            exponent = rng.choice([-12.0, -11.0, rng.uniform(-16, -10)])
            return unary(rng, opcode, dtype, (common.float32(2.0**exponent), 1 / 32768))
        output, point = (1 / 256, -128) if opcode == "LOGISTIC" else (1 / 128, 0)
        scale = common.float32(2.0 ** rng.uniform(-12, 0))
        return unary(rng, opcode, dtype, (scale, output), (common.zero_point(rng), point))

    return generate


def random_plain(opcode: str) -> Callable[[Rng, str], bytes]:
    """An operator of one operand without quantization."""
    return lambda rng, dtype: unary(rng, opcode, dtype)


def random_cast(rng: Rng, dtype: str) -> bytes:
    """CAST to any type; float32 values stay within int8, beyond which C++ is undefined."""
    target = str(rng.choice(["FLOAT32", "INT8", "INT16", "INT32", "UINT32", "BOOL"]))
    shape = common.shape(rng, 1, 5)
    builder = ModelBuilder()
    x = builder.tensor(shape, dtype)
    source, inputs = x, [x]
    if dtype == "FLOAT32":
        source = builder.tensor(shape, dtype)
        by = np.array([100.0], dtype=np.float32)
        opcode = "ABS" if target == "UINT32" else "MUL"
        operands = [x] if opcode == "ABS" else [x, builder.tensor((1,), dtype, data=by)]
        builder.operator(opcode, operands, [source])
    y = builder.tensor(shape, target)
    builder.operator("CAST", [source], [y])
    return builder.inputs(*inputs).outputs(y).build()


_F, _Q, _S, _I, _L, _B = "FLOAT32", "INT8", "INT16", "INT32", "INT64", "BOOL"

TYPED: dict[str, TypedGenerator] = {
    "ADD": (random_sum("ADD"), (_F, _S, _I)),
    "SUB": (random_sum("SUB"), (_F, _Q, _S, _I)),
    "MUL": (random_product, (_F, _S, _I)),
    "DIV": (random_quotient, (_F, _Q, _I)),
    "SQUARED_DIFFERENCE": (random_squared_difference, (_F, _Q, _S, _I)),
    "MAXIMUM": (random_extremum("MAXIMUM"), (_F, _Q, _S, _I, _L)),
    "MINIMUM": (random_extremum("MINIMUM"), (_F, _Q, _S, _I, _L)),
    "PRELU": (random_prelu, (_F, _Q, _S)),
    "FLOOR_DIV": (random_floor_division("FLOOR_DIV"), (_F,)),
    "FLOOR_MOD": (random_floor_division("FLOOR_MOD"), (_F,)),
    **{
        opcode: (random_comparison(opcode), (_F, _Q, _I, _L, _B))
        for opcode in ("EQUAL", "NOT_EQUAL")
    },
    **{
        opcode: (random_comparison(opcode), (_F, _Q, _I, _L))
        for opcode in ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    },
    "LOGICAL_AND": (random_logical("LOGICAL_AND"), (_B,)),
    "LOGICAL_OR": (random_logical("LOGICAL_OR"), (_B,)),
    "LOGICAL_NOT": (random_plain("LOGICAL_NOT"), (_B,)),
    "SELECT_V2": (random_select_v2, (_F, _Q, _S)),
    "CAST": (random_cast, (_F, _Q, _S, _I, "UINT32", _B)),
    "NEG": (random_plain("NEG"), (_F,)),
    "SQUARE": (random_plain("SQUARE"), (_F,)),
    "SQRT": (random_real_function("SQRT", 100.0), (_F,)),
    "FLOOR": (random_real_function("FLOOR", 100.0), (_F,)),
    "CEIL": (random_real_function("CEIL", 100.0), (_F,)),
    "ROUND": (random_real_function("ROUND", 100.0), (_F,)),
    "EXP": (random_real_function("EXP", 100.0), (_F,)),
    "LOG": (random_real_function("LOG", 1e6), (_F,)),
    "SIN": (random_real_function("SIN", 1e3), (_F,)),
    "COS": (random_real_function("COS", 1e3), (_F,)),
    "RELU": (random_rescaled("RELU"), (_F, _S)),
    "RELU6": (random_rescaled("RELU6"), (_F, _S)),
    "ABS": (random_rescaled("ABS"), (_F, _Q, _S)),
    "ELU": (random_rescaled("ELU"), (_F, _Q)),
    "HARD_SWISH": (random_rescaled("HARD_SWISH"), (_F, _Q)),
    "LEAKY_RELU": (random_rescaled("LEAKY_RELU"), (_F, _Q, _S)),
    "RSQRT": (random_rsqrt, (_F, _Q)),
    "LOGISTIC": (random_sigmoid("LOGISTIC"), (_F, _Q, _S)),
    "TANH": (random_sigmoid("TANH"), (_F, _Q, _S)),
}
"""For each operator its generator and the types it takes."""
