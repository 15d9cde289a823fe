# SPDX-License-Identifier: Apache-2.0
"""Random IF and WHILE models: subgraphs of a few operators, constants, and operands passed through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tinygen.ir.graph import AnyArray

_QUANTIZED = {"INT8": 0.05, "INT16": 0.0005}


def _tensor(
    builder: ModelBuilder, shape: Sequence[int], dtype: str, data: AnyArray | None = None
) -> int:
    point = 3 if dtype == "INT8" else 0
    return builder.tensor(shape, dtype, scale=_QUANTIZED.get(dtype), zero_point=point, data=data)


def _values(rng: Rng, shape: tuple[int, ...], dtype: str) -> AnyArray:
    if dtype == "FLOAT32":
        return rng.uniform(-1, 1, shape).astype(np.float32)
    if dtype == "INT32":
        return rng.integers(-1000, 1000, shape).astype(np.int32)
    return common.values(rng, shape, dtype)


def _steps(
    builder: ModelBuilder, rng: Rng, source: int, shape: tuple[int, ...], dtype: str, most: int
) -> int:
    """Up to ``most`` operators in a row; the last one's output."""
    for _ in range(int(rng.integers(0, most + 1))):
        result = _tensor(builder, shape, dtype)
        kind = rng.random()
        if kind < 0.2:
            other = builder.tensor((len(shape),), "INT32", data=np.array(shape, np.int32))
            builder.operator("RESHAPE", [source, other], [result], new_shape=shape)
        elif kind < 0.5 and dtype != "INT32":
            builder.operator("RELU", [source], [result])
        else:
            other = _tensor(builder, shape, dtype, _values(rng, shape, dtype))
            builder.operator(str(rng.choice(["ADD", "SUB"])), [source, other], [result])
        source = result
    return source


def random_if(rng: Rng, dtype: str) -> bytes:
    """An IF of one to three operands, some of them constants, and one to three outputs."""
    shapes = [common.shape(rng, 1, 4, 60) for _ in range(int(rng.integers(1, 4)))]
    builder = ModelBuilder()
    condition = builder.tensor((1,) if common.chance(rng, 0.5) else (), "BOOL")
    operands = [
        _tensor(
            builder, s, dtype, _values(rng, s, dtype) if i and common.chance(rng, 0.3) else None
        )
        for i, s in enumerate(shapes)
    ]
    picked = [int(rng.integers(len(shapes))) for _ in range(int(rng.integers(1, 4)))]
    outputs = [_tensor(builder, shapes[i], dtype) for i in picked]
    builder.operator(
        "IF", [condition, *operands], outputs, then_subgraph_index=1, else_subgraph_index=2
    )
    constant = [builder.model.subgraphs[0].tensors[o].buffer != 0 for o in operands]
    builder.inputs(condition, *(o for o, c in zip(operands, constant, strict=True) if not c))
    builder.outputs(*outputs)
    for name in ("then", "else"):
        builder.subgraph(name)
        inner = [_tensor(builder, s, dtype) for s in shapes]
        results = []
        for i in picked:
            if common.chance(rng, 0.2):
                results.append(_tensor(builder, shapes[i], dtype, _values(rng, shapes[i], dtype)))
            else:
                results.append(_steps(builder, rng, inner[i], shapes[i], dtype, 3))
        builder.inputs(*inner).outputs(*results)
    return builder.build()


def _condition(builder: ModelBuilder, rng: Rng, counter: int, limit: int) -> int:
    """The counter is below the limit, said in one of several ways."""
    holds = builder.tensor((1,), "BOOL")
    bound = builder.tensor((1,), "INT32", data=[limit])
    last = builder.tensor((1,), "INT32", data=[limit - 1])
    kind = rng.random()
    if kind < 0.5:
        builder.operator("LESS", [counter, bound], [holds])
    elif kind < 0.7:
        builder.operator("LESS_EQUAL", [counter, last], [holds])
    elif kind < 0.85:
        builder.operator("GREATER", [bound, counter], [holds])
    else:
        both, also = builder.tensor((1,), "BOOL"), builder.tensor((1,), "BOOL")
        builder.operator("GREATER_EQUAL", [last, counter], [holds])
        builder.operator("NOT_EQUAL", [counter, bound], [also])
        builder.operator("LOGICAL_AND", [holds, also], [both])
        return both
    return holds


def random_while(rng: Rng, dtype: str) -> bytes:
    """A WHILE that counts, over data that changes every turn and data that does not."""
    shape, kept_shape = common.shape(rng, 1, 3, 40), common.shape(rng, 1, 2, 20)
    start, limit = int(rng.integers(-3, 4)), int(rng.integers(-3, 9))
    builder = ModelBuilder()
    counter = builder.tensor((1,), "INT32", data=[start])
    data, kept = _tensor(builder, shape, dtype), _tensor(builder, kept_shape, dtype)
    outputs = [
        builder.tensor((1,), "INT32"),
        _tensor(builder, shape, dtype),
        _tensor(builder, kept_shape, dtype),
    ]
    builder.operator(
        "WHILE", [counter, data, kept], outputs, cond_subgraph_index=1, body_subgraph_index=2
    )
    builder.inputs(data, kept).outputs(*outputs)

    def carried() -> list[int]:
        return [
            builder.tensor((1,), "INT32"),
            _tensor(builder, shape, dtype),
            _tensor(builder, kept_shape, dtype),
        ]

    builder.subgraph("condition")
    inner = carried()
    builder.inputs(*inner).outputs(_condition(builder, rng, inner[0], limit))
    builder.subgraph("body")
    inner = carried()
    step = builder.tensor((1,), "INT32", data=[int(rng.integers(1, 4))])
    after = builder.tensor((1,), "INT32")
    builder.operator("ADD", [inner[0], step], [after])
    changed = _steps(builder, rng, inner[1], shape, dtype, 3)
    builder.inputs(*inner).outputs(after, changed, inner[2])
    return builder.build()


_TYPES = ("FLOAT32", "INT16", "INT32", "INT8")

TYPED: Mapping[str, TypedGenerator] = {
    "IF": (random_if, _TYPES),
    "WHILE": (random_while, _TYPES),
}
"""The generators of this file, with the types of their data."""
