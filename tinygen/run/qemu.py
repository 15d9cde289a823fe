# SPDX-License-Identifier: Apache-2.0
"""Runs a program on a Cortex-M emulated by QEMU, its UART reached through a TCP port."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tinygen.errors import InputError, MachineError
from tinygen.hardware.toolchain import install_hint
from tinygen.run.child import serve
from tinygen.run.protocol import Limits
from tinygen.run.runner import Image
from tinygen.run.session import Session

QEMU = "qemu-system-arm"


def qemu_path() -> str:
    """Where QEMU is: ``$TINYGEN_QEMU``, or the one on the PATH.

    Raises:
        MachineError: it is not installed; the hint is the command that installs it.
    """
    wanted = os.environ.get("TINYGEN_QEMU")
    path = shutil.which(wanted or QEMU)
    if path is None and wanted:
        raise MachineError(f"the emulator {wanted} named by $TINYGEN_QEMU is not there")
    if path is None:
        raise MachineError(
            f"the emulator {QEMU} is not installed", install_hint("qemu-system-arm", "qemu")
        )
    return path


@dataclass(frozen=True)
class QemuRunner:
    """Runner for boards whose emulator is QEMU, which gets ``arguments`` besides."""

    limits: Limits | None = None
    arguments: Sequence[str] = ()

    def start(self, image: Image) -> AbstractContextManager[Session]:
        """See :class:`tinygen.run.runner.Runner`."""
        emulator = image.board.emulator
        if emulator is None:
            raise InputError(f"board {image.board.name} is not emulated by QEMU")
        # QEMU's multiplexer, for what it does besides: it takes bytes from the host ahead of the UART,
        # which takes one at a time. Escape character 256: none, so that every byte passes.
        multiplexed = ["mux=on"] if emulator.reads_ahead else []
        # Port 0: the system picks a free one and QEMU prints it, so parallel runs cannot clash.
        socket = "socket,id=line,host=127.0.0.1,port=0,server=on,wait=on,nodelay=on"
        command = [
            qemu_path(),
            *("-machine", emulator.machine, "-cpu", emulator.cpu),
            *("-display", "none", "-monitor", "none"),
            *("-chardev", ",".join([socket, *multiplexed]), "-echr", "256"),
            *("-serial", "chardev:line"),
            *("-kernel", str(image.elf)),
            *self.arguments,
        ]
        return serve(command, f"QEMU ({emulator.machine})", image, self.limits)
