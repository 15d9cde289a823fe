# SPDX-License-Identifier: Apache-2.0
"""Random models of operators that keep a state: LSTM, SVDF, variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tests.ops.generators.signal import options
from tinygen.ir.graph import AnyArray


def _weights(rng: Rng, shape: tuple[int, ...], dtype: str) -> AnyArray:
    if dtype == "FLOAT32":
        return rng.uniform(-1, 1, shape).astype(np.float32)
    return rng.integers(-127, 128, shape).astype(dtype.lower())


def random_lstm(rng: Rng, dtype: str, end: tuple[int, int, int] = (6, 9, 9)) -> bytes:
    """One sequence, either dimension first, with and without a clip of the cell.

    Steps, depth and units are below ``end``.
    """
    steps, depth, units = (int(rng.integers(1, most)) for most in end)
    quantized = dtype != "FLOAT32"
    weight = "INT8" if quantized else "FLOAT32"
    levels = 256.0 if dtype == "INT8" else 65536.0
    source = common.float32(rng.uniform(2, 10) / levels)
    hidden_scale = common.float32(rng.uniform(1.5, 3) / levels)
    cell_scale = 2.0 ** int(rng.integers(-13, -9))
    point = common.zero_point(rng) if dtype == "INT8" else 0
    hidden_point = int(rng.integers(-20, 20)) if dtype == "INT8" else 0

    def scale(value: float) -> float | None:
        return value if quantized else None

    builder = ModelBuilder()
    time_major = common.chance(rng, 0.5)
    front = (steps, 1) if time_major else (1, steps)
    x = builder.tensor((*front, depth), dtype, scale=scale(source), zero_point=point)
    matrices: list[int] = []
    biases: list[int] = []
    for size, of in ((depth, source), (units, hidden_scale)):
        for _ in range(4):
            factor = common.float32(rng.uniform(0.001, 0.02))
            data = _weights(rng, (units, size), weight)
            matrices.append(builder.tensor((units, size), weight, scale=scale(factor), data=data))
            if of == source and len(biases) < 4:
                kind = {"FLOAT32": "FLOAT32", "INT8": "INT32", "INT16": "INT64"}[dtype]
                most = 4.0 / (source * factor)
                values = rng.uniform(-1, 1, units) * (most if quantized else 1.0)
                typed = values.astype(kind.lower())
                bias_scale = scale(common.float32(source * factor))
                biases.append(builder.tensor((units,), kind, scale=bias_scale, data=typed))
    hidden = builder.tensor(
        (1, units), dtype, scale=scale(hidden_scale), zero_point=hidden_point, variable=True
    )
    cell = builder.tensor(
        (1, units), "INT16" if quantized else "FLOAT32", scale=scale(cell_scale), variable=True
    )
    y = builder.tensor((*front, units), dtype, scale=scale(hidden_scale), zero_point=hidden_point)
    inputs = [x, *matrices, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1]
    builder.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        [y],
        fused_activation_function="TANH",
        cell_clip=float(rng.choice([0.0, 0.0, 0.5, 1.0])),
        time_major=time_major,
    )
    return builder.inputs(x).outputs(y).build()


def random_svdf(
    rng: Rng, dtype: str, end: tuple[int, int, int, int, int] = (4, 9, 5, 4, 7)
) -> bytes:
    """Any rank, batch and memory; an int8 one has a state of int8 or of int16.

    Batches, inputs, units, rank and memory are below ``end``.
    """
    batches, size, units, rank, memory = (int(rng.integers(1, most)) for most in end)
    filters = units * rank
    quantized = dtype == "INT8"
    state = str(rng.choice(["INT8", "INT16"])) if quantized else "FLOAT32"
    levels = 256.0 if state == "INT8" else 65536.0
    scales = {
        "input": common.float32(rng.uniform(0.01, 0.2)),
        "features": common.float32(rng.uniform(0.005, 0.03)),
        "times": common.float32(rng.uniform(0.005, 0.03) * (1 if state == "INT8" else 1 / 256)),
        "state": common.float32(rng.uniform(4, 40) / levels),
        "output": common.float32(rng.uniform(0.02, 0.3)),
    }
    point = common.zero_point(rng) if quantized else 0

    def scale(name: str) -> float | None:
        return scales[name] if quantized else None

    builder = ModelBuilder()
    x = builder.tensor((batches, size), dtype, scale=scale("input"), zero_point=point)
    features = builder.tensor(
        (filters, size), dtype, scale=scale("features"), data=_weights(rng, (filters, size), dtype)
    )
    times = builder.tensor(
        (filters, memory),
        state,
        scale=scale("times"),
        data=_weights(rng, (filters, memory), state),
    )
    bias_scale = float(np.float32(scales["state"]) * np.float32(scales["times"]))
    bias = builder.tensor(
        (units,),
        "INT32" if quantized else "FLOAT32",
        scale=bias_scale if quantized else None,
        data=(
            (rng.uniform(-2, 2, units) / bias_scale).astype(np.int32)
            if quantized
            else _weights(rng, (units,), "FLOAT32")
        ),
    )
    kept = builder.tensor(
        (batches, filters * memory),
        state,
        scale=scale("state"),
        zero_point=int(rng.integers(-10, 10)) if state == "INT8" else 0,
        variable=True,
    )
    y = builder.tensor(
        (batches, units),
        dtype,
        scale=scale("output"),
        zero_point=common.zero_point(rng) if quantized else 0,
    )
    activation = "RELU" if quantized or common.chance(rng, 0.5) else "NONE"
    builder.operator(
        "SVDF",
        [x, features, times, bias, kept],
        [y],
        version=3,
        rank=rank,
        fused_activation_function=activation,
    )
    return builder.inputs(x).outputs(y).build()


def random_variable(rng: Rng, dtype: str) -> bytes:
    """The value of the call before: read, then assigned; sometimes with a first value."""
    shape = common.shape(rng, 0, 4, 200)
    builder = ModelBuilder()
    quantization: dict[str, Any] = {}
    if dtype == "INT8" and common.chance(rng, 0.5):
        quantization = {"scale": common.scale(rng), "zero_point": common.zero_point(rng)}
    x, handle = builder.tensor(shape, dtype, **quantization), builder.tensor((), "RESOURCE")
    y = builder.tensor(shape, dtype, **quantization)
    initialized = common.chance(rng, 0.5)
    if initialized:
        builder.operator("CALL_ONCE", [], [], init_subgraph_index=1)
    builder.operator("VAR_HANDLE", [], [handle], container="c", shared_name="v")
    builder.operator("READ_VARIABLE", [handle], [y])
    builder.operator("ASSIGN_VARIABLE", [handle, x], [])
    builder.inputs(x).outputs(y)
    if initialized:
        builder.subgraph("first")
        handle = builder.tensor((), "RESOURCE")
        kind = np.dtype(dtype.lower())
        numbers = rng.integers(0, 100, shape).astype(kind)
        value = builder.tensor(shape, dtype, data=numbers, **quantization)
        builder.operator("VAR_HANDLE", [], [handle], container="c", shared_name="v")
        builder.operator("ASSIGN_VARIABLE", [handle, value], [])
        builder.inputs().outputs()
    return builder.build()


def random_circular_buffer(rng: Rng, dtype: str) -> bytes:
    """The latest inputs, and what follows from them every period."""
    slots, wide, depth = (int(rng.integers(1, most)) for most in (8, 4, 9))
    period = int(rng.choice([1, 1, 2, 3]))
    scale, point = common.scale(rng), common.zero_point(rng)
    builder = ModelBuilder()
    x = builder.tensor((1, 1, wide, depth), dtype, scale=scale, zero_point=point)
    kept = builder.tensor(
        (1, slots, wide, depth), dtype, scale=scale, zero_point=point, variable=True
    )
    packed = options(cycles_max=period)
    builder.custom("CIRCULAR_BUFFER", [x], [kept], custom_options=packed)
    if period == 1:
        return builder.inputs(x).outputs(kept).build()
    # TFLM's arena does not keep an output where a run ended early, and the oracle sees only runs that
    # went through: nothing is behind the buffer but a copy.
    y = builder.tensor((1, slots, wide, depth), dtype, scale=scale, zero_point=point)
    builder.operator("RELU", [kept], [y])
    return builder.inputs(x).outputs(y).build()


_LSTM_TYPES = ("FLOAT32", "INT16", "INT8")
_VARIABLE_TYPES = ("FLOAT32", "INT16", "INT32", "INT64", "INT8", "UINT8")

TYPED: Mapping[str, TypedGenerator] = {
    "CIRCULAR_BUFFER": (random_circular_buffer, ("INT8",)),
    "ASSIGN_VARIABLE": (random_variable, _VARIABLE_TYPES),
    "READ_VARIABLE": (random_variable, _VARIABLE_TYPES),
    "SVDF": (random_svdf, ("FLOAT32", "INT8")),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (random_lstm, _LSTM_TYPES),
}
"""The generators of this file, with the types of their data."""
