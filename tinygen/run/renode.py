# SPDX-License-Identifier: Apache-2.0
"""Runs a program in Renode: the script, a Robot Framework test, and the runner.

What the scripts rest on was seen of Renode 1.16.1: its exit status is 0 even when a script fails, it
ends at the end of its input, and after ``machine Reset`` only ``macro reset`` loads the program again.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import serial

from tinygen.emit.templates import template
from tinygen.errors import InputError, MachineError, TargetError
from tinygen.hardware.elf import read_symbols
from tinygen.run.child import Child
from tinygen.run.crash import explained
from tinygen.run.protocol import Client, Limits
from tinygen.run.runner import Image
from tinygen.run.session import Session

_PORT = 3456
_SAMPLES = 10
_START_SECONDS = 90.0
_READ_SECONDS = 0.02
_SCRIPT_FAILED = "There was an error executing command"


@dataclass(frozen=True)
class RenodeFiles:
    """What runs a program in Renode by hand."""

    script: Path
    robot: Path


def renode_path() -> str:
    """Where Renode is: ``$TINYGEN_RENODE``, or the one on the PATH.

    Raises:
        MachineError: it is not installed; the hint says how to get it.
    """
    wanted = os.environ.get("TINYGEN_RENODE")
    path = shutil.which(wanted or "renode")
    if path is None:
        missing = f"the emulator {wanted} named by $TINYGEN_RENODE" if wanted else "Renode"
        raise MachineError(
            f"{missing} is not installed",
            "get the portable release for this system from "
            "https://github.com/renode/renode/releases and put its folder on the PATH, "
            "or choose a qemu- board",
        )
    return path


def write_renode_files(
    image: Image, model: Path, directory: Path, port: int = _PORT
) -> RenodeFiles:
    """Writes the Renode script and the Robot Framework test, which verifies ``model``, of a program.

    ``port`` is the TCP port of the board's serial line.

    Raises:
        InputError: the board is not emulated by Renode.
    """
    emulator = image.board.emulator
    if emulator is None or emulator.kind != "renode":
        raise InputError(
            f"board {image.board.name} is not emulated by Renode",
            "boards that are have names that begin with renode-",
        )
    stem = image.elf.stem
    directory.mkdir(parents=True, exist_ok=True)
    files = RenodeFiles(directory / f"{stem}.resc", directory / f"{stem}.robot")
    for path, source in ((files.script, "renode.resc.j2"), (files.robot, "renode.robot.j2")):
        text = template(source).render(
            name=stem,
            board=image.board,
            elf=image.elf.resolve(),
            model=model.resolve(),
            resc=files.script.name,
            robot=files.robot.name,
            port=port,
            samples=_SAMPLES,
            vectors=read_symbols(image.elf)["tinygen_vectors"].address,
        )
        path.write_text(text, encoding="utf-8")
    return files


@dataclass(frozen=True)
class RenodeRunner:
    """Runner for boards whose emulator is Renode."""

    limits: Limits | None = None

    @contextmanager
    def start(self, image: Image) -> Iterator[Session]:
        """See :class:`tinygen.run.runner.Runner`."""
        port = _free_port()
        files = write_renode_files(image, image.elf, image.elf.parent, port)
        command = [renode_path(), "--console", "--disable-xwt", "--plain", str(files.script)]
        child = Child(command, "Renode", keep_input=True)
        try:
            with _connect(child, port) as line, explained(image.elf):
                client = Client(line, child.check, self.limits)
                yield Session(client, image.model_sha256, image.build_id)
        finally:
            child.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _connect(child: Child, port: int) -> serial.SerialBase:
    """Waits until Renode listens; the script's own complaint is the better message."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if _SCRIPT_FAILED in child.said():
            raise TargetError("Renode could not carry out its script", child.said())
        try:
            return serial.serial_for_url(f"socket://127.0.0.1:{port}", timeout=_READ_SECONDS)
        except serial.SerialException as error:
            child.check(0.2)
            if time.monotonic() >= deadline:
                raise TargetError(
                    f"Renode opened no port in {_START_SECONDS:.0f} s", child.said()
                ) from error
