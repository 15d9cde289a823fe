# SPDX-License-Identifier: Apache-2.0
"""The DSP kernel of CONV_2D and FULLY_CONNECTED of int16, on QEMU and on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.choice import named, refusal
from tests.kernels.dsp_programs import (
    M4_BOARD,
    accepted,
    compare_on_board,
    compare_twins,
    plan_with,
)
from tests.models.builder import ModelBuilder
from tests.ops.generators.typed import typed_model
from tinygen.errors import InputError
from tinygen.hardware.cores import core
from tinygen.ir.network import Network
from tinygen.kernels.dsp.convolution_s16 import packed
from tinygen.ops.wide_convolution import Int16Conv2D
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

KERNELS = named("dsp.conv2d_s16")
OPCODES = ("CONV_2D", "FULLY_CONNECTED")
_BATCH = 120
"""Models that are drawn for a program."""


def _networks(opcode: str, seeds: range) -> Iterator[Network]:
    for seed in seeds:
        model = typed_model(opcode, "INT16", seed)
        try:
            yield lower(read_model_bytes(model, f"{opcode} INT16 {seed}"))
        except InputError:
            continue


def _parts(opcode: str, number: int) -> list[Network]:
    seeds = range(number * _BATCH, (number + 1) * _BATCH)
    found = accepted(KERNELS, list(_networks(opcode, seeds)))
    assert len(found) >= 50
    return found


def _layer() -> Int16Conv2D:
    layers = (network.layers[0] for part in OPCODES for network in _networks(part, range(20)))
    return next(
        layer
        for layer in layers
        if isinstance(layer, Int16Conv2D)
        and not layer.narrow
        and refusal(KERNELS[0], layer, core("cortex-m4")) is None
    )


@pytest.mark.qemu
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("opcode", OPCODES)
def test_random_layers_on_the_emulated_m4(
    opcode: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = _parts(opcode, number)
    compare_on_board(plan_with(KERNELS, parts, monkeypatch), parts, M4_BOARD, tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("opcode", OPCODES)
def test_c_twins(
    opcode: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = _parts(opcode, 0)
    compare_twins(plan_with(KERNELS, parts, monkeypatch), parts, compiler, tmp_path)


def test_weights_lie_by_pairs_of_channels() -> None:
    weights = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.int8)
    assert packed(weights).tolist() == [
        [[1, 4], [2, 5], [3, 6], [0, 0]],
        [[7, 0], [8, 0], [9, 0], [0, 0]],
    ]


def _deep(seed: int) -> Network:
    """A fully connected layer whose sums of products need 64 bits."""
    rng = np.random.default_rng(seed)
    batches, depth, channels = (int(rng.integers(*ends)) for ends in ((1, 5), (530, 1600), (1, 6)))
    builder = ModelBuilder()
    weights = rng.choice(np.array([-128, -127, 126, 127], np.int8), (channels, depth))
    weights[0] = rng.choice(np.array([-128, 127], np.int8))
    scales = (2.0 ** rng.uniform(-8, -5, channels)).astype(np.float32)
    x = builder.tensor((batches, depth), "INT16", scale=2.0**-12)
    w = builder.tensor(weights.shape, "INT8", scale=scales, axis=0, data=weights)
    b = builder.tensor(
        (channels,), "INT64", scale=scales / 4096, data=rng.integers(-(1 << 33), 1 << 33, channels)
    )
    y = builder.tensor((batches, channels), "INT16", scale=2.0 ** rng.uniform(-6, 0))
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], version=4, fused_activation_function="NONE")
    return lower(read_model_bytes(builder.inputs(x).outputs(y).build(), f"deep {seed}"))


@pytest.mark.qemu
def test_sums_of_64_bits_on_the_emulated_m4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = accepted(KERNELS, [_deep(seed) for seed in range(40)])
    assert len(parts) >= 30
    plan = plan_with(KERNELS, parts, monkeypatch)
    assert {call.function for step in plan.steps for call in step.binding.calls} == {
        "tinygen_dsp_conv2d_s16_long"
    }
    compare_on_board(plan, parts, M4_BOARD, tmp_path)


def test_c_twin_of_sums_of_64_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = accepted(KERNELS, [_deep(seed) for seed in range(40)])
    compare_twins(plan_with(KERNELS, parts, monkeypatch), parts, "gcc", tmp_path)


def test_what_the_folded_rounding_cannot_hold_is_left_to_others() -> None:
    layer = _layer()
    (kernel,) = KERNELS
    target = core("cortex-m4")
    reason = "its bias or its scale is too large"
    coarse = replace(layer.requantization, shifts=np.zeros_like(layer.requantization.shifts))
    assert refusal(kernel, replace(layer, requantization=coarse), target) == reason
    bias = np.full_like(layer.bias, 1 << 45)
    assert refusal(kernel, replace(layer, bias=bias), target) == reason


def test_cores_without_simd_are_refused() -> None:
    assert "lacks" in (refusal(KERNELS[0], _layer(), core("cortex-m3")) or "")
