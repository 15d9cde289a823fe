# SPDX-License-Identifier: Apache-2.0
"""Starting board files from similar boards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.errors import InputError
from tinygen.hardware.boards import board
from tinygen.hardware.new_board import nearest_board, start_board_file


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("nucleo-f401re", "nucleo-f411re"),
        ("nucleo-l496zg", "nucleo-l476rg"),
        ("NUCLEO-H753ZI", "nucleo-h743zi2"),
        ("nrf52833-dk", "nrf52832-dk"),
        ("rpi-pico-w", "rpi-pico"),
    ],
)
def test_the_nearest_board(name: str, nearest: str) -> None:
    assert nearest_board(name) == nearest


def test_a_started_file_is_a_board(tmp_path: Path) -> None:
    path = tmp_path / "nucleo-f401re.toml"
    assert start_board_file(path) == "nucleo-f411re"
    assert board(path).setup == board("nucleo-f411re").setup
    assert "Started from nucleo-f411re" in path.read_text()
    other = tmp_path / "mine.toml"
    assert start_board_file(other, "qemu-microbit") == "qemu-microbit"
    assert board(other).core.name == "cortex-m0"


def test_what_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no board has a name like 'xyzzy'"):
        start_board_file(tmp_path / "xyzzy.toml")
    with pytest.raises(InputError, match="unknown board 'nothing'"):
        start_board_file(tmp_path / "a.toml", "nothing")
    with pytest.raises(InputError, match="is no board file"):
        start_board_file(tmp_path / "nucleo-f401re")
    path = tmp_path / "nucleo-f401re.toml"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        start_board_file(path)
    assert path.read_text() == "precious"
    with pytest.raises(InputError, match="cannot be written"):
        start_board_file(tmp_path / "absent" / "nucleo-f401re.toml")
