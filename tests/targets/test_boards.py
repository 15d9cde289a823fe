# SPDX-License-Identifier: Apache-2.0
"""Board files: those that come with tinygen, and what is said about faulty ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.errors import InputError
from tinygen.resources import resource_root
from tinygen.targets.boards import Board, all_boards, board, load_board


def test_the_boards_of_the_design_are_there() -> None:
    cores = {entry.name: entry.core.name for entry in all_boards()}
    assert (
        cores.items()
        >= {
            "host": "host",
            "qemu-mps2-an385": "cortex-m3",
            "qemu-mps2-an386": "cortex-m4",
            "qemu-mps2-an500": "cortex-m7",
            "qemu-mps2-an505": "cortex-m33",
            "qemu-mps3-an547": "cortex-m55",
            "qemu-microbit": "cortex-m0",
        }.items()
    )


@pytest.mark.parametrize("entry", all_boards(), ids=lambda entry: entry.name)
def test_names_say_how_a_board_runs(entry: Board) -> None:
    assert (entry.emulator is not None) == entry.name.startswith("qemu-")
    assert entry.is_host == (entry.name == "host")


def test_microbit_is_as_small_as_it_is() -> None:
    microbit = board("qemu-microbit")
    assert (microbit.flash[0].length, microbit.ram[0].length) == (256 * 1024, 16 * 1024)


def test_own_board_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((resource_root() / "boards" / "qemu-microbit.toml").read_text())
    mine = board(path)
    assert mine == board(str(path))
    assert mine.name == "mine"
    assert mine.core.name == "cortex-m0"


def test_unknown_boards() -> None:
    with pytest.raises(InputError, match="unknown board 'nucleo'") as failure:
        board("nucleo")
    assert "qemu-mps2-an386" in failure.value.hint
    with pytest.raises(InputError, match="unknown board"):
        board("../boards/host")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('core = "cortex-m0"', 'core = "cortex-a9"', "core is 'cortex-a9', known are cortex-m0"),
        ('core = "cortex-m0"', "", "core is missing"),
        ("clock_hz = 16_000_000", 'clock_hz = "fast"', "clock_hz must be an integer, not 'fast'"),
        ("clock_hz = 16_000_000", "clock_hz = true", "clock_hz must be an integer"),
        ("clock_hz = 16_000_000", "clock_hz = 0", "clock_hz must be from 1 to"),
        ("stack_bytes = 2048", "stack_bytes = 2048\nheap = 3", "heap is not a known key"),
        ("length = 0x4000\n", "", r"ram\[0\]\.length is missing"),
        ("length = 0x4000\n", "length = 0x4000\nsize = 1\n", r"ram\[0\]\.size is not a known key"),
        ('name = "ram"', 'name = "my ram"', r"ram\[0\]\.name must be letters"),
        ("[[ram]]", "[ram]", "ram must be an array of tables"),
        ("[[ram]]", "[[sram]]", "ram is missing"),
        ("tx_pin = 24", "", r"uart\.tx_pin is missing"),
        ('kind = "nrf51"', 'kind = "pl011"', r"uart\.kind is 'pl011', known are cmsdk"),
        ("[uart]", "[serial]", "uart is missing"),
        ('kind = "qemu"', 'kind = "spike"', r"emulator\.kind is 'spike'"),
        ('machine = "microbit"', "", r"emulator\.machine is missing"),
        ("[uart]", "[uart", "not a TOML file"),
    ],
)
def test_faulty_files_are_named_with_the_key(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    text = (resource_root() / "boards" / "qemu-microbit.toml").read_text()
    assert old in text
    path = tmp_path / "faulty.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message) as failure:
        load_board(path)
    assert str(path) in failure.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the board file: No such file"):
        board(tmp_path / "none.toml")
