# SPDX-License-Identifier: Apache-2.0
"""STRIDED_SLICE with an ellipsis, new axes, or entries for the first axes only, against LiteRT.

TFLM ignores these options; what it does have is in the random models of ``generators/rearrange.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import run_litert
from tests.ops.comparison import lower_bytes
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir import reference

_MODELS = 40


def _model(
    shape: tuple[int, ...],
    output: tuple[int, ...],
    entries: tuple[list[int], list[int], list[int]],
    **options: Any,
) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor(shape, scale=0.5, name="image")
    indices = [builder.tensor((len(v),), "INT32", data=np.array(v, np.int32)) for v in entries]
    y = builder.tensor(output, scale=0.5)
    builder.operator("STRIDED_SLICE", [x, *indices], [y], version=4, **options)
    return builder.inputs(x).outputs(y).build()


def _random_model(rng: Rng) -> bytes:
    shape = common.shape(rng, 1, 4, 600)
    named = int(rng.integers(0, len(shape) + 1))
    kinds = ["axis"] * named + ["new"] * int(rng.integers(0, 3))
    rng.shuffle(kinds)
    if named < len(shape) and common.chance(rng, 0.8):
        kinds.insert(int(rng.integers(0, len(kinds) + 1)), "ellipsis")
    place = 0
    begins, ends, strides = [], [], []
    where: list[Any] = []
    masks = dict.fromkeys(("ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "end_mask"), 0)
    for bit, kind in enumerate(kinds):
        begin, end, stride = 0, 0, 1
        if kind == "ellipsis":
            masks["ellipsis_mask"] |= 1 << bit
            where.append(Ellipsis)
            place += len(shape) - named
        elif kind == "new":
            masks["new_axis_mask"] |= 1 << bit
            where.append(None)
        else:
            begin = int(rng.integers(shape[place]))
            if common.chance(rng, 0.2):
                masks["shrink_axis_mask"] |= 1 << bit
                where.append(begin)
                end = begin + 1
            else:
                masks["end_mask"] |= 1 << bit
                stride = int(rng.choice([1, 2, -1]))
                where.append(slice(begin, None, stride))
            place += 1
        begins.append(begin)
        ends.append(end)
        strides.append(stride)
    output = np.zeros(shape)[tuple(where)].shape
    if not kinds or not output or len(output) > 5:
        return _random_model(rng)
    return _model(shape, output, (begins, ends, strides), **masks)


@pytest.mark.parametrize("seed", range(_MODELS))
def test_ellipses_and_new_axes_equal_litert(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = _random_model(rng)
    network = lower_bytes(model)
    shape = network.tensors[network.inputs[0]].shape
    sample = [rng.integers(-128, 128, shape).astype(np.int8)]
    (expected,) = run_litert(model, sample)
    (got,) = reference.outputs(network, sample)
    assert got.shape == expected.shape
    assert np.array_equal(got, expected)


def test_an_ellipsis_of_no_axis_is_refused() -> None:
    # LiteRT gives other values than TensorFlow here, or crashes.
    entries = ([0, 0, 0], [0, 2, 3], [1, 1, 1])
    with pytest.raises(UnsupportedError, match="ellipsis_mask stands for no axis"):
        lower_bytes(_model((2, 3), (2, 3), entries, ellipsis_mask=1))


@pytest.mark.parametrize(
    ("entries", "options", "message"),
    [
        (([0, 0], [1, 1], [1, 1]), {"ellipsis_mask": 3}, "ellipsis_mask 0b11"),
        (([0] * 4, [1] * 4, [1] * 4), {"new_axis_mask": 1}, "new_axis_mask 0b1.*'image'"),
    ],
)
def test_contradictions_name_the_option(
    entries: tuple[list[int], list[int], list[int]], options: dict[str, int], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        lower_bytes(_model((2, 3), (2, 3), entries, **options))
