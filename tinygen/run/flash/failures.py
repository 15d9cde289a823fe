# SPDX-License-Identifier: Apache-2.0
"""What a flash tool's complaint means, and what to do next."""

from __future__ import annotations

import re

from tinygen.errors import MachineError
from tinygen.run.flash.backends import Backend, Job

_QUOTED_LINES = 12


# Why it failed, what tools say about that, and a hint; in this order: a tool that may not open the
# probe often says that it finds none, too.
_CAUSES = (
    (
        "this user may not use the serial port",
        r"could not open port.*(permission|access is) denied",
        "on Linux: sudo usermod -a -G dialout $USER, then log in again",
    ),
    (
        "the serial port is not there, or another program holds it",
        r"could not open port",
        "`python -m serial.tools.list_ports -v` lists those there are",
    ),
    (
        "the tool does not know the chip",
        r"target type .* not recognized|can't find (target|interface)/|no chip found|"
        r"chip .* was not found|unknown device name|is an unknown (device|chip)",
        "a newer version of it may; pyOCD learns it by `pyocd pack install {chip}`",
    ),
    (
        "this user may not access the debug probe",
        r"permission denied|LIBUSB_ERROR_ACCESS|access denied|insufficient permission|errno 13|"
        r"not have permission",
        "on Linux, install the tool's udev rules into /etc/udev/rules.d, run "
        "`sudo udevadm control --reload && sudo udevadm trigger`, and plug the board in again",
    ),
    (
        "the chip is locked against access by a debugger",
        r"read.?out protect|read protect|RDP|APPROTECT|ap.?protect|access port .*protect|"
        r"is locked|chip is protected|secured|device is in .*protect",
        "unlocking erases the whole chip: {unlock}",
    ),
    (
        "several debug probes are attached",
        r"multiple (debug )?probes|more than one|several .*(probe|st-?link|emulator)|ambiguous|"
        r"multiple .*(emulators|devices)",
        "say which one with --probe SERIAL",
    ),
    (
        "the program does not fit the chip's flash",
        r"too (large|big)|does not fit|exceeds|no flash (memory|bank|region)|not enough flash|"
        r"outside (of )?(the )?(flash|memory|device)|overlap.* end of|beyond .*flash",
        "is the board file that of this chip? `tinygen analyze` shows what the model needs",
    ),
    (
        "the chip that answered is not the board's",
        r"unexpected (id ?code|id)|wrong (chip|device|target)|unknown (chip|target|device)|"
        r"chip.?id.*(mismatch|unknown)|id ?code.*(mismatch|expected)|does not match|"
        r"not a supported (chip|device)|device .*mismatch",
        "is --board the one that is attached? {board} is a {core}; "
        "with several probes, choose with --probe SERIAL",
    ),
    (
        "no debug probe was found",
        r"no (available |connected )?(debug )?(probe|st-?link|j-?link|emulator|debugger|device)s?\b|"
        r"(couldn't|could not|cannot|unable to|failed to) (find|open|connect to) .*"
        r"(probe|st-?link|j-?link|adapter|device|port)|LIBUSB_ERROR_NO_DEVICE|open failed|"
        r"there is no debugger connected|no such file or directory: .*/dev",
        "plug the board in at its debug USB connector, with a cable that carries data",
    ),
    (
        "the debug probe finds no chip",
        r"(cannot|can't|could not|failed to|unable to) (connect|attach) to (the )?(target|chip|core|"
        r"cpu|device)|no target|target not (found|halted)|"
        r"init mode failed|swd.*(no ack|fault)|failed to (read|enter) .*(core|debug|swd)",
        "is the board powered, and are its debug jumpers set? Try again with the reset button held",
    ),
    (
        "the debug probe is in use by another program",
        r"resource busy|LIBUSB_ERROR_BUSY|already (in use|claimed|open)|device busy",
        "close the debugger or IDE that holds it",
    ),
    (
        "the flash does not hold what was written",
        r"verif(y|ication) (failed|error)|checksum mismatch|mismatch at|failed to verify|"
        r"contents differ",
        "try again; if it stays so, the chip's flash is worn or protected",
    ),
)


def failure(backend: Backend, job: Job, command: str, output: str) -> MachineError:
    """The error for a tool that failed: cause by its output, next step, and what it said."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    quoted = "\n".join(lines[-_QUOTED_LINES:]) or "(nothing)"
    said = f"{backend.name} was run as:\n{command}\nand said:\n{quoted}"
    for what, complaint, hint in _CAUSES:
        if re.search(complaint, output, re.IGNORECASE):
            filled = hint.format(
                unlock=backend.unlock or "another tool must do it",
                chip=_pyocd_chip(job),
                board=job.board.name,
                core=job.board.core.name,
            )
            return MachineError(f"cannot flash {job.board.name}: {what}", f"{filled}\n{said}")
    return MachineError(f"cannot flash {job.board.name}: {backend.name} failed", said)


def _pyocd_chip(job: Job) -> str:
    return job.board.flashing.chips.get("pyocd", "CHIP") if job.board.flashing else "CHIP"
