# SPDX-License-Identifier: Apache-2.0
"""Random models of the operators that pick by index, and of the resizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tests.ops.generators.rearrange import tensor


def random_gather(rng: Rng, dtype: str) -> bytes:
    """GATHER along any axis, with batch dimensions."""
    shape = common.shape(rng, 1, 4, 300)
    axis = int(rng.integers(len(shape)))
    batch = int(rng.integers(axis + 1)) if common.chance(rng, 0.4) else 0
    picked = tuple(common.extent(rng, 5) for _ in range(int(rng.integers(1, 3))))
    indices = rng.integers(0, shape[axis], shape[:batch] + picked).astype(np.int32)
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    i = builder.tensor(indices.shape, "INT32", data=indices)
    y = tensor(builder, shape[:axis] + picked + shape[axis + 1 :], dtype)
    named = axis - len(shape) if common.chance(rng, 0.3) else axis
    builder.operator("GATHER", [x, i], [y], axis=named, batch_dims=batch)
    return builder.inputs(x).outputs(y).build()


def random_gather_nd(rng: Rng, dtype: str) -> bytes:
    """GATHER_ND."""
    shape = common.shape(rng, 1, 4, 300)
    depth = int(rng.integers(1, len(shape) + 1))
    picked = tuple(common.extent(rng, 5) for _ in range(int(rng.integers(1, 3))))
    tuples = [rng.integers(0, shape[k], picked) for k in range(depth)]
    indices = np.stack(tuples, axis=-1).astype(np.int32)
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    i = builder.tensor(indices.shape, "INT32", data=indices)
    y = tensor(builder, picked + shape[depth:], dtype)
    builder.operator("GATHER_ND", [x, i], [y])
    return builder.inputs(x).outputs(y).build()


def random_embedding_lookup(rng: Rng, dtype: str) -> bytes:
    """EMBEDDING_LOOKUP of a computed table by constant rows; an int8 table may become float32."""
    shape = common.shape(rng, 2, 4, 300)
    rows = rng.integers(0, shape[0], common.extent(rng, 8)).astype(np.int32)
    builder = ModelBuilder()
    i = builder.tensor(rows.shape, "INT32", data=rows)
    x = tensor(builder, shape, dtype)
    if dtype == "INT8" and common.chance(rng, 0.5):
        x = builder.tensor(shape, dtype, scale=common.scale(rng))
        y = builder.tensor(rows.shape + shape[1:], "FLOAT32")
    else:
        y = tensor(builder, rows.shape + shape[1:], dtype)
    builder.operator("EMBEDDING_LOOKUP", [i, x], [y])
    return builder.inputs(x).outputs(y).build()


def random_resize(opcode: str) -> Callable[[Rng, str], bytes]:
    """A resize with its options."""

    def generate(rng: Rng, dtype: str) -> bytes:
        n, h, w, c, rows, columns = (common.extent(rng, most) for most in (2, 8, 8, 5, 11, 11))
        align = common.chance(rng, 0.4)
        half = common.chance(rng, 0.4) and not align
        builder = ModelBuilder()
        x = tensor(builder, (n, h, w, c), dtype)
        s = builder.tensor((2,), "INT32", data=[rows, columns])
        y = tensor(builder, (n, rows, columns, c), dtype)
        builder.operator(
            opcode, [x, s], [y], version=3, align_corners=align, half_pixel_centers=half
        )
        return builder.inputs(x).outputs(y).build()

    return generate


TYPED: dict[str, TypedGenerator] = {
    "GATHER": (random_gather, ("FLOAT32", "INT8")),
    "GATHER_ND": (random_gather_nd, ("FLOAT32", "INT8")),
    "EMBEDDING_LOOKUP": (random_embedding_lookup, ("FLOAT32", "INT8")),
    "RESIZE_BILINEAR": (random_resize("RESIZE_BILINEAR"), ("FLOAT32", "INT8")),
    "RESIZE_NEAREST_NEIGHBOR": (
        random_resize("RESIZE_NEAREST_NEIGHBOR"),
        ("FLOAT32", "INT8", "INT16"),
    ),
}
"""For each operator its generator and the types it takes."""
