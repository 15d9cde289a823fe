# SPDX-License-Identifier: Apache-2.0
"""Profiles of whole models on emulated boards."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from tests.conftest import shared_model
from tinygen.compilation import Compilation, compile_model
from tinygen.errors import InputError
from tinygen.hardware.boards import Board, all_boards, board
from tinygen.hardware.elf import read_sections
from tinygen.ir import reference
from tinygen.measure.plugin import Stalls, supports_plugins
from tinygen.measure.profile import Profile, profile
from tinygen.planning.options import KernelChoice, Options
from tinygen.reporting.profile_table import profile_table
from tinygen.run.qemu import qemu_path


def compiled(model: str, target: Board) -> Compilation:
    """A real model compiled for a board with our own kernels."""
    options = Options(core=target.core, name="net", kernels=KernelChoice.TINYGEN)
    return compile_model(shared_model(model), options)


def measure(
    model: str, board_name: str, folder: Path, seed: int = 0, core_name: str | None = None
) -> Profile:
    """Profiles a real model, as built for the board's core or another that it executes."""
    for tool in ("cc", "arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if not supports_plugins(qemu_path()):
        pytest.skip("QEMU was built without plugins")
    target = board(board_name, core_name)
    compilation = compiled(model, target)
    (sample,) = reference.random_inputs(compilation.network, 1, seed)
    return profile(compilation, target, sample, folder)


def known(values: Sequence[int | None]) -> list[int]:
    """The values, none of which may be missing."""
    present = [value for value in values if value is not None]
    assert len(present) == len(values)
    return present


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, Path]:
    folder = tmp_path_factory.mktemp("autoencoder")
    return measure("mlperf_ad.tflite", "qemu-mps2-an386", folder), folder


@pytest.mark.qemu
def test_layers_and_overhead_are_the_total(autoencoder: tuple[Profile, Path]) -> None:
    measured, _ = autoencoder
    instructions = known([layer.instructions for layer in measured.layers])
    cycles = known([layer.cycles for layer in measured.layers])
    total, total_cycles, overhead, overhead_cycles = known(
        [
            measured.instructions,
            measured.cycles,
            measured.overhead.instructions,
            measured.overhead.cycles,
        ]
    )
    assert (measured.method, len(measured.layers)) == ("plugin", 10)
    assert total == sum(instructions) + overhead
    assert total_cycles == sum(cycles) + overhead_cycles
    assert sum(instructions) >= 0.98 * total
    assert sum(layer.macs for layer in measured.layers) == 264_192
    assert [layer.operators for layer in measured.layers] == [(i,) for i in range(10)]
    assert measured.bit_exact


@pytest.mark.qemu
def test_counts_repeat(autoencoder: tuple[Profile, Path], tmp_path: Path) -> None:
    again = measure("mlperf_ad.tflite", "qemu-mps2-an386", tmp_path)
    assert again == autoencoder[0]


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", ["qemu-mps2-an386", "qemu-mps2-an505", "qemu-mps3-an547"])
def test_counts_equal_qemus_clock(
    board_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second method, which is also what is done where QEMU has no plugins."""
    by_plugin = measure("mlperf_ad.tflite", board_name, tmp_path / "plugin")
    monkeypatch.setattr("tinygen.measure.profile.supports_plugins", lambda _qemu: False)
    by_clock = measure("mlperf_ad.tflite", board_name, tmp_path / "clock")
    assert (by_clock.method, by_clock.cycles, by_clock.memory.stack_peak) == ("icount", None, None)
    (total,), (total_by_clock,) = known([by_plugin.instructions]), known([by_clock.instructions])
    assert abs(total_by_clock - total) <= 0.01 * total
    for layer, layer_by_clock in zip(by_plugin.layers, by_clock.layers, strict=True):
        (wanted,), (got,) = known([layer.instructions]), known([layer_by_clock.instructions])
        # A tick is 30 to 50 instructions.
        assert abs(got - wanted) <= 0.01 * wanted + 100
    assert by_clock.bit_exact


@pytest.mark.qemu
def test_footprint_is_what_was_linked(autoencoder: tuple[Profile, Path]) -> None:
    measured, folder = autoencoder
    footprint = measured.memory
    sections = {s.name: s.size for s in read_sections(folder / "build" / "net.elf")}
    # 264,192 weights and 968 32-bit biases, and little else.
    assert 0 <= footprint.flash_weights - (264_192 + 4 * 968) < 8 * 968
    assert footprint.flash_weights <= sections[".rodata"]
    assert 1000 < footprint.flash_code < sections[".text"] + sections[".rodata"]
    assert footprint.ram_arena + footprint.ram_static <= sections[".bss"] + sections[".data"]
    assert footprint.ram_arena >= 640
    assert footprint.stack_peak is not None
    assert 16 <= footprint.stack_peak < 2048


@pytest.mark.qemu
def test_fixed_keys(autoencoder: tuple[Profile, Path]) -> None:
    data = json.loads(json.dumps(autoencoder[0].to_dict()))
    assert set(data["total"]) == {
        "instructions",
        "cycles",
        "core_cycles",
        "stalls",
        "microseconds",
        "microjoules",
    }
    assert data["total"]["stalls"] == {"code": 0, "data": 0, "ram": 0}
    assert data["total"]["microseconds"] is None
    assert data["cycle_model"].endswith("; zero wait states")
    assert {"name", "op", "macs", "instructions", "cycles", "kernel"} <= set(data["layers"][0])
    assert {"flash_code", "flash_weights", "ram_arena", "ram_static", "stack_peak"} == set(
        data["memory"]
    )
    assert all(layer["op"] == "FULLY_CONNECTED" for layer in data["layers"])


@pytest.mark.qemu
def test_table(autoencoder: tuple[Profile, Path]) -> None:
    console = Console(width=160, file=io.StringIO())
    data = autoencoder[0].to_dict()
    with console.capture() as capture:
        console.print(profile_table(data))
    shown = capture.get()
    assert f"{data['total']['cycles']:,}" in shown
    assert f"{data['layers'][0]['instructions']:,}" in shown


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("board_name", "least"),
    [
        ("qemu-microbit", 1),
        ("qemu-mps2-an385", 1),
        ("qemu-mps2-an500", 0.5),
        ("qemu-mps2-an505", 0.7),
        ("qemu-mps3-an547", 0.7),
    ],
)
def test_every_core(board_name: str, least: float, tmp_path: Path) -> None:
    """``least``: cycles an instruction that no program gets below."""
    measured = measure("hello_world_int8.tflite", board_name, tmp_path)
    instructions, cycles = known([measured.instructions, measured.cycles])
    assert 100 < instructions < 20_000
    assert least * instructions < cycles < 3 * instructions
    assert all(layer.cycles is not None for layer in measured.layers)


@pytest.mark.qemu
def test_a_core_without_fpu_costs_little_more(tmp_path: Path) -> None:
    """What listings keep in FPU registers they keep on its stack: 0.9 % more cycles, not 15 %."""
    with_fpu, without = (
        measure("mlperf_kws.tflite", "qemu-mps2-an386", tmp_path / name, core_name=name)
        for name in ("cortex-m4", "cortex-m4+nofp")
    )
    cycles, more_cycles = known([with_fpu.total.cycles, without.total.cycles])
    assert without.bit_exact
    assert more_cycles < 1.15 * cycles


def real_boards() -> list[str]:
    """Those that no emulator stands for."""
    return [one.name for one in all_boards() if one.emulator is None and not one.is_host]


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", real_boards())
def test_a_real_board_is_emulated_in_its_place(board_name: str, tmp_path: Path) -> None:
    real = board(board_name)
    measured = measure("mlperf_kws.tflite", board_name, tmp_path)
    assert measured.bit_exact
    assert (measured.board, measured.method) == (board_name, "emulated")
    assert measured.cycle_model.endswith("; its memories' waits")
    whole = [measured.total, measured.overhead, *measured.layers]
    for time in whole:
        assert time.cycles is not None
        assert time.core_cycles is not None
        assert time.stalls is not None
        assert time.cycles == time.core_cycles + time.stalls.total
        assert time.microseconds == pytest.approx(time.cycles * 1e6 / real.clock_hz)
        assert (time.microjoules is None) == (real.power is None)
    first, *rest = (time.stalls for time in whole)
    assert first is not None
    assert first == sum(filter(None, rest), Stalls())


@pytest.mark.qemu
def test_table_of_a_real_board(tmp_path: Path) -> None:
    measured = measure("hello_world_int8.tflite", "arduino-nano-33-ble", tmp_path)
    console = Console(width=160, file=io.StringIO())
    with console.capture() as capture:
        console.print(profile_table(measured.to_dict()))
    shown = capture.get()
    for heading in ("core cycles", "+ code", "+ data", "+ RAM", "= cycles", "µs"):
        assert heading in shown
    assert measured.total.microjoules is not None
    assert f"{measured.total.microjoules:,.0f}  µJ" in shown


def test_board_that_is_not_emulated(tmp_path: Path) -> None:
    compilation = compiled("hello_world_int8.tflite", board("host"))
    with pytest.raises(InputError, match="host is not emulated"):
        profile(compilation, board("host"), [], tmp_path)
