# SPDX-License-Identifier: Apache-2.0
"""Compilers: finding them, compiling many files at once, linking, and naming what went wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import BudgetError, BuildError, MachineError
from tinygen.hardware.boards import Board

_ERROR_LINES = 8


@dataclass(frozen=True)
class Toolchain:
    """A compiler driver that also links.

    Attributes:
        driver: path of the executable.
        version: first line of its ``--version``.
    """

    driver: str
    version: str


@dataclass(frozen=True)
class Source:
    """A C or assembly file and the flags it is compiled with."""

    path: Path
    flags: tuple[str, ...]


def install_hint(debian: str, homebrew: str) -> str:
    """The command that installs something on this kind of machine."""
    if sys.platform == "darwin":
        return f"install it with: brew install {homebrew}"
    return f"install it with: apt-get install {debian}"


def _version(driver: str) -> str:
    try:
        shown = subprocess.run(
            [driver, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MachineError(f"{driver} does not run: {error}") from error
    return shown.stdout.partition("\n")[0].strip()


def arm_toolchain() -> Toolchain:
    """``arm-none-eabi-gcc`` with its C library.

    Raises:
        MachineError: it, or the C library's headers, are missing; the hint is the command that
            installs them.
    """
    hint = install_hint("gcc-arm-none-eabi libnewlib-arm-none-eabi", "--cask gcc-arm-embedded")
    driver = shutil.which("arm-none-eabi-gcc")
    if driver is None:
        raise MachineError("the compiler arm-none-eabi-gcc is not installed", hint)
    library = subprocess.run(
        [driver, "-print-file-name=libc.a"], capture_output=True, text=True, timeout=60, check=False
    )
    if not Path(library.stdout.strip()).is_absolute():
        raise MachineError(f"{driver} has no C library (newlib)", hint)
    return Toolchain(driver, _version(driver))


def host_toolchain() -> Toolchain:
    """The native compiler: ``$CC``, or the first of cc, gcc and clang.

    Raises:
        MachineError: there is none; the hint is the command that installs one.
    """
    wanted = os.environ.get("CC")
    for name in (wanted,) if wanted else ("cc", "gcc", "clang"):
        driver = shutil.which(name)
        if driver is not None:
            return Toolchain(driver, _version(driver))
    missing = f"the compiler {wanted} named by $CC" if wanted else "a C compiler for this machine"
    raise MachineError(f"{missing} is not installed", install_hint("gcc libc6-dev", "gcc"))


def toolchain_for(board: Board) -> Toolchain:
    """The compiler that builds for a board.

    Raises:
        MachineError: it is not installed.
    """
    return host_toolchain() if board.is_host else arm_toolchain()


def _first_errors(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|undefined reference", line)]
    return "\n".join((telling or lines)[:_ERROR_LINES])


def _run(command: Sequence[str], doing: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"{doing} failed:\n{_first_errors(done.stderr)}", " ".join(command))


def compile_sources(
    toolchain: Toolchain, sources: Sequence[Source], build_dir: Path
) -> tuple[tuple[Source, Path], ...]:
    """Compiles every source, in parallel: pairs of it and its object file in ``build_dir/objects``.

    Raises:
        BuildError: the compiler refused one; the message has its first error lines.
    """
    objects = build_dir / "objects"
    objects.mkdir(parents=True, exist_ok=True)

    def compile_one(numbered: tuple[int, Source]) -> tuple[Source, Path]:
        number, source = numbered
        # Two folders may hold files of one name.
        target = objects / f"{number:03d}_{source.path.stem}.o"
        command = [toolchain.driver, *source.flags, "-c", str(source.path), "-o", str(target)]
        _run(command, f"compiling {source.path}")
        return source, target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return tuple(pool.map(compile_one, enumerate(sources)))


def link(
    toolchain: Toolchain,
    objects: Sequence[Path],
    flags: Sequence[str],
    output: Path,
    board: Board,
) -> None:
    """Links object files into ``output``.

    Raises:
        BudgetError: the program does not fit a memory region of the board.
        BuildError: the linker refused for another reason.
    """
    command = [
        toolchain.driver,
        *(flag for flag in flags if not flag.startswith("-l")),
        *(str(path) for path in objects),
        # Libraries come after the objects that use them.
        *(flag for flag in flags if flag.startswith("-l")),
        "-o",
        str(output),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode == 0:
        return
    overflow = _overflow(done.stderr, board)
    if overflow is not None:
        raise overflow
    raise BuildError(f"linking {output} failed:\n{_first_errors(done.stderr)}", " ".join(command))


def _overflow(messages: str, board: Board) -> BudgetError | None:
    """The linker's complaint about a full region, with the sizes a user can act on."""
    found = re.search(r"region [`'](\w+)' overflowed by (\d+) bytes?", messages)
    if found is None:
        return None
    name, excess = found[1], int(found[2])
    in_ram = name in {region.name for region in board.ram}
    length = next(r.length for r in (*board.ram, *board.flash) if r.name == name)
    return BudgetError(
        f"the program needs {length + excess:,} bytes in {'RAM' if in_ram else 'flash'} region "
        f"{name} of board {board.name}, which has {length:,}: {excess:,} bytes too many",
        "choose a board with more memory (`tinygen boards` lists them), "
        f"or try --optimize {'ram' if in_ram else 'size'}",
    )
