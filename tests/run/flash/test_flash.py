# SPDX-License-Identifier: Apache-2.0
"""Flash back ends, with a stand-in for each tool that records how it was called."""

from __future__ import annotations

import shlex
import shutil
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.run.programs import build_affine, need
from tinygen.errors import InputError, MachineError
from tinygen.hardware.boards import Flashing, all_boards, board
from tinygen.run.flash.backends import BACKENDS, Job
from tinygen.run.flash.flash import choose, flash, flashing_of, tool_version

SERIAL = "066CFF01"


class Tools:
    """Stand-ins on the PATH: each records its arguments, prints what it should, and ends so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = folder / "calls"

    def install(self, program: str, says: str = "", code: int = 0) -> None:
        """Puts one there."""
        path = self._folder / program
        said = self._folder / f"{program}.said"
        said.write_text(says)
        path.write_text(
            f'#!/bin/sh\nfor a in "{program}" "$@"; do echo "$a" >>"{self._record}"; done\n'
            f'echo -- >>"{self._record}"\ncat "{said}"\nexit {code}\n'
        )
        path.chmod(0o755)

    def calls(self) -> list[list[str]]:
        """The command lines so far."""
        if not self._record.exists():
            return []
        text = self._record.read_text()
        return [call.splitlines() for call in text.split("--\n")[:-1]]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    folder = tmp_path / "bin"
    folder.mkdir()
    for needed in ("sh", "cat"):
        found = shutil.which(needed)
        assert found
        (folder / needed).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("TINYGEN_DRIVES", str(tmp_path / "drives"))
    return Tools(folder)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("arm-none-eabi-gcc")
    return build_affine(board("nucleo-f411re"), tmp_path_factory.mktemp("f411")).elf


def job_for(elf: Path, name: str, probe: str = "", port: str = "") -> Job:
    return Job(elf, board(name), probe, port)


CASES = (
    (
        "probe-rs",
        "nucleo-f411re",
        "probe-rs download --chip STM32F411RETx --non-interactive --probe 0483:374b:066CFF01 "
        "--verify ELF",
        "probe-rs reset --chip STM32F411RETx --non-interactive --probe 0483:374b:066CFF01",
    ),
    (
        "pyocd",
        "nucleo-f411re",
        "pyocd load --no-wait --target stm32f411retx --uid 066CFF01 ELF",
    ),
    (
        "openocd",
        "nucleo-f411re",
        "openocd -f interface/stlink.cfg -f target/stm32f4x.cfg -c 'adapter serial 066CFF01' "
        "-c 'program {ELF} verify reset exit'",
    ),
    (
        "st-flash",
        "nucleo-f411re",
        "st-flash --serial 066CFF01 --reset --format ihex write HEX",
    ),
    (
        "stm32cubeprogrammer",
        "nucleo-f411re",
        "STM32_Programmer_CLI -c port=SWD sn=066CFF01 -w ELF -v -rst",
    ),
    (
        "jlink",
        "nucleo-f411re",
        "JLinkExe -device STM32F411RE -if SWD -speed 4000 -autoconnect 1 -NoGui 1 -ExitOnError 1 "
        "-SelectEmuBySN 066CFF01 -CommandFile JLINK",
    ),
    (
        "stm32loader",
        "nucleo-f411re",
        "stm32loader -p /dev/ttyS9 -e -w -v -a 0x08000000 -g 0x08000000 BIN",
    ),
    (
        "nrfutil",
        "nrf52840-dk",
        "nrfutil device program --firmware HEX --serial-number 066CFF01 --options "
        "chip_erase_mode=ERASE_RANGES_TOUCHED_BY_FIRMWARE,reset=RESET_SYSTEM,verify=VERIFY_READ",
    ),
    (
        "nrfjprog",
        "nrf52832-dk",
        "nrfjprog --program HEX --sectorerase --verify --reset --snr 066CFF01",
    ),
)


J_LINK = (
    "openocd",
    "nrf52840-dk",
    "openocd -f interface/jlink.cfg -c 'transport select swd' -f target/nrf52.cfg "
    "-c 'adapter serial 066CFF01' -c 'program {ELF} verify reset exit'",
)


def test_every_back_end_is_covered() -> None:
    assert {case[0] for case in CASES} | {"uf2"} == set(BACKENDS)


def test_methods_of_all_boards_are_known() -> None:
    boards = [entry for entry in all_boards() if entry.flashing is not None]
    assert all(flashing_of(entry) is entry.flashing for entry in boards)
    faulty = replace(boards[0], flashing=Flashing(("magic",)))
    with pytest.raises(InputError, match=r"flashing\.methods has 'magic', known are probe-rs"):
        flashing_of(faulty)


@pytest.mark.parametrize("case", [*CASES, J_LINK], ids=lambda case: " ".join(case[:2]))
def test_command_lines(case: Sequence[str], tools: Tools, elf: Path) -> None:
    method, name, *lines = case
    expected = [shlex.split(line) for line in lines]
    tools.install(BACKENDS[method].program, "all is well\n")
    flashed = flash(job_for(elf, name, SERIAL, "/dev/ttyS9"), method)
    files = {
        "ELF": str(elf),
        "HEX": str(elf.with_suffix(".hex")),
        "BIN": str(elf.with_suffix(".bin")),
        "JLINK": str(elf.with_suffix(".jlink")),
    }
    filled = [
        [files.get(word, word.replace("{ELF}", f"{{{elf}}}")) for word in line] for line in expected
    ]
    assert tools.calls() == filled
    assert flashed.method == method
    assert len(flashed.commands) == len(filled)
    assert flashed.output == "all is well\n" * len(filled)
    for line in filled:
        for word in line:
            if word.startswith(str(elf.parent)):
                assert Path(word).is_file()


def test_without_a_serial_number_none_is_named(tools: Tools, elf: Path) -> None:
    for backend in BACKENDS.values():
        if backend.program:
            tools.install(backend.program)
    for method, name, *_ in CASES:
        flash(job_for(elf, name, port="/dev/ttyS9"), method)
    assert not [
        word for call in tools.calls() for word in call if SERIAL in word or "{" in word[:1]
    ]


def test_jlink_is_told_what_to_do_in_a_script(tools: Tools, elf: Path) -> None:
    tools.install("JLinkExe")
    flash(job_for(elf, "nucleo-f411re"), "jlink")
    script = elf.with_suffix(".jlink").read_text().splitlines()
    assert script == [f"loadfile {elf.with_suffix('.hex')}", "r", "g", "exit"]


FAILURES = (
    ("probe-rs", "Error: No probe was found.", "no debug probe was found"),
    ("probe-rs", "Error: Failed to open probe: Permission denied (os error 13)", "may not access"),
    ("probe-rs", "Error: 2 probes were found. Multiple probes found", "several debug probes"),
    ("probe-rs", "Error: chip is locked / APPROTECT enabled", "locked against access"),
    ("probe-rs", "No flash memory contains the entire requested memory range", "does not fit"),
    ("pyocd", "No available debug probes are connected", "no debug probe was found"),
    ("pyocd", "[Errno 13] Access denied (insufficient permissions)", "may not access"),
    ("openocd", "Error: open failed", "no debug probe was found"),
    ("openocd", "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", "may not access"),
    ("openocd", "Error: init mode failed (unable to connect to the target)", "finds no chip"),
    ("openocd", "Warn : UNEXPECTED idcode: 0x1ba01477", "chip that answered is not the board's"),
    ("openocd", "Error: stm32x device protected, device is locked", "locked against access"),
    ("openocd", "** Verify Failed **\nchecksum mismatch", "does not hold what was written"),
    ("st-flash", "Couldn't find any ST-Link devices", "no debug probe was found"),
    ("st-flash", "unknown chip id! 0x5fa0004", "chip that answered is not the board's"),
    ("st-flash", "ERROR common.c: addr too high, exceeds flash", "does not fit"),
    ("stm32cubeprogrammer", "Error: No STM32 target found! Read out protection", "locked against"),
    ("stm32cubeprogrammer", "Error: No debug probe detected.", "no debug probe was found"),
    ("jlink", "Cannot connect to J-Link via USB.", "no debug probe was found"),
    ("jlink", "Cannot connect to target.", "finds no chip"),
    (
        "stm32loader",
        "[Errno 13] could not open port /dev/ttyS9: [Errno 13] Permission denied: '/dev/ttyS9'",
        "may not use the serial port",
    ),
    # The next five as the tools said it where nothing was attached.
    (
        "stm32loader",
        "[Errno 2] could not open port /dev/ttyS9: [Errno 2] No such file or directory",
        "the serial port is not there",
    ),
    (
        "pyocd",
        "No connected debug probes\n0000493 E No target device available [load_cmd]",
        "no debug probe was found",
    ),
    ("openocd", "Error: No J-Link device found", "no debug probe was found"),
    ("openocd", "Error: unable to find a matching CMSIS-DAP device", "no debug probe was found"),
    (
        "openocd",
        "embedded:startup.tcl:28: Error: Can't find target/rp2350.cfg",
        "the tool does not know the chip",
    ),
    (
        "pyocd",
        "Target type stm32f411retx not recognized. Use 'pyocd list --targets'",
        "the tool does not know the chip",
    ),
    ("nrfutil", "Error: device is in readback protection: AP-Protect", "locked against access"),
    ("nrfutil", "Error: No devices found", "no debug probe was found"),
    ("nrfjprog", "ERROR: There is no debugger connected to the PC.", "no debug probe was found"),
    ("nrfjprog", "ERROR: Access port protection is enabled", "locked against access"),
    ("openocd", "Error: LIBUSB_ERROR_BUSY", "in use by another program"),
    ("openocd", "something never heard of", "openocd failed"),
)


@pytest.mark.parametrize(("method", "says", "what"), FAILURES)
def test_failures_are_explained(method: str, says: str, what: str, tools: Tools, elf: Path) -> None:
    tools.install(BACKENDS[method].program, says + "\n", code=1)
    name = "nrf52840-dk" if method.startswith("nrf") else "nucleo-f411re"
    with pytest.raises(MachineError) as failure:
        flash(job_for(elf, name, port="/dev/ttyS9"), method)
    assert failure.value.message.startswith(f"cannot flash {name}: ")
    assert what in failure.value.message
    # The exact command and what the tool said are there to be seen.
    assert BACKENDS[method].program in failure.value.hint
    assert says.splitlines()[-1] in failure.value.hint
    assert failure.value.exit_code == 3


def test_a_tool_that_fails_with_exit_code_0(tools: Tools, elf: Path) -> None:
    tools.install("JLinkExe", "Cannot connect to J-Link via USB.\n")
    with pytest.raises(MachineError, match="no debug probe was found"):
        flash(job_for(elf, "nucleo-f411re"), "jlink")


def test_the_unlocking_command_is_named(tools: Tools, elf: Path) -> None:
    tools.install("nrfjprog", "ERROR: Access port protection is enabled\n", code=16)
    with pytest.raises(MachineError) as failure:
        flash(job_for(elf, "nrf52840-dk"), "nrfjprog")
    assert "erases the whole chip: nrfjprog --recover" in failure.value.hint


def test_the_pack_that_is_missing_is_named(tools: Tools, elf: Path) -> None:
    tools.install("pyocd", "Target type stm32f411retx not recognized.\n", code=1)
    with pytest.raises(MachineError) as failure:
        flash(job_for(elf, "nucleo-f411re"), "pyocd")
    assert "`pyocd pack install stm32f411retx`" in failure.value.hint


def test_the_second_command_is_not_run_after_a_failure(tools: Tools, elf: Path) -> None:
    tools.install("probe-rs", "Error: No probe was found.\n", code=1)
    with pytest.raises(MachineError):
        flash(job_for(elf, "nucleo-f411re"), "probe-rs")
    assert len(tools.calls()) == 1


def test_the_boards_first_installed_tool_is_taken(tools: Tools) -> None:
    target = board("nucleo-f411re")
    with pytest.raises(MachineError, match="no tool that flashes nucleo-f411re") as failure:
        choose(target)
    assert "stlink-tools" in failure.value.hint
    for program, method in (("pyocd", "pyocd"), ("openocd", "openocd"), ("probe-rs", "probe-rs")):
        tools.install(program)
        assert choose(target).name == method
    with pytest.raises(InputError, match="not flashed by nrfjprog"):
        choose(target, "nrfjprog")
    with pytest.raises(MachineError, match="looked for st-flash"):
        choose(target, "st-flash")


@pytest.mark.parametrize("name", ["host", "qemu-microbit", "renode-nrf52840"])
def test_boards_that_are_not_flashed(name: str) -> None:
    with pytest.raises(InputError, match=f"board {name} cannot be flashed"):
        choose(board(name))


def test_a_chip_without_name(tools: Tools, elf: Path) -> None:
    tools.install("pyocd")
    target = board("nucleo-f411re")
    assert target.flashing is not None
    nameless = replace(target, flashing=replace(target.flashing, chips={}))
    with pytest.raises(InputError, match="does not say what pyocd calls its chip"):
        flash(Job(elf, nameless), "pyocd")


def test_stm32loader_needs_a_port(tools: Tools, elf: Path) -> None:
    tools.install("stm32loader")
    with pytest.raises(InputError, match="needs the serial port"):
        flash(job_for(elf, "nucleo-f411re"), "stm32loader")


def test_versions(tools: Tools) -> None:
    tools.install("openocd", "\nOpen On-Chip Debugger 0.12.0\nLicensed under GNU GPL v2\n")
    assert tool_version(BACKENDS["openocd"]).startswith("Open On-Chip Debugger 0.12.0 (/")
    with pytest.raises(MachineError, match="pyocd is not installed") as failure:
        tool_version(BACKENDS["pyocd"])
    assert "pip install" in failure.value.hint


def test_every_real_board_says_what_its_tools_call_the_chip() -> None:
    needs_name = {"probe-rs", "pyocd", "openocd", "jlink"}
    for target in all_boards():
        if target.flashing is not None:
            assert needs_name & set(target.flashing.methods) <= set(target.flashing.chips), target


def drive(tmp_path: Path, name: str, board_id: str) -> Path:
    folder = tmp_path / "drives" / name
    folder.mkdir(parents=True)
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nBoard-ID: {board_id}\n")
    return folder


def test_uf2_drives(tools: Tools, tmp_path: Path) -> None:
    del tools  # sets the folder of the drives
    pico = board("rpi-pico")
    folder = tmp_path / "pico"
    folder.mkdir()
    elf = folder / "program.elf"
    # One loadable segment of 300 bytes at the start of flash.
    elf.write_bytes(small_elf(0x10000000, bytes(range(256)) + bytes(44)))
    with pytest.raises(MachineError, match="no drive of its boot loader") as failure:
        flash(Job(elf, pico), "uf2")
    assert "BOOTSEL" in failure.value.hint
    with pytest.raises(MachineError, match="no tool that flashes rpi-pico") as failure:
        choose(pico)
    assert "BOOTSEL" in failure.value.hint
    drive(tmp_path, "OTHER", "RP2350")
    first = drive(tmp_path, "RPI-RP2", "RPI-RP2")
    assert choose(pico).name == "uf2"
    flashed = flash(Job(elf, pico))
    assert flashed.output == f"copied program.uf2 to {first}"
    assert (first / "program.uf2").stat().st_size == 2 * 512
    drive(tmp_path, "RPI-RP3", "RPI-RP2")
    with pytest.raises(InputError, match="several boards are waiting"):
        flash(Job(elf, pico))


def small_elf(address: int, data: bytes) -> bytes:
    """An ELF file with one segment and nothing else."""
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    header += struct.pack("<8I", 1, 84, address, address, len(data), len(data), 5, 4)
    return header + data
