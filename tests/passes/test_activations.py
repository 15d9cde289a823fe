# SPDX-License-Identifier: Apache-2.0
"""RELU and RELU6 go into their producer where its clamp can say the same, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare, context, names, stages

_MODELS = 4
_SHAPE = (1, 5, 6, 4)


@dataclass(frozen=True)
class _Options:
    dtype: str = "INT8"
    fused: str = "NONE"
    rescales: bool = False
    shared: bool = False
    is_output: bool = False


def _quantized(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
    if dtype == "FLOAT32":
        return {}
    point = 0 if dtype == "INT16" else int(rng.integers(-128, 128))
    return {"scale": float(np.float32(10.0 ** rng.uniform(-2.5, -0.5))), "zero_point": point}


def _model(producer: str, activation: str, seed: int, options: _Options) -> bytes:
    rng = np.random.default_rng([seed, *producer.encode(), *activation.encode()])
    dtype = options.dtype
    builder = ModelBuilder()
    outside, inside = _quantized(rng, dtype), _quantized(rng, dtype)
    x = builder.tensor(_SHAPE, dtype, **outside)
    inputs, operands = [x], [x]
    extra: dict[str, Any] = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    if producer in ("ADD", "SUB", "MUL"):
        inputs.append(builder.tensor(_SHAPE, dtype, **_quantized(rng, dtype)))
        operands, extra = inputs, {}
    elif producer in ("CONV_2D", "FULLY_CONNECTED"):
        shape = (4, 1, 1, 4) if producer == "CONV_2D" else (4, 4)
        weights = rng.integers(-127, 128, shape)
        kind = dtype if dtype == "FLOAT32" else "INT8"
        scale = None if dtype == "FLOAT32" else 0.02
        operands = [x, builder.tensor(shape, kind, scale=scale, data=weights)]
        extra = extra if producer == "CONV_2D" else {"keep_num_dims": True}
    else:
        inside = outside
        extra = {**extra, "filter_height": 2, "filter_width": 3}
    between = builder.tensor(_SHAPE, dtype, **inside)
    y = builder.tensor(_SHAPE, dtype, **(_quantized(rng, dtype) if options.rescales else inside))
    builder.operator(
        producer, operands, [between], version=4, fused_activation_function=options.fused, **extra
    )
    builder.operator(activation, [between], [y])
    outputs = [y, between] if options.is_output else [y]
    if options.shared:
        outputs.append(builder.tensor(_SHAPE, dtype, **inside))
        builder.operator("RELU6", [between], [outputs[-1]])
    return builder.inputs(*inputs).outputs(*outputs).build()


_PRODUCERS = [
    *(("ADD", dtype) for dtype in ("INT8", "FLOAT32", "INT16")),
    *(("CONV_2D", dtype) for dtype in ("INT8", "FLOAT32", "INT16")),
    *((opcode, dtype) for opcode in ("SUB", "MUL") for dtype in ("INT8", "FLOAT32")),
    *(("FULLY_CONNECTED", dtype) for dtype in ("INT8", "FLOAT32")),
    *(("AVERAGE_POOL_2D", dtype) for dtype in ("INT8", "FLOAT32")),
    *(("MAX_POOL_2D", dtype) for dtype in ("INT8", "FLOAT32")),
]


@pytest.mark.parametrize("activation", ["RELU", "RELU6"])
def test_fused(activation: str, tmp_path: Path) -> None:
    models = [
        _model(producer, activation, seed, _Options(dtype))
        for producer, dtype in _PRODUCERS
        for seed in range(_MODELS)
    ]
    for network in compare(models, tmp_path):
        assert len(network.layers) == 1, context(network)
        assert names(network)[0].endswith(f"+{activation}")


def test_infinite_sums(tmp_path: Path) -> None:
    def infinite(network: Any, rng: np.random.Generator) -> list[Any]:
        choices = np.array([np.inf, -np.inf, 3e38, -3e38, 0, -0.0, 1], np.float32)
        return [rng.choice(choices, network.tensors[i].shape) for i in network.inputs]

    models = [
        _model(producer, activation, seed, _Options("FLOAT32"))
        for producer in ("ADD", "MUL", "CONV_2D", "MAX_POOL_2D")
        for activation in ("RELU", "RELU6")
        for seed in range(_MODELS)
    ]
    for network in compare(models, tmp_path, inputs=infinite):
        assert "activations" in stages(network)


@pytest.mark.parametrize(
    ("fused", "activation"),
    [("RELU", "RELU"), ("RELU6", "RELU"), ("RELU", "RELU6"), ("RELU6", "RELU6")],
)
def test_a_clamp_of_a_clamp_is_one(fused: str, activation: str, tmp_path: Path) -> None:
    models = [_model("ADD", activation, seed, _Options(fused=fused)) for seed in range(_MODELS)]
    for network in compare(models, tmp_path):
        assert names(network) == [f"ADD+{activation}"], context(network)


def _refused() -> list[bytes]:
    options = [_Options(rescales=True), _Options(shared=True), _Options(is_output=True)]
    options += [_Options("FLOAT32", fused="RELU_N1_TO_1"), _Options("FLOAT32", fused="RELU6")]
    return [
        _model("CONV_2D", "RELU", seed, chosen) for chosen in options for seed in range(_MODELS)
    ]


def test_not_where_it_rescales_or_others_read_between(tmp_path: Path) -> None:
    for network in compare(_refused(), tmp_path):
        assert "activations" not in stages(network), context(network)
