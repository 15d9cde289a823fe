# SPDX-License-Identifier: Apache-2.0
"""Generated C + test main + start-up of a board → a linked program."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tinygen.emit import Interface
from tinygen.emit.templates import template
from tinygen.hardware.boards import Board
from tinygen.hardware.boot2 import seal_boot2
from tinygen.hardware.toolchain import Source, Toolchain, compile_sources, link, toolchain_for
from tinygen.planning.options import Optimize
from tinygen.resources import resource_root
from tinygen.run.runner import Image

_CMSIS_NN = "cmsis-nn"
_WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Werror")
_CODE = ("-O2", "-g", "-ffunction-sections", "-fdata-sections")
_SMALL = ("-Os",)
"""What follows for the code of a model that was generated with ``--optimize size``."""
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build_image(
    generated_dir: Path,
    interface: Interface,
    board: Board,
    build_dir: Path,
    *,
    trace: bool,
    sanitize: bool = False,
    extra_include_dirs: Sequence[Path] = (),
    model_objects: Sequence[Path] = (),
) -> Image:
    """Compiles and links the generated files of a model, all that the folder holds, with the test main.

    Objects, glue, linker script, map and program go to ``build_dir``. Without ``trace`` (TINYGEN_TRACE,
    so that layers can be observed) the model's code is exactly what users get. ``sanitize`` is for the
    host only. ``extra_include_dirs`` are exempt from warnings. ``model_objects`` are of the generated
    sources, compiled before for a board with the same core; if empty, they are compiled here.

    Raises:
        MachineError: the compiler is not installed.
        BuildError: the compiler or linker refused.
        BudgetError: the program does not fit the board's memory.
    """
    toolchain = toolchain_for(board)
    name = interface.name
    runtime = resource_root() / "firmware" / "runtime"
    model_sources = sorted(p for p in generated_dir.rglob("*") if p.suffix in (".c", ".S"))
    target = (*board.core.gcc_flags, *_CODE, *(_SANITIZERS if sanitize else ()))
    defines = (*_board_defines(board), *(("-DTINYGEN_TRACE",) if trace else ()))
    includes = _include_flags(generated_dir, extra_include_dirs)
    small = _SMALL if interface.optimize is Optimize.SIZE else ()
    files = [*_files(generated_dir), *_files(runtime)]
    build_id = _build_id(toolchain, (*target, *defines, *small), board, files)

    build_dir.mkdir(parents=True, exist_ok=True)
    glue = _filled(
        build_dir / "harness_model.c",
        name=name,
        prefix=name.upper(),
        inputs=range(len(interface.inputs)),
        outputs=range(len(interface.outputs)),
        pushed=interface.pushed,
        trace=trace,
        build_id=build_id,
    )
    own_sources = [*_runtime_sources(runtime, board), glue]
    if not board.is_host:
        own_sources.append(_filled(build_dir / "board_setup.c", board=board))
    own = ("-std=c99", *target, *_WARNINGS, *defines, f"-I{runtime}", *includes)
    # CMSIS-NN itself shifts a signed 1 into the sign bit; what it reads and writes is still watched.
    lenient = ("-fno-sanitize=undefined",) if sanitize else ()
    foreign = ("-w", *target, *lenient, *includes)
    sources = [
        Source(path, (*(foreign if _is_foreign(path, generated_dir) else own), *small))
        for path in (() if model_objects else model_sources)
    ]
    sources += [Source(path, own) for path in own_sources]
    made = compile_sources(toolchain, sources, build_dir)
    objects = (*model_objects, *(compiled for _, compiled in made))
    generated = (compiled for source, compiled in made if source.path in model_sources)
    elf = build_dir / f"{name}.elf"
    map_file = None if board.is_host else build_dir / f"{name}.map"
    link(toolchain, objects, (*target, *_link_flags(board, build_dir, map_file)), elf, board)
    if board.boot == "rp2040":
        seal_boot2(elf)
    return Image(
        elf, map_file, board, interface.model_sha256, build_id, trace, (*model_objects, *generated)
    )


def _runtime_sources(runtime: Path, board: Board) -> list[Path]:
    names = ["harness_main.c", "wire.c", "cycle_counter.c", f"uart_{board.uart.kind}.c"]
    if not board.is_host:
        names += ["startup_cortexm.c", "board.c"]
    if board.boot:
        names.append(f"boot_{board.boot}.S")
    return [runtime / name for name in names]


def _filled(path: Path, **values: object) -> Path:
    """The file, made of the template that is named after it."""
    path.write_text(template(f"{path.name}.j2").render(values), encoding="utf-8")
    return path


def _board_defines(board: Board) -> tuple[str, ...]:
    if board.is_host:
        return ()
    values = {
        "TINYGEN_STACK_GUARD_LOG2": board.stack_guard_bytes.bit_length() - 1,
        "TINYGEN_UART_CLOCK_HZ": board.uart.clock_hz or board.clock_hz,
        "TINYGEN_UART_BASE": board.uart.base,
        "TINYGEN_UART_BAUD": board.uart.baud,
        **{f"TINYGEN_UART_{key.upper()}": value for key, value in board.uart.parameters.items()},
    }
    caches = () if board.l1_caches else ("-DTINYGEN_NO_CACHES",)
    return (*(f"-D{key}={value}u" for key, value in values.items()), *caches)


def _is_foreign(path: Path, generated_dir: Path) -> bool:
    """Whether a file is upstream's, which follows upstream's rules about warnings."""
    return path.is_relative_to(generated_dir / _CMSIS_NN)


def _include_flags(generated_dir: Path, extra: Sequence[Path]) -> tuple[str, ...]:
    folders = dict.fromkeys(
        [generated_dir, *(header.parent for header in sorted(generated_dir.rglob("*.h")))]
    )
    flags = []
    for folder in (*folders, *extra):
        exempt = folder in extra or _is_foreign(folder, generated_dir)
        flags += ["-isystem", str(folder)] if exempt else [f"-I{folder}"]
    return tuple(flags)


def _files(folder: Path) -> list[tuple[str, Path]]:
    return [
        (path.relative_to(folder).as_posix(), path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def _build_id(
    toolchain: Toolchain, flags: Sequence[str], board: Board, files: Iterable[tuple[str, Path]]
) -> str:
    """Digest of everything that decides what the program does: 16 hexadecimal digits."""
    digest = hashlib.sha256(repr((toolchain.version, tuple(flags), board)).encode())
    for name, path in files:
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _link_flags(board: Board, build_dir: Path, map_file: Path | None) -> tuple[str, ...]:
    if map_file is None:
        return ("-lm",)
    first = {"flash": board.flash[0].name, "ram": board.ram[0].name}
    script = _filled(build_dir / "linker.ld", board=board, **first)
    where = ("-nostartfiles", f"-Wl,-T,{script}", f"-Wl,-Map={map_file}")
    return (*where, "-Wl,--gc-sections", "-lm")
