# SPDX-License-Identifier: Apache-2.0
"""Board files: those that come with tinygen, and what is said about faulty ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.errors import InputError
from tinygen.hardware.boards import Board, all_boards, board, load_board
from tinygen.resources import resource_root


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
            "qemu-netduinoplus2": "cortex-m4",
            "qemu-olimex-stm32-h405": "cortex-m4",
            "qemu-stm32vldiscovery": "cortex-m3",
            "qemu-b-l475e-iot01a": "cortex-m4",
            "renode-stm32f4-discovery": "cortex-m4",
            "renode-nrf52840": "cortex-m4",
            "nucleo-f411re": "cortex-m4",
            "nucleo-f446re": "cortex-m4",
            "nucleo-f746zg": "cortex-m7",
            "nucleo-h743zi2": "cortex-m7",
            "nucleo-l476rg": "cortex-m4",
            "nucleo-l4r5zi": "cortex-m4",
            "nucleo-g474re": "cortex-m4",
            "nucleo-u575zi-q": "cortex-m33",
            "nrf52840-dk": "cortex-m4",
            "nrf52832-dk": "cortex-m4",
            "nrf5340-dk": "cortex-m33",
            "arduino-nano-33-ble": "cortex-m4",
            "rpi-pico": "cortex-m0plus",
            "rpi-pico2": "cortex-m33",
        }.items()
    )


@pytest.mark.parametrize("entry", all_boards(), ids=lambda entry: entry.name)
def test_names_say_how_a_board_runs(entry: Board) -> None:
    kind = entry.emulator.kind if entry.emulator else ""
    assert kind == (entry.name.split("-")[0] if entry.name.startswith(("qemu-", "renode-")) else "")
    assert (entry.flashing is None) == (bool(kind) or entry.is_host)
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
        ('core = "cortex-m0"', 'core = "cortex-a9"', "core is 'cortex-a9', known cores: cortex-m0"),
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
        ('kind = "nrf51"', 'kind = "ns16550"', r"uart\.kind is 'ns16550', known are cmsdk"),
        ("[uart]", "[serial]", "uart is missing"),
        ('kind = "qemu"', 'kind = "spike"', r"emulator\.kind is 'spike'"),
        ('machine = "microbit"', "", r"emulator\.machine is missing"),
        ("[uart]", "[uart", "not a TOML file"),
        ("stack_bytes = 2048", "stack_bytes = 20000", "stack_bytes is more than region ram has"),
        ('core = "cortex-m0"', 'core = "cortex-m0"\nstack_in = "x"', "names no RAM region: 'x'"),
        ('core = "cortex-m0"', 'core = "cortex-m0"\nvectors_in = "x"', "names no region: 'x'"),
        ("origin = 0x2000_0000", "origin = 0x2000_0010", "starts at no multiple of 256"),
        ("origin = 0x2000_0000", "origin = 0x0003_0000", "ram overlaps region flash"),
        ("origin = 0x2000_0000", "origin = 0x0004_0000", "right above flash"),
        ("length = 0x4000", "length = 0xF000_0000", "ends past the 32-bit address space"),
        ('name = "ram"', 'name = "ram"\nfast = 1', r"ram\[0\]\.fast must be true or false, not 1"),
        ('name = "ram"', 'name = "flash"', "two regions named flash"),
        ('name = "ram"', 'name = "ram"\nprefetch = true', "but nothing to wait for: stall is 0"),
        (
            'name = "ram"',
            'name = "ram"\nstall = 2\nread_bytes = 6',
            "must be a power of two up to 1,048,576, not 6",
        ),
        (
            'name = "ram"',
            'name = "ram"\nstall = 2\ndata_cache = "l1"',
            "ram has a data_cache that is none: 'l1'",
        ),
        (
            "[uart]",
            '[[cache]]\nname = "l1"\nline_bytes = 32\nlines = 64\nways = 3\n[uart]',
            r"cache\[0\]\.ways must divide the 64 lines, not 3",
        ),
        (
            "[uart]",
            2 * '[[cache]]\nname = "l1"\nline_bytes = 32\nlines = 64\n' + "[uart]",
            "cache has two of one name: l1, l1",
        ),
        (
            "[uart]",
            "".join(f'[[cache]]\nname = "c{i}"\nline_bytes = 8\nlines = 8\n' for i in range(5))
            + "[uart]",
            "cache has 5, more than 4",
        ),
        (
            'name = "ram"',
            'name = "ram"\nstall = 5_000_000_000',
            "stall must be from 0 to 1,048,576",
        ),
        ('core = "cortex-m0"', 'core = "cortex-m0"\nusb = ["1234"]', "must be like '0483:374b'"),
        ('core = "cortex-m0"', 'core = "cortex-m0"\nusb = [7]', "usb must be one or more strings"),
        ('core = "cortex-m0"', 'core = "cortex-m0"\nboot = "u-boot"', "boot is 'u-boot', known"),
        ("[uart]", '[flashing]\nmethods = "uf2"\n[uart]', r"flashing\.methods must be one or more"),
        ("[uart]", "[flashing]\nchips = {}\n[uart]", r"flashing\.methods is missing"),
        (
            "[uart]",
            '[flashing]\nmethods = ["uf2"]\nchips = {uf2 = 1}\n[uart]',
            r"flashing\.chips\.uf2 must be a string, not 1",
        ),
        ("baud = ", "max_baud = 1\nbaud = ", r"uart\.max_baud must be at least"),
        ("tx_pin = 24", "tx_pin = 24\nlpuart = 0", r"uart\.lpuart is not a known key"),
        ('kind = "qemu"', 'kind = "qemu"\nuart = "uart0"', r"emulator\.uart is not a known key"),
        ('kind = "qemu"', 'kind = "renode"\nuart = "a"', r"emulator\.cpu is not a known key"),
        ('core = "cortex-m0"', 'core = "cortex-m0"\nname = "x"', "name is not a known key"),
        (
            "[uart]",
            '[[setup]]\ndo = "wait"\nat = 2\nmask = 1\nvalue = 1\nwhy = ""\n[uart]',
            r"setup\[0\]\.at must be a multiple of 4",
        ),
        (
            "[uart]",
            '[[setup]]\ndo = "change"\nat = 4\nmask = 1\nvalue = 2\nwhy = ""\n[uart]',
            r"setup\[0\]\.value has bits outside the mask",
        ),
        ("[uart]", '[[setup]]\ndo = "poke"\n[uart]', r"setup\[0\]\.do is 'poke', known are write"),
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


def test_a_line_that_cannot_be_read_ahead() -> None:
    direct = [
        entry.name for entry in all_boards() if entry.emulator and not entry.emulator.reads_ahead
    ]
    assert direct == ["qemu-b-l475e-iot01a"]
