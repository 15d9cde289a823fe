# SPDX-License-Identifier: Apache-2.0
"""The flash tools people have: each one's command lines, version, and how it is installed.

Command lines are those of the tools' own manuals: probe-rs 0.24 (``probe-rs download --help``), pyOCD
0.36 (docs/command_reference.md), OpenOCD 0.12 (User's Guide, 12.6 "Flash Commands", ``program``),
stlink 1.7 (doc/man/st-flash.md), STM32CubeProgrammer (UM2237, section 3.2), nRF Util (``nrfutil device
program --help``), nRF Command Line Tools (nrfjprog, UG), J-Link (UM08001, 3.2 "J-Link Commander"),
stm32loader 0.7 (README).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import InputError
from tinygen.hardware.boards import Board
from tinygen.run.flash.images import to_binary, to_hex
from tinygen.run.flash.ports import usb_identity


@dataclass(frozen=True)
class Job:
    """What is to be flashed: program, board, probe serial number and port (empty: any, none)."""

    elf: Path
    board: Board
    probe: str = ""
    port: str = ""


@dataclass(frozen=True)
class Backend:
    """A flash tool.

    Attributes:
        name: in board files and on the command line.
        program: its executable; empty for one that tinygen is itself.
        commands: the command lines that put a program on the board and start it; none for UF2, a file
            that tinygen copies (tinygen/run/flash/uf2.py).
        version: arguments that make it print its version.
        install: how to get it.
        unlock: what clears read protection; empty if the tool cannot.
    """

    name: str
    program: str
    commands: Callable[[Job], list[list[str]]]
    version: tuple[str, ...]
    install: str
    unlock: str = ""

    def path(self) -> str | None:
        """Where the executable is; None if it is not installed."""
        return shutil.which(self.program)


def _chip(job: Job, backend: str) -> str:
    assert job.board.flashing is not None
    chip = job.board.flashing.chips.get(backend)
    if chip is None:
        raise InputError(
            f"board {job.board.name} does not say what {backend} calls its chip",
            f'add  {backend} = "…"  to [flashing.chips] of the board file',
        )
    return chip


def _hex_file(job: Job) -> str:
    path = job.elf.with_suffix(".hex")
    path.write_text(to_hex(job.elf), encoding="ascii")
    return str(path)


def _if_probe(job: Job, *option: str) -> Sequence[str]:
    return (*option[:-1], option[-1].format(job.probe)) if job.probe else ()


def _probe_rs(job: Job) -> list[list[str]]:
    chip = ["--chip", _chip(job, "probe-rs"), "--non-interactive"]
    # probe-rs names a probe by all three: vendor, product, serial number.
    if job.probe and job.board.usb:
        vendor, product = usb_identity(job.board, job.probe)
        chip += ["--probe", f"{vendor:04x}:{product:04x}:{job.probe}"]
    return [
        ["probe-rs", "download", *chip, "--verify", str(job.elf)],
        ["probe-rs", "reset", *chip],
    ]


def _pyocd(job: Job) -> list[list[str]]:
    target = ["--target", _chip(job, "pyocd"), *_if_probe(job, "--uid", "{}")]
    return [["pyocd", "load", "--no-wait", *target, str(job.elf)]]


def _openocd(job: Job) -> list[list[str]]:
    command = ["openocd"]
    for script in _chip(job, "openocd").split():
        command += ["-f", script]
        if script == "interface/jlink.cfg":
            # OpenOCD would begin with JTAG, which this adapter has too.
            command += ["-c", "transport select swd"]
    command += _if_probe(job, "-c", "adapter serial {}")
    return [[*command, "-c", f"program {{{job.elf}}} verify reset exit"]]


def _st_flash(job: Job) -> list[list[str]]:
    serial = _if_probe(job, "--serial", "{}")
    return [["st-flash", *serial, "--reset", "--format", "ihex", "write", _hex_file(job)]]


def _cube(job: Job) -> list[list[str]]:
    connect = ["-c", "port=SWD", *_if_probe(job, "sn={}")]
    return [["STM32_Programmer_CLI", *connect, "-w", str(job.elf), "-v", "-rst"]]


def _nrfutil(job: Job) -> list[list[str]]:
    options = (
        "chip_erase_mode=ERASE_RANGES_TOUCHED_BY_FIRMWARE,reset=RESET_SYSTEM,verify=VERIFY_READ"
    )
    serial = _if_probe(job, "--serial-number", "{}")
    return [
        [
            "nrfutil",
            "device",
            "program",
            "--firmware",
            _hex_file(job),
            *serial,
            "--options",
            options,
        ]
    ]


def _nrfjprog(job: Job) -> list[list[str]]:
    serial = _if_probe(job, "--snr", "{}")
    return [
        ["nrfjprog", "--program", _hex_file(job), "--sectorerase", "--verify", "--reset", *serial]
    ]


def _jlink(job: Job) -> list[list[str]]:
    script = job.elf.with_suffix(".jlink")
    script.write_text(f"loadfile {_hex_file(job)}\nr\ng\nexit\n", encoding="utf-8")
    return [
        [
            "JLinkExe",
            "-device",
            _chip(job, "jlink"),
            "-if",
            "SWD",
            "-speed",
            "4000",
            "-autoconnect",
            "1",
            "-NoGui",
            "1",
            "-ExitOnError",
            "1",
            *_if_probe(job, "-SelectEmuBySN", "{}"),
            "-CommandFile",
            str(script),
        ]
    ]


def _stm32loader(job: Job) -> list[list[str]]:
    if not job.port:
        raise InputError(
            "stm32loader needs the serial port of the chip's boot loader", "give it with --port"
        )
    start, data = to_binary(job.elf)
    path = job.elf.with_suffix(".bin")
    path.write_bytes(data)
    at = f"0x{start:08x}"
    return [["stm32loader", "-p", job.port, "-e", "-w", "-v", "-a", at, "-g", at, str(path)]]


BACKENDS: Mapping[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend(
            "probe-rs",
            "probe-rs",
            _probe_rs,
            ("--version",),
            "https://probe.rs/docs/getting-started/installation",
            "probe-rs erase --chip CHIP --allow-erase-all",
        ),
        Backend(
            "pyocd",
            "pyocd",
            _pyocd,
            ("--version",),
            "pip install 'tinygen[flash]'",
            "pyocd erase --mass --target CHIP",
        ),
        Backend(
            "openocd",
            "openocd",
            _openocd,
            ("--version",),
            "apt-get install openocd (or: brew install openocd)",
            "openocd -f … -c 'init; reset halt; stm32f4x unlock 0; exit' (command by chip family)",
        ),
        Backend(
            "st-flash",
            "st-flash",
            _st_flash,
            ("--version",),
            "apt-get install stlink-tools (or: brew install stlink)",
        ),
        Backend(
            "stm32cubeprogrammer",
            "STM32_Programmer_CLI",
            _cube,
            ("--version",),
            "https://www.st.com/en/development-tools/stm32cubeprog.html",
            "STM32_Programmer_CLI -c port=SWD -ob RDP=0xAA",
        ),
        Backend(
            "nrfutil",
            "nrfutil",
            _nrfutil,
            ("--version",),
            "https://www.nordicsemi.com/Products/Development-tools/nRF-Util "
            "(then: nrfutil install device)",
            "nrfutil device recover",
        ),
        Backend(
            "nrfjprog",
            "nrfjprog",
            _nrfjprog,
            ("--version",),
            "https://www.nordicsemi.com/Products/Development-tools/nRF-Command-Line-Tools",
            "nrfjprog --recover",
        ),
        Backend(
            "jlink",
            "JLinkExe",
            _jlink,
            ("-?",),
            "https://www.segger.com/downloads/jlink",
            "the commander's  unlock  command for the chip's family",
        ),
        Backend("uf2", "", lambda _: [], (), "nothing to install"),
        Backend(
            "stm32loader",
            "stm32loader",
            _stm32loader,
            ("--version",),
            "pip install stm32loader",
            "stm32loader -p PORT --unprotect",
        ),
    )
}
"""Every back end by name."""
