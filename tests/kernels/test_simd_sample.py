# SPDX-License-Identifier: Apache-2.0
"""A few random layers of every family on the DSP and Helium kernels, on their emulated cores.

A small part of what test_dsp_*.py and test_mve_layers.py run every night.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kernels.dsp_depthwise_layers import KINDS, random_depthwise
from tests.kernels.dsp_gemm_layers import CONVOLUTIONS, DENSE, random_layer
from tests.kernels.dsp_programs import (
    M4_BOARD,
    accepted,
    compare_on_board,
    plan_with,
    random_layers,
)
from tests.kernels.mve_layers import LAYERS as MVE_LAYERS
from tests.kernels.mve_layers import random_layer as random_mve_layer
from tests.kernels.mve_programs import mismatches_on_target, refusals
from tests.row_layers import random_row_layers
from tests.streams import can_be_streamed, fed_by_rows, side_by_side, streamed_plan
from tinygen.hardware.cores import core
from tinygen.ir.network import Network
from tinygen.kernels.kernel import Code
from tinygen.kernels.libraries import library
from tinygen.planning.options import Optimize, Options

_KERNELS = tuple(k for k in library("dsp") if k.code is not Code.SMALL and not k.grows)
_COMPACT = tuple(k for k in library("dsp") if k.code is not Code.LARGE and not k.grows)
_FEW = 3
_FIRST = 40_000
"""Seeds that the long sweeps do not reach."""


def _dsp_layers() -> list[Network]:
    parts = [
        random_layer(kind, seed)
        for kind in (*CONVOLUTIONS, *DENSE)
        for seed in range(_FIRST, _FIRST + _FEW)
    ]
    for kind in KINDS:
        drawn = [random_depthwise(kind, seed) for seed in range(_FIRST, _FIRST + 2 * _FEW)]
        parts += accepted(_KERNELS, drawn)[:_FEW]
    for opcode in ("ADD", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D"):
        parts += random_layers(_KERNELS, opcode, _FEW)
    return parts


@pytest.mark.qemu
@pytest.mark.parametrize("optimize", [Optimize.SPEED, Optimize.SIZE])
def test_dsp_kernels(optimize: Optimize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = _KERNELS if optimize is Optimize.SPEED else _COMPACT
    parts = accepted(kernels, _dsp_layers())
    assert len(parts) > 10 * _FEW
    plan = plan_with(kernels, parts, monkeypatch, core("cortex-m4"), optimize)
    compare_on_board(plan, parts, M4_BOARD, tmp_path)


@pytest.mark.qemu
def test_dsp_kernels_by_bands_of_rows(tmp_path: Path) -> None:
    parts = [fed_by_rows(part) for part in _dsp_layers() if can_be_streamed(part)]
    parts += [fed_by_rows(part) for part in random_row_layers("GLOBAL_POOL", _FEW)]
    network, chains = side_by_side(parts)
    options = Options("layers", core("cortex-m4"))
    plan = streamed_plan(network, chains, (*_KERNELS, *library("portable")), options, seed=_FIRST)
    compare_on_board(plan, parts, M4_BOARD, tmp_path)


@pytest.mark.qemu
def test_helium_kernels(tmp_path: Path) -> None:
    if not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")):
        pytest.skip("qemu-system-arm and arm-none-eabi-gcc are not both installed")
    parts = [
        part
        for family in MVE_LAYERS
        for part in (random_mve_layer(family, seed) for seed in range(_FIRST, _FIRST + 2 * _FEW))
        if not refusals(part)
    ]
    assert len(parts) > _FEW * len(MVE_LAYERS)
    assert not mismatches_on_target(parts, tmp_path)
