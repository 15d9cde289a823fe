# SPDX-License-Identifier: Apache-2.0
"""Random ADD_N and CUMSUM models, and int16 SOFTMAX."""

from __future__ import annotations

from collections.abc import Callable

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator


def _quantization(rng: Rng, dtype: str) -> tuple[float | None, float | None, int, int]:
    if dtype != "INT8":
        return None, None, 0, 0
    source = common.scale(rng)
    output = common.float32(source * 2.0 ** rng.uniform(-2, 6))
    return source, output, common.zero_point(rng), common.zero_point(rng)


def random_add_n(rng: Rng, dtype: str) -> bytes:
    """ADD_N of 2 to 5 tensors."""
    shape = common.shape(rng, 1, 4, 400)
    source, output, point, output_point = _quantization(rng, dtype)
    builder = ModelBuilder()
    terms = [
        builder.tensor(shape, dtype, scale=source, zero_point=point)
        for _ in range(int(rng.integers(2, 6)))
    ]
    y = builder.tensor(shape, dtype, scale=output, zero_point=output_point)
    builder.operator("ADD_N", terms, [y])
    return builder.inputs(*terms).outputs(y).build()


def random_cumsum(rng: Rng, dtype: str) -> bytes:
    """CUMSUM along any axis, both ways, with and without the element itself."""
    shape = common.shape(rng, 1, 4)
    axis = int(rng.integers(-len(shape), len(shape)))
    source, output, point, output_point = _quantization(rng, dtype)
    builder = ModelBuilder()
    x = builder.tensor(shape, dtype, scale=source, zero_point=point)
    a = builder.tensor((1,), "INT32", data=[axis])
    y = builder.tensor(shape, dtype, scale=output, zero_point=output_point)
    builder.operator(
        "CUMSUM", [x, a], [y], reverse=common.chance(rng, 0.5), exclusive=common.chance(rng, 0.5)
    )
    return builder.inputs(x).outputs(y).build()


def random_softmax(wide: Callable[[Rng, str], bytes]) -> Callable[[Rng, str], bytes]:
    """SOFTMAX of int16; ``wide`` makes those of other types."""

    def generate(rng: Rng, dtype: str) -> bytes:
        if dtype != "INT16":
            return wide(rng, dtype)
        shape = common.shape(rng, 1, 4)
        builder = ModelBuilder()
        x = builder.tensor(shape, dtype, scale=common.float32(2.0 ** rng.uniform(-16, -8)))
        y = builder.tensor(shape, dtype, scale=1 / 32768)
        beta = float(rng.choice([1.0, rng.uniform(0.1, 3)]))
        builder.operator("SOFTMAX", [x], [y], beta=beta)
        return builder.inputs(x).outputs(y).build()

    return generate


TYPED: dict[str, TypedGenerator] = {
    "ADD_N": (random_add_n, ("FLOAT32", "INT8")),
    "CUMSUM": (random_cumsum, ("FLOAT32", "INT8")),
}
"""For each operator its generator and the types it takes."""
