# SPDX-License-Identifier: Apache-2.0
"""Real boards by the time that an inference is estimated to take."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import shared_model
from tinygen.compilation import compile_model
from tinygen.hardware.boards import all_boards, board
from tinygen.ir import reference
from tinygen.measure.board_times import board_times
from tinygen.measure.profile import profile
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import Budget, KernelChoice, Optimize, Options

REAL = {one.name for one in all_boards() if one.emulator is None and not one.is_host}


def test_every_real_board_gets_a_plan_of_its_own() -> None:
    model = shared_model("mlperf_kws.tflite")
    asked = Options(kernels=KernelChoice.TINYGEN)
    # Limits that were asked for are of another board.
    limited = Options(
        kernels=KernelChoice.TINYGEN, optimize=Optimize.RAM, ram=Budget(10_000, "--ram")
    )
    times = board_times(compile_model(model, asked))
    assert {time.board for time in times} == REAL
    assert [time.milliseconds for time in times] == sorted(time.milliseconds for time in times)
    assert board_times(compile_model(model, limited)) == times
    for time in times:
        place = board(time.board)
        plan = compile_model(model, on_board(place, asked)).plan
        waits = plan.options.waits
        first = 0.0 if waits is None else len(plan.steps) * waits.first_lines()
        assert time.cycles == plan.cycles + first
        assert time.milliseconds == pytest.approx(time.cycles / place.clock_hz * 1e3)
        assert time.core == place.core.name


@pytest.mark.qemu
@pytest.mark.parametrize("name", sorted(REAL))
def test_estimates_are_within_a_tenth_of_the_profile(name: str, tmp_path: Path) -> None:
    for tool in ("cc", "arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    place = board(name)
    asked = Options("net", kernels=KernelChoice.TINYGEN)
    compilation = compile_model(shared_model("mlperf_vww.tflite"), on_board(place, asked))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    measured = profile(compilation, place, sample, tmp_path)
    (estimated,) = (time for time in board_times(compilation) if time.board == name)
    assert measured.total.microseconds is not None
    assert estimated.milliseconds * 1e3 == pytest.approx(measured.total.microseconds, rel=0.1)


def test_boards_that_are_too_small_are_left_out() -> None:
    compilation = compile_model(shared_model("mlperf_ic_float.tflite"), Options())
    named = {time.board for time in board_times(compilation)}
    assert "nucleo-l4r5zi" in named
    # 64 KB of RAM.
    assert "nrf52832-dk" not in named
