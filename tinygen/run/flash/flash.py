# SPDX-License-Identifier: Apache-2.0
"""Puts a linked program on a real board: the best installed tool, its command, its failures."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass

from tinygen.errors import InputError, MachineError
from tinygen.hardware.boards import Board, Flashing
from tinygen.ir.data import Result
from tinygen.run.flash.backends import BACKENDS, Backend, Job
from tinygen.run.flash.failures import failure
from tinygen.run.flash.uf2 import flash_uf2, uf2_drives

_LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Flashed(Result):
    """How a program was put on a board: back end, its command lines, and all it said."""

    board: str
    method: str
    commands: tuple[str, ...]
    output: str


def flashing_of(board: Board) -> Flashing:
    """How a board is flashed.

    Raises:
        InputError: it is no board that anything is flashed onto, or by unknown means.
    """
    if board.flashing is None:
        why, hint = "its file has no [flashing]", "list the methods there; docs/boards.md shows how"
        if board.is_host or board.emulator:
            why = "it runs on this machine" if board.is_host else "it is emulated"
            hint = "`tinygen verify` runs it"
        raise InputError(f"board {board.name} cannot be flashed: {why}", hint)
    for method in board.flashing.methods:
        if method not in BACKENDS:
            raise InputError(
                f"board {board.name}: flashing.methods has {method!r}, known are "
                f"{', '.join(BACKENDS)}"
            )
    return board.flashing


def choose(board: Board, method: str = "") -> Backend:
    """The back end asked for, or the board's first that can be used now.

    Raises:
        InputError: the board does not have the one asked for.
        MachineError: none is installed; the hint says how to get them.
    """
    methods = flashing_of(board).methods
    if method and method not in methods:
        raise InputError(
            f"board {board.name} is not flashed by {method}", f"its methods: {', '.join(methods)}"
        )
    names = (method,) if method else methods
    for name in names:
        if names == ("uf2",) or _usable(board, name):
            return BACKENDS[name]
    wanted = [BACKENDS[name] for name in names if name != "uf2"]
    ways = "\n".join(f"{backend.name}: {backend.install}" for backend in wanted)
    if "uf2" in names:
        ways += (
            "\nor hold BOOTSEL while you plug the board in: it is a drive then, and needs no tool"
        )
    raise MachineError(
        f"no tool that flashes {board.name} is installed "
        f"(looked for {', '.join(backend.program for backend in wanted)})",
        f"install one of them:\n{ways}",
    )


def _usable(board: Board, name: str) -> bool:
    if name == "uf2":
        return bool(uf2_drives(board))
    return BACKENDS[name].path() is not None


def flash(job: Job, method: str = "") -> Flashed:
    """Writes the program to the board and starts it, by the best installed tool or the one named.

    Raises:
        InputError: the board is not flashed that way.
        MachineError: no tool is installed, or it failed; the message says why and what to do.
    """
    backend = choose(job.board, method)
    if backend.name == "uf2":
        return Flashed(job.board.name, "uf2", (), flash_uf2(job))
    commands = backend.commands(job)
    said = "".join([_run(backend, job, command) for command in commands])
    return Flashed(job.board.name, backend.name, tuple(map(shlex.join, commands)), said)


def _run(backend: Backend, job: Job, command: list[str]) -> str:
    shown = shlex.join(command)
    try:
        done = _told(command, _LIMIT_SECONDS)
    except subprocess.TimeoutExpired as expired:
        raise MachineError(
            f"cannot flash {job.board.name}: {backend.name} did not end in {_LIMIT_SECONDS} s",
            f"unplug the board and plug it in again\nit was run as:\n{shown}",
        ) from expired
    except OSError as error:
        raise MachineError(
            f"cannot flash {job.board.name}: {backend.program} does not run: {error.strerror}"
        ) from error
    # Some tools end with 0 whatever happened.
    failed_anyway = backend.name in ("jlink", "stm32cubeprogrammer") and _complains(done.stdout)
    if done.returncode != 0 or failed_anyway:
        raise failure(backend, job, shown, done.stdout)
    return done.stdout


def _told(command: list[str], seconds: int) -> subprocess.CompletedProcess[str]:
    """A command that ended, and in ``stdout`` all it said."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def _complains(output: str) -> bool:
    return any(
        line.strip().lower().startswith(("error", "****** error", "cannot connect", "failed"))
        for line in output.splitlines()
    )


def tool_version(backend: Backend) -> str:
    """First line of what an installed tool says its version is.

    Raises:
        MachineError: it is not installed, or does not run.
    """
    path = backend.path()
    if path is None:
        raise MachineError(f"{backend.program} is not installed", f"get it: {backend.install}")
    try:
        said = _told([path, backend.version], 20).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise MachineError(f"{path} does not run: {error}", f"get it: {backend.install}") from error
    lines = [line.strip(" -") for line in said.splitlines() if line.strip(" -")]
    return f"{lines[0] if lines else 'unknown version'} ({path})"
