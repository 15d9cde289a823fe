# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels of AVERAGE_POOL_2D and MAX_POOL_2D, on QEMU and on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.kernels.choice import named
from tests.kernels.dsp_programs import (
    M4_BOARD,
    compare_on_board,
    compare_twins,
    plan_with,
    random_layers,
)

KERNELS = named("dsp.average_pool2d_s8", "dsp.max_pool2d_s8")
COUNT = 64
OPCODES = ("AVERAGE_POOL_2D", "MAX_POOL_2D")


@pytest.mark.qemu
@pytest.mark.parametrize("opcode", OPCODES)
def test_random_layers_on_the_emulated_m4(
    opcode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = random_layers(KERNELS, opcode, COUNT)
    compare_on_board(plan_with(KERNELS, parts, monkeypatch), parts, M4_BOARD, tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("opcode", OPCODES)
def test_c_twins(
    opcode: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = random_layers(KERNELS, opcode, COUNT)
    compare_twins(plan_with(KERNELS, parts, monkeypatch), parts, compiler, tmp_path)


def test_the_reciprocal_divides_rightly() -> None:
    """Every sum of up to 256 int8 values, by the arithmetic of the C kernel."""
    for count in range(1, 257):
        reciprocal = 0x7FFFFFFF // count + 1
        sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
        magnitudes = np.abs(sums) + count // 2
        assert np.array_equal((2 * magnitudes * reciprocal) >> 32, magnitudes // count)
