# SPDX-License-Identifier: Apache-2.0
"""Every emulated board runs the hand-written model and says what became of it when it crashes."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.run.programs import (
    Expectation,
    affine_variant,
    build_affine,
    input_bytes,
    need,
    need_tools_of,
    random_x,
)
from tinygen.errors import InputError, MachineError, TargetError
from tinygen.run import qemu
from tinygen.run.qemu import QemuRunner
from tinygen.run.runners import runner_for
from tinygen.targets.boards import Board, all_boards, board
from tinygen.targets.elf import read_sections

EMULATED = [pytest.param(entry, id=entry.name) for entry in all_boards() if entry.emulator]


@pytest.mark.qemu
@pytest.mark.parametrize("target", EMULATED)
def test_outputs_layers_and_state(target: Board, tmp_path: Path) -> None:
    need_tools_of(target)
    image = build_affine(target, tmp_path, trace=True)
    expected = Expectation()
    generator = np.random.default_rng(4)
    with runner_for(target).start(image) as session:
        for b in (-127, 3):
            x = random_x(generator)
            assert session.run(input_bytes(x, b)) == expected.outputs(x, b)
        session.reset()
        expected = Expectation()
        layers = expected.layers(x, 3)
        outputs, digests = session.run_layer_digests(input_bytes(x, 3))
        assert outputs == expected.outputs(x, 3)
        assert digests == [zlib.crc32(layer) for layer in layers]
        assert session.run_layer_bytes(input_bytes(x, 3), 0) == layers[0]


@pytest.mark.qemu
@pytest.mark.parametrize("target", EMULATED)
def test_memory_map(target: Board, tmp_path: Path) -> None:
    need_tools_of(target)
    image = build_affine(target, tmp_path)
    sections = {section.name: section for section in read_sections(image.elf)}
    assert sections[".vectors"].address == target.flash[0].origin
    assert sections[".vectors"].size == 64
    assert sections[".stack"].address == target.ram[0].origin
    assert sections[".stack"].size == target.stack_bytes
    flash, ram = target.flash[0], target.ram[0]
    for section in sections.values():
        region = ram if section.writable else flash
        assert region.origin <= section.address
        assert section.address + section.size <= region.origin + region.length
    names = image.elf.with_suffix(".map").read_text()
    assert image.map_file is not None
    assert "malloc" not in names.split("Linker script and memory map")[1]


def fault_in(target: Board, folder: Path, statements: str) -> str:
    """What is said when the model does this instead of returning an error code."""
    need_tools_of(target)
    source = affine_variant(folder / "faulty", {"return 5;": statements})
    image = build_affine(target, folder / "build", source=source)
    with (
        runner_for(target).start(image) as session,
        pytest.raises(TargetError, match="the target's processor faulted") as failure,
    ):
        session.run(input_bytes(np.zeros(500, np.int8), -128))
    return failure.value.message


@pytest.mark.qemu
@pytest.mark.parametrize("target", EMULATED)
def test_a_fault_is_reported_with_its_place(target: Board, tmp_path: Path) -> None:
    said = fault_in(target, tmp_path, '__asm volatile("udf #0");')
    place = int(said.split("pc 0x")[1][:8], 16)
    assert target.flash[0].origin <= place < target.flash[0].origin + 4096


# QEMU's MPS2 boards with an M3, M4 or M7 ignore accesses beside the memory: nothing to see there.
@pytest.mark.qemu
@pytest.mark.parametrize("name", ["qemu-microbit", "qemu-mps2-an505", "qemu-mps3-an547"])
def test_a_stack_overflow_is_reported(name: str, tmp_path: Path) -> None:
    deep = "volatile int8_t deep[20000];\nfor (int i = 19999; i >= 0; i--) {\ndeep[i] = b;\n}\n"
    said = fault_in(board(name), tmp_path, deep + "return deep[100 - b];")
    assert "sp 0x" in said


@pytest.mark.qemu
def test_an_emulator_that_refuses_is_quoted(tmp_path: Path) -> None:
    target = board("qemu-mps2-an386")
    need_tools_of(target)
    image = build_affine(target, tmp_path)
    assert target.emulator is not None
    unknown = replace(target, emulator=replace(target.emulator, machine="mps9"))
    with (
        pytest.raises(TargetError, match=r"QEMU \(mps9\) ended with exit code 1") as failure,
        QemuRunner().start(replace(image, board=unknown)),
    ):
        pass
    assert "unsupported machine type" in failure.value.hint


def test_a_missing_emulator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MachineError, match="qemu-system-arm is not installed") as failure:
        qemu.qemu_path()
    assert "install qemu" in failure.value.hint
    assert failure.value.exit_code == 3


def test_a_board_that_nothing_here_runs() -> None:
    real = replace(board("qemu-mps2-an386"), emulator=None)
    with pytest.raises(InputError, match="cannot be run from here"):
        runner_for(real)


def test_the_host_is_no_emulated_board(tmp_path: Path) -> None:
    need("cc")
    image = build_affine(board("host"), tmp_path)
    with pytest.raises(InputError, match="board host is not emulated"), QemuRunner().start(image):
        pass
