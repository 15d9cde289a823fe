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


def test_what_32_bits_cannot_hold_is_left_to_others() -> None:
    layer = _layer()
    (kernel,) = KERNELS
    target = core("cortex-m4")
    reason = "its sums or its scale are too large for 32 bits"
    # Sums of products reach 2^31 from 512 weights of -128 on.
    wide = np.full((len(layer.weights), 1, 1, 512), -128, np.int8)
    shape = (*layer.input_shape[:3], 512)
    assert refusal(kernel, replace(layer, weights=wide, input_shape=shape), target) == reason
    wide[:, :, :, 0] = 127
    assert refusal(kernel, replace(layer, weights=wide, input_shape=shape), target) is None
    shifts = np.zeros_like(layer.requantization.shifts)
    coarse = replace(layer.requantization, shifts=shifts)
    assert refusal(kernel, replace(layer, requantization=coarse), target) == reason
    bias = np.full_like(layer.bias, 1 << 45)
    assert refusal(kernel, replace(layer, bias=bias), target) == reason


def test_cores_without_simd_are_refused() -> None:
    assert "lacks" in (refusal(KERNELS[0], _layer(), core("cortex-m3")) or "")
