# SPDX-License-Identifier: Apache-2.0
"""TILE: random models, for ``tests/kernels/test_typed_models.py``, and what is refused."""

from __future__ import annotations

import pytest

from tests.models.builder import ModelBuilder
from tests.ops.comparison import lower_bytes
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tests.ops.generators.rearrange import tensor
from tinygen.errors import InputError
from tinygen.ops.strided import Move


def _model(
    shape: tuple[int, ...], multiples: list[int], dtype: str = "INT8", kind: str = "INT32"
) -> bytes:
    builder = ModelBuilder()
    x = tensor(builder, shape, dtype)
    m = builder.tensor((len(multiples),), kind, data=multiples)
    y = tensor(builder, tuple(a * b for a, b in zip(shape, multiples, strict=False)), dtype)
    builder.operator("TILE", [x, m], [y])
    return builder.inputs(x).outputs(y).build()


def random_tile(rng: Rng, dtype: str) -> bytes:
    """TILE of up to 5 dimensions."""
    shape = common.shape(rng, 1, 5, 60)
    multiples = [int(count) for count in rng.integers(1, 4, len(shape))]
    return _model(shape, multiples, dtype, str(rng.choice(["INT32", "INT64"])))


TYPED: dict[str, TypedGenerator] = {
    "TILE": (
        random_tile,
        ("BOOL", "FLOAT32", "INT16", "INT32", "INT64", "INT8", "UINT32", "UINT8"),
    )
}
LITERT = ("TILE",)


def test_loops_that_merge_are_one_copy() -> None:
    (layer,) = lower_bytes(_model((2, 3, 4), [2, 1, 1])).layers
    assert isinstance(layer, Move)
    (copy,) = layer.copies
    assert copy.extents == (2, 24)


@pytest.mark.parametrize(
    ("shape", "multiples", "reason"),
    [
        ((2, 3), [2, 0], "holds no elements"),
        ((2, 3), [2], "no multiples of 2 dimensions"),
        ((2,) * 5, [3] * 5, "repeats 5 dimensions"),
    ],
)
def test_refused_in_words(shape: tuple[int, ...], multiples: list[int], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        lower_bytes(_model(shape, multiples))
