# SPDX-License-Identifier: Apache-2.0
"""Every emulated board runs the hand-written model and says what became of it when it crashes."""

from __future__ import annotations

import struct
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
from tinygen.hardware.boards import Board, all_boards, board
from tinygen.run import qemu
from tinygen.run.protocol import Request
from tinygen.run.qemu import QemuRunner
from tinygen.run.runners import runner_for

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
@pytest.mark.parametrize(
    "name",
    [
        "qemu-netduinoplus2",
        "qemu-b-l475e-iot01a",
        "renode-nrf52840",
        "renode-stm32f4-discovery",
    ],
)
def test_a_driver_changes_its_speed(name: str, tmp_path: Path) -> None:
    """Emulated lines have no speed; the driver must still get through the change."""
    target = board(name)
    need_tools_of(target)
    image = build_affine(target, tmp_path)
    x = random_x(np.random.default_rng(4))
    with runner_for(target).start(image) as session:
        for baud in (230_400, 921_600):
            session._client.request(Request.SPEED, struct.pack("<I", baud))
            session.reset()
            assert session.run(input_bytes(x, 3)) == Expectation().outputs(x, 3)
        with pytest.raises(TargetError, match="has no such"):
            session._client.request(Request.SPEED, struct.pack("<I", 100_000_000))


def fault_in(target: Board, folder: Path, statements: str) -> TargetError:
    """What is said when the model does this instead of returning an error code."""
    need_tools_of(target)
    source = affine_variant(folder / "faulty", {"return 5;": statements})
    image = build_affine(target, folder / "build", source=source)
    with (
        pytest.raises(TargetError) as failure,
        runner_for(target).start(image) as session,
    ):
        session.run(input_bytes(np.zeros(500, np.int8), -128))
    return failure.value


def line_of(text: str, path: Path) -> int:
    """Number of the first line that holds a text."""
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.qemu
@pytest.mark.parametrize("target", EMULATED)
def test_a_fault_is_reported_with_function_and_line(target: Board, tmp_path: Path) -> None:
    said = fault_in(target, tmp_path, '__asm volatile("udf #0");')
    line = line_of("udf #0", tmp_path / "faulty" / "affine.c")
    cause = "" if target.core.architecture == "armv6-m" else ": undefined instruction"
    assert said.message == (
        f"the target's processor faulted in affine_invoke (affine.c:{line}){cause}"
    )
    assert "called from answer_invoke (harness_main.c:" in said.hint


@pytest.mark.qemu
@pytest.mark.parametrize("target", EMULATED)
def test_a_stack_overflow_is_reported_with_function_and_line(target: Board, tmp_path: Path) -> None:
    said = fault_in(target, tmp_path, DEEP)
    assert "the stack overflowed in affine_invoke (affine.c:" in said.message
    assert f"its {target.stack_bytes:,} bytes were not enough" in said.message


# The frame ends within the guard of every board.
DEEP = (
    "volatile int8_t deep[34000];\nfor (int i = 33999; i >= 0; i--) {\ndeep[i] = b;\n}\n"
    "return deep[100 - b];"
)


@pytest.mark.qemu
def test_endless_recursion_is_a_stack_overflow(tmp_path: Path) -> None:
    changes = {
        "int affine_invoke(void)\n{": "static int (*volatile again)(volatile int *);\n\n"
        "static int deeper(volatile int *n)\n{\nvolatile int m = *n + 1;\n"
        "return again(&m) + m;\n}\n\nint affine_invoke(void)\n{",
        "return 5;": "volatile int n = 0;\nagain = deeper;\nreturn deeper(&n);",
    }
    target = board("qemu-mps2-an386")
    need_tools_of(target)
    source = affine_variant(tmp_path / "faulty", changes)
    image = build_affine(target, tmp_path / "build", source=source)
    with (
        pytest.raises(
            TargetError,
            match=r"the stack overflowed in a function called from deeper \(affine\.c:\d+\)",
        ),
        runner_for(target).start(image) as session,
    ):
        session.run(input_bytes(np.zeros(500, np.int8), -128))


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
    monkeypatch.delenv("TINYGEN_QEMU", raising=False)
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
