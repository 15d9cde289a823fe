# SPDX-License-Identifier: Apache-2.0
"""Renode: what is written for it, and how its failures are told (with stand-ins for Renode).

test_boards.py runs programs in the real one where it is installed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.programs import AFFINE, build_affine, need
from tinygen.errors import InputError, MachineError, TargetError
from tinygen.hardware.boards import all_boards, board
from tinygen.run.renode import RenodeRunner, renode_path, write_renode_files
from tinygen.run.runner import Image

RENODE = [
    entry.name for entry in all_boards() if entry.emulator and entry.emulator.kind == "renode"
]


def image_of(name: str, folder: Path) -> Image:
    need("arm-none-eabi-gcc")
    return build_affine(board(name), folder)


def test_both_boards_are_there() -> None:
    assert RENODE == ["renode-nrf52840", "renode-stm32f4-discovery"]


@pytest.mark.parametrize(
    ("name", "platform", "line", "vectors"),
    [
        ("renode-nrf52840", "platforms/cpus/nrf52840.repl", "sysbus.uart0", "0x00000000"),
        (
            "renode-stm32f4-discovery",
            "platforms/boards/stm32f4_discovery-kit.repl",
            "sysbus.usart2",
            "0x08000000",
        ),
    ],
)
def test_the_script(name: str, platform: str, line: str, vectors: str, tmp_path: Path) -> None:
    image = image_of(name, tmp_path)
    files = write_renode_files(image, AFFINE / "affine.c", tmp_path / "out", 4321)
    commands = [
        text.strip()
        for text in files.script.read_text().splitlines()
        if text.strip() and not text.startswith("#")
    ]
    assert commands == [
        "using sysbus",
        f'mach create "{name}"',
        f"machine LoadPlatformDescription @{platform}",
        'emulation CreateServerSocketTerminal 4321 "harness" false',
        f"connector Connect {line} harness",
        "macro reset",
        '"""',
        f"sysbus LoadELF @{image.elf.resolve()}",
        f"cpu VectorTableOffset {vectors}",
        '"""',
        "runMacro $reset",
        "start",
    ]


@pytest.mark.parametrize("name", RENODE)
def test_the_robot_test(name: str, tmp_path: Path) -> None:
    image = image_of(name, tmp_path)
    files = write_renode_files(image, AFFINE / "affine.c", tmp_path / "out")
    text = files.robot.read_text()
    sections = [line for line in text.splitlines() if line.startswith("***")]
    assert [section.strip("* ") for section in sections] == [
        "Comments",
        "Settings",
        "Variables",
        "Test Cases",
    ]
    assert "Execute Script    ${SCRIPT}" in text
    assert f"${{CURDIR}}/{files.script.name}" in text
    assert f"verify    ${{MODEL}}    --board    {name}" in text
    assert "--port    socket://127.0.0.1:3456" in text
    assert f"${{MODEL}}          {(AFFINE / 'affine.c').resolve()}" in text
    assert "Should Be Equal As Integers    ${result.rc}    0" in text


def test_boards_of_other_emulators(tmp_path: Path) -> None:
    image = image_of("qemu-mps2-an386", tmp_path)
    with pytest.raises(InputError, match="is not emulated by Renode"):
        write_renode_files(image, AFFINE, tmp_path)


def test_where_renode_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINYGEN_RENODE", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MachineError, match="Renode is not installed") as failure:
        renode_path()
    assert "github.com/renode/renode/releases" in failure.value.hint
    assert failure.value.exit_code == 3
    monkeypatch.setenv("TINYGEN_RENODE", "/no/renode")
    with pytest.raises(MachineError, match=r"/no/renode named by \$TINYGEN_RENODE"):
        renode_path()


def stand_in(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "renode"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setenv("TINYGEN_RENODE", str(path))


def test_a_script_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = image_of("renode-nrf52840", tmp_path)
    complaint = "There was an error executing command 'machine LoadPlatformDescription'"
    # Renode then waits for more input.
    stand_in(tmp_path, f'echo "{complaint}"; read line', monkeypatch)
    with (
        pytest.raises(TargetError, match="could not carry out its script") as failure,
        RenodeRunner().start(image),
    ):
        pass
    assert complaint in failure.value.hint


def test_renode_that_ends_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = image_of("renode-nrf52840", tmp_path)
    stand_in(tmp_path, "echo no such option; exit 1", monkeypatch)
    with (
        pytest.raises(TargetError, match="Renode ended with exit code 1") as failure,
        RenodeRunner().start(image),
    ):
        pass
    assert "no such option" in failure.value.hint
