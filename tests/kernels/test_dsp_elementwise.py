# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels of ADD, MUL, RELU, RELU6 and QUANTIZE, on QEMU and on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.kernels.choice import does, named, refusal
from tests.kernels.cmsis_nn_programs import networks
from tests.kernels.dsp_programs import (
    M4_BOARD,
    compare_on_board,
    compare_twins,
    plan_with,
    random_layers,
)
from tinygen.hardware.cores import core
from tinygen.kernels.dsp.elementwise import _fitted_sum
from tinygen.numerics.fixed_point import multiply_by_quantized_multiplier as scaled
from tinygen.ops.arithmetic import Add
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model

KERNELS = named(
    "dsp.add_s8",
    "dsp.mul_s8",
    "dsp.flip_sign_bit",
    "dsp.lookup_s8",
    "dsp.lookup_s8_s16",
    "dsp.scale_s16",
    "dsp.clamp_s8",
)
COUNT = {"ADD": 64, "MUL": 64, "RELU": 64, "RELU6": 64, "QUANTIZE": 48}
"""Random layers of each operator."""


@pytest.mark.qemu
@pytest.mark.parametrize("opcode", sorted(COUNT))
def test_random_layers_on_the_emulated_m4(
    opcode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = random_layers(KERNELS, opcode, COUNT[opcode])
    compare_on_board(plan_with(KERNELS, parts, monkeypatch), parts, M4_BOARD, tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("opcode", sorted(COUNT))
def test_c_twins(
    opcode: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = random_layers(KERNELS, opcode, COUNT[opcode])
    compare_twins(plan_with(KERNELS, parts, monkeypatch), parts, compiler, tmp_path)


def test_additions_of_real_models_are_fitted() -> None:
    layers = lower(read_model(shared_model("mlperf_ic.tflite"))).layers
    found = [layer for layer in layers if isinstance(layer, Add)]
    assert len(found) == 3
    assert all(_fitted_sum(layer) is not None for layer in found)


def test_an_addition_that_no_factors_fit_is_left_to_others() -> None:
    """Random scales include some whose outputs lie halfway, rounded away from zero on both sides."""
    (kernel,) = named("dsp.add_s8")
    reasons = [
        refusal(kernel, network.layers[0], core("cortex-m4"))
        for network in networks("ADD", range(60))
    ]
    assert "no factors give all outputs" in reasons
    assert None in reasons


def test_cores_without_simd_are_refused() -> None:
    for opcode in sorted(COUNT):
        layers = [network.layers[0] for network in networks(opcode, range(10))]
        pairs = [(k, at) for k in KERNELS for at in layers if does(k, at, core("cortex-m4"))]
        assert pairs
        assert not any(does(kernel, layer, core("cortex-m3")) for kernel, layer in pairs)


def test_fitted_sums_are_checked_with_all_pairs() -> None:
    """The arithmetic of the C kernel, for every pair, against the reference."""
    layer = next(
        network.layers[0]
        for network in networks("ADD", range(20))
        if isinstance(network.layers[0], Add) and _fitted_sum(network.layers[0]) is not None
    )
    assert isinstance(layer, Add)
    found = _fitted_sum(layer)
    assert found is not None
    q = layer.requantization
    values = np.arange(-128, 128, dtype=np.int64)
    left = (found.lhs_factor * values * 256) >> 16
    right = (found.rhs_factor * values * 256) >> 16
    u = np.clip((found.base + left[:, None] + right[None, :]) >> 16, 0, 255)
    cut = 255 - (q.clamp_max - q.clamp_min)
    got = np.maximum(u - cut, 0) + q.clamp_min
    lhs = (values.astype(np.int32) - layer.lhs_zero_point) << layer.left_shift
    rhs = (values.astype(np.int32) - layer.rhs_zero_point) << layer.left_shift
    sums = (
        scaled(lhs, layer.lhs_multiplier, layer.lhs_shift)[:, None]
        + scaled(rhs, layer.rhs_multiplier, layer.rhs_shift)[None, :]
    )
    assert np.array_equal(q.apply(sums[..., None])[..., 0], got)
