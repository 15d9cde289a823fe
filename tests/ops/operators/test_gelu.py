# SPDX-License-Identifier: Apache-2.0
"""GELU: random models, for ``tests/kernels/test_typed_models.py``, its bits, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import run_litert
from tests.ops.comparison import lower_bytes
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tinygen.errors import InputError
from tinygen.ir import reference


def random_gelu(rng: Rng, dtype: str) -> bytes:
    """GELU, exact or not; of float32 over [-8, 8)."""
    shape = common.shape(rng, 1, 4)
    builder = ModelBuilder()
    approximate = common.chance(rng, 0.5)
    if dtype == "FLOAT32":
        x, wide, y = (builder.tensor(shape, dtype) for _ in range(3))
        eight = builder.tensor((1,), dtype, data=np.array([8], np.float32))
        builder.operator("MUL", [x, eight], [wide], fused_activation_function="NONE")
        builder.operator("GELU", [wide], [y], approximate=approximate)
        return builder.inputs(x).outputs(y).build()
    points = [common.zero_point(rng) if dtype == "INT8" else 0 for _ in range(2)]
    x, y = (
        builder.tensor(shape, dtype, scale=common.scale(rng), zero_point=point) for point in points
    )
    builder.operator("GELU", [x], [y], approximate=approximate)
    return builder.inputs(x).outputs(y).build()


TYPED: dict[str, TypedGenerator] = {"GELU": (random_gelu, ("FLOAT32", "INT16", "INT8"))}
LITERT = ("GELU",)


def _model(
    dtype: str,
    count: int = 8,
    scale: float | None = None,
    zero_point: int = 0,
    approximate: bool = False,
) -> bytes:
    builder = ModelBuilder()
    x, y = (builder.tensor((count,), dtype, scale=scale, zero_point=zero_point) for _ in range(2))
    builder.operator("GELU", [x], [y], approximate=approximate)
    return builder.inputs(x).outputs(y).build()


def test_exact_form_is_within_two_ulp_of_the_real_function() -> None:
    """The factor erfc(-x / √2) of single precision, by Python's double precision."""
    values = np.linspace(-12, 12, 4001, dtype=np.float32)
    (result,) = reference.outputs(lower_bytes(_model("FLOAT32", count=4001)), [values])
    inner = values * np.float32(-0.70710678)
    factors = np.array([math.erfc(float(one)) for one in inner]).astype(np.float32)
    apart = np.abs(result - np.float32(0.5) * values * factors)
    assert (apart <= 2 * np.spacing(np.abs(result))).all()


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("scale", [0.01, 0.05, 0.7])
def test_every_int8_value_equals_litert(scale: float, approximate: bool) -> None:
    model = _model("INT8", 256, scale, -17, approximate)
    values = [np.arange(-128, 128).astype(np.int8)]
    (expected,) = run_litert(model, values)
    np.testing.assert_array_equal(reference.outputs(lower_bytes(model), values)[0], expected)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "reason"),
    [
        ("INT32", None, 0, "this needs INT8"),
        ("INT16", 0.1, 3, "a zero point other than 0"),
    ],
)
def test_refused_in_words(dtype: str, scale: float | None, zero_point: int, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        lower_bytes(_model(dtype, 8, scale, zero_point))
