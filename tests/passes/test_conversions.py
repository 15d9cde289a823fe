# SPDX-License-Identifier: Apache-2.0
"""DEQUANTIZE and QUANTIZE to the same parameters go; pairs that round or rescale stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare, context, names, stages

_MODELS = 6
_SHAPE = (2, 3, 5)


class _Model:
    """RELU that rescales, the pair of the test, and TANH."""

    def __init__(self, seed: int, dtype: str = "INT8") -> None:
        self.rng = np.random.default_rng([seed, *dtype.encode()])
        self.builder = ModelBuilder()
        self.dtype = dtype
        self.scale = float(np.float32(10.0 ** self.rng.uniform(-3, 0)))
        self.zero_point = 0 if dtype == "INT16" else int(self.rng.integers(-128, 128))
        self.x = self.builder.tensor(_SHAPE, dtype, scale=self.scale * 1.5, zero_point=0)
        self.inner = self.tensor()
        self.builder.operator("RELU", [self.x], [self.inner])

    def tensor(self, dtype: str = "", scale: float = 0.0, zero_point: int | None = None) -> int:
        return self.builder.tensor(
            _SHAPE,
            dtype or self.dtype,
            scale=scale or self.scale,
            zero_point=self.zero_point if zero_point is None else zero_point,
        )

    def build(self, *outputs: int) -> bytes:
        return self.builder.inputs(self.x).outputs(*outputs).build()


def _round_trip(seed: int, dtype: str, *, rescaled: bool = False, kept: bool = False) -> bytes:
    """To float32 and back, perhaps to another scale, perhaps with the float32 an output too."""
    model = _Model(seed, dtype)
    builder = model.builder
    real = builder.tensor(_SHAPE, "FLOAT32")
    back = model.tensor(scale=model.scale * 1.01) if rescaled else model.tensor()
    builder.operator("DEQUANTIZE", [model.inner], [real])
    builder.operator("QUANTIZE", [real], [back])
    last = builder.tensor(
        _SHAPE, dtype, scale=1 / 128 if dtype == "INT8" else 1 / 32768, zero_point=0
    )
    builder.operator("TANH", [back], [last])
    return model.build(last, real) if kept else model.build(last)


def _through_a_reshape(seed: int) -> bytes:
    model = _Model(seed)
    builder = model.builder
    real = builder.tensor(_SHAPE, "FLOAT32")
    flat = builder.tensor((30,), "FLOAT32")
    shape = builder.tensor((1,), "INT32", data=[30])
    back = builder.tensor((30,), scale=model.scale, zero_point=model.zero_point)
    last = builder.tensor((30,), scale=1 / 128, zero_point=0)
    builder.operator("DEQUANTIZE", [model.inner], [real])
    builder.operator("RESHAPE", [real, shape], [flat])
    builder.operator("QUANTIZE", [flat], [back])
    builder.operator("TANH", [back], [last])
    return model.build(last)


def _unsigned(seed: int) -> bytes:
    """int8 to uint8 and back, as at the edges of models of another converter."""
    model = _Model(seed)
    builder = model.builder
    middle = model.tensor("UINT8", zero_point=model.zero_point + 128)
    back = model.tensor()
    last = builder.tensor(_SHAPE, scale=1 / 128, zero_point=0)
    builder.operator("QUANTIZE", [model.inner], [middle])
    builder.operator("QUANTIZE", [middle], [back])
    builder.operator("TANH", [back], [last])
    return model.build(last)


def _rounding(seed: int) -> bytes:
    """QUANTIZE first: what is between two float32 tensors is rounded."""
    builder = ModelBuilder()
    rng = np.random.default_rng(seed)
    x, y, z = (builder.tensor(_SHAPE, "FLOAT32") for _ in range(3))
    q = builder.tensor(_SHAPE, scale=float(rng.uniform(0.001, 0.02)), zero_point=3)
    builder.operator("ABS", [x], [y])
    builder.operator("QUANTIZE", [y], [q])
    builder.operator("DEQUANTIZE", [q], [z])
    return builder.inputs(x).outputs(z).build()


def test_removed(tmp_path: Path) -> None:
    models = [_round_trip(s, dtype) for dtype in ("INT8", "INT16") for s in range(_MODELS)]
    models += [_unsigned(seed) for seed in range(_MODELS)]
    for network in compare(models, tmp_path):
        assert names(network) == ["RELU", "TANH"], context(network)


def test_views_between_stay_views(tmp_path: Path) -> None:
    for network in compare([_through_a_reshape(seed) for seed in range(_MODELS)], tmp_path):
        assert names(network) == ["RELU", "QUANTIZE", "TANH"], context(network)
        assert not any(t.dtype.value == "FLOAT32" for t in network.tensors.values())


def test_a_float_that_others_read_stays(tmp_path: Path) -> None:
    models = [_round_trip(seed, "INT8", kept=True) for seed in range(_MODELS)]
    for network in compare(models, tmp_path):
        assert names(network) == ["RELU", "DEQUANTIZE", "TANH"], context(network)


def test_not_where_it_rounds_or_rescales(tmp_path: Path) -> None:
    models = [_round_trip(seed, "INT8", rescaled=True) for seed in range(_MODELS)]
    models += [_rounding(seed) for seed in range(_MODELS)]
    for network in compare(models, tmp_path):
        assert "conversions" not in stages(network), context(network)
