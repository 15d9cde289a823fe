# SPDX-License-Identifier: Apache-2.0
"""A TRANSPOSE of a TRANSPOSE is one, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare, context, names

_MODELS = 12


def _model(
    seed: int, *, undone: bool = False, shared: bool = False, same_constant: bool = False
) -> bytes:
    rng = np.random.default_rng(seed)
    builder = ModelBuilder()
    rank = int(rng.integers(2, 5))
    shape = tuple(int(e) for e in rng.integers(2, 6, rank))
    dtype = str(rng.choice(["INT8", "FLOAT32", "INT16"]))
    kind: dict[str, Any] = {} if dtype == "FLOAT32" else {"scale": 0.1}
    first = rng.permutation(rank)
    while (first == np.arange(rank)).all():
        first = rng.permutation(rank)
    second = np.argsort(first)
    while not undone and (first[second] == np.arange(rank)).all():
        second = rng.permutation(rank)
    if same_constant:
        first = second = np.arange(rank)[::-1]
    middle = tuple(shape[axis] for axis in first)
    final = tuple(middle[axis] for axis in second)
    x, a = (builder.tensor(shape, dtype, **kind) for _ in range(2))
    b = builder.tensor(middle, dtype, **kind)
    c, y = (builder.tensor(final, dtype, **kind) for _ in range(2))
    p = builder.tensor((rank,), "INT32", data=first)
    q = p if same_constant else builder.tensor((rank,), "INT32", data=second)
    builder.operator("ABS", [x], [a])
    builder.operator("TRANSPOSE", [a, p], [b])
    builder.operator("TRANSPOSE", [b, q], [c])
    builder.operator("ABS", [c], [y])
    return builder.inputs(x).outputs(*([y, b] if shared else [y])).build()


def test_two_become_one(tmp_path: Path) -> None:
    for network in compare([_model(seed) for seed in range(_MODELS)], tmp_path):
        assert names(network) in (
            ["ABS", "TRANSPOSE+TRANSPOSE", "ABS"],
            ["ABS", "TRANSPOSE", "ABS"],  # the second permutation was none
        ), context(network)


def test_two_that_undo_each_other_go(tmp_path: Path) -> None:
    models = [_model(seed, undone=True) for seed in range(_MODELS)]
    models += [_model(seed, same_constant=True) for seed in range(_MODELS)]
    for network in compare(models, tmp_path):
        assert names(network) == ["ABS", "ABS"], context(network)


def test_what_others_read_between_stays(tmp_path: Path) -> None:
    undone = [_model(seed, undone=True, shared=True) for seed in range(_MODELS)]
    for network in compare(undone, tmp_path / "undone"):
        assert names(network) == ["ABS", "TRANSPOSE", "ABS"], context(network)
    for network in compare(
        [_model(seed, shared=True) for seed in range(_MODELS)], tmp_path / "other"
    ):
        assert not any("+" in name for name in names(network)), context(network)
