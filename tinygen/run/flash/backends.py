# SPDX-License-Identifier: Apache-2.0
"""The flash tools people have: each one's command lines, version, and how it is installed.

Command lines are those of the tools' own manuals: probe-rs 0.24 (``probe-rs download --help``), pyOCD
0.36 (docs/command_reference.md), OpenOCD 0.12 (User's Guide, 12.6 "Flash Commands", ``program``),
stlink 1.7 (doc/man/st-flash.md), STM32CubeProgrammer (UM2237, section 3.2), nRF Util (``nrfutil device
program --help``), nRF Command Line Tools (nrfjprog, UG), J-Link (UM08001, 3.2 "J-Link Commander"),
stm32loader 0.7 (README).
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping
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
        templates: the arguments of each command that puts a program on the board and starts it; words
            in braces are those of :data:`_WORDS`. None for UF2, a file that tinygen copies
            (tinygen/run/flash/uf2.py).
        install: how to get it.
        unlock: what clears read protection; empty if the tool cannot.
        choice: ``{choice}``, which chooses the debug probe by its serial number.
        version: argument that makes it print its version.
    """

    name: str
    program: str
    templates: tuple[str, ...]
    install: str
    unlock: str = ""
    choice: str = ""
    version: str = "--version"

    def path(self) -> str | None:
        """Where the executable is; None if it is not installed."""
        return shutil.which(self.program)

    def commands(self, job: Job) -> list[list[str]]:
        """The command lines for a program; the files that they name are written."""
        # probe-rs names a probe by all three: vendor, product, serial number.
        chosen = job.probe and (job.board.usb or "{usb}" not in self.choice)
        choice = self.choice if chosen else ""
        return [self._command(job, text.replace("{choice}", choice)) for text in self.templates]

    def _command(self, job: Job, template: str) -> list[str]:
        if "{scripts}" in template:
            template = template.replace("{scripts}", _scripts(_chip(job, self.name)))
        words = {key: word for key, word in _WORDS.items() if f"{{{key}}}" in template}
        filled = {key: word(job, self.name) for key, word in words.items()}
        return [self.program, *(word.format(**filled) for word in shlex.split(template))]


def _chip(job: Job, backend: str) -> str:
    assert job.board.flashing is not None
    chip = job.board.flashing.chips.get(backend)
    if chip is None:
        raise InputError(
            f"board {job.board.name} does not say what {backend} calls its chip",
            f'add  {backend} = "…"  to [flashing.chips] of the board file',
        )
    return chip


def _scripts(names: str) -> str:
    # With J-Link, OpenOCD would begin with JTAG, which this adapter has too.
    swd = {"interface/jlink.cfg": " -c 'transport select swd'"}
    return " ".join(f"-f {name}{swd.get(name, '')}" for name in names.split())


def _usb(job: Job, _: str) -> str:
    vendor, product = usb_identity(job.board, job.probe)
    return f"{vendor:04x}:{product:04x}"


def _port(job: Job, _: str) -> str:
    if not job.port:
        raise InputError(
            "stm32loader needs the serial port of the chip's boot loader", "give it with --port"
        )
    return job.port


def _hex_file(job: Job, _: str = "") -> str:
    path = job.elf.with_suffix(".hex")
    path.write_text(to_hex(job.elf), encoding="ascii")
    return str(path)


def _binary_file(job: Job, _: str) -> str:
    path = job.elf.with_suffix(".bin")
    path.write_bytes(to_binary(job.elf)[1])
    return str(path)


def _jlink_script(job: Job, _: str) -> str:
    script = job.elf.with_suffix(".jlink")
    script.write_text(f"loadfile {_hex_file(job)}\nr\ng\nexit\n", encoding="utf-8")
    return str(script)


_WORDS: Mapping[str, Callable[[Job, str], str]] = {
    "elf": lambda job, _: str(job.elf),
    "chip": _chip,
    "serial": lambda job, _: job.probe,
    "usb": _usb,
    "port": _port,
    "hex": _hex_file,
    "bin": _binary_file,
    "start": lambda job, _: f"0x{to_binary(job.elf)[0]:08x}",
    "jlink": _jlink_script,
}
"""What stands for a word in braces, of a job and the name of the back end."""

_BACKENDS = (
    Backend(
        "probe-rs",
        "probe-rs",
        (
            "download --chip {chip} --non-interactive {choice} --verify {elf}",
            "reset --chip {chip} --non-interactive {choice}",
        ),
        "https://probe.rs/docs/getting-started/installation",
        "probe-rs erase --chip CHIP --allow-erase-all",
        choice="--probe {usb}:{serial}",
    ),
    Backend(
        "pyocd",
        "pyocd",
        ("load --no-wait --target {chip} {choice} {elf}",),
        "pip install 'tinygen[flash]'",
        "pyocd erase --mass --target CHIP",
        choice="--uid {serial}",
    ),
    Backend(
        "openocd",
        "openocd",
        ("{scripts} {choice} -c 'program {{{elf}}} verify reset exit'",),
        "apt-get install openocd (or: brew install openocd)",
        "openocd -f … -c 'init; reset halt; stm32f4x unlock 0; exit' (command by chip family)",
        choice="-c 'adapter serial {serial}'",
    ),
    Backend(
        "st-flash",
        "st-flash",
        ("{choice} --reset --format ihex write {hex}",),
        "apt-get install stlink-tools (or: brew install stlink)",
        choice="--serial {serial}",
    ),
    Backend(
        "stm32cubeprogrammer",
        "STM32_Programmer_CLI",
        ("-c port=SWD {choice} -w {elf} -v -rst",),
        "https://www.st.com/en/development-tools/stm32cubeprog.html",
        "STM32_Programmer_CLI -c port=SWD -ob RDP=0xAA",
        choice="sn={serial}",
    ),
    Backend(
        "nrfutil",
        "nrfutil",
        (
            "device program --firmware {hex} {choice} --options chip_erase_mode="
            "ERASE_RANGES_TOUCHED_BY_FIRMWARE,reset=RESET_SYSTEM,verify=VERIFY_READ",
        ),
        "https://www.nordicsemi.com/Products/Development-tools/nRF-Util "
        "(then: nrfutil install device)",
        "nrfutil device recover",
        choice="--serial-number {serial}",
    ),
    Backend(
        "nrfjprog",
        "nrfjprog",
        ("--program {hex} --sectorerase --verify --reset {choice}",),
        "https://www.nordicsemi.com/Products/Development-tools/nRF-Command-Line-Tools",
        "nrfjprog --recover",
        choice="--snr {serial}",
    ),
    Backend(
        "jlink",
        "JLinkExe",
        (
            "-device {chip} -if SWD -speed 4000 -autoconnect 1 -NoGui 1 -ExitOnError 1 {choice} "
            "-CommandFile {jlink}",
        ),
        "https://www.segger.com/downloads/jlink",
        "the commander's  unlock  command for the chip's family",
        choice="-SelectEmuBySN {serial}",
        version="-?",
    ),
    Backend("uf2", "", (), "nothing to install"),
    Backend(
        "stm32loader",
        "stm32loader",
        ("-p {port} -e -w -v -a {start} -g {start} {bin}",),
        "pip install stm32loader",
        "stm32loader -p PORT --unprotect",
    ),
)
BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in _BACKENDS}
"""Every back end by name."""
