# SPDX-License-Identifier: Apache-2.0
"""Options that several commands take, and what is made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def common_options(function: FunctionT) -> FunctionT:
    """--json and --debug, which every command has; ``--debug`` is handled by the group."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
    @click.option("--debug", is_flag=True, help="Tracebacks instead of one-sentence errors.")
    @functools.wraps(function)
    def wrapper(*args: Any, debug: bool, **kwargs: Any) -> Any:  # noqa: ARG001
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def compile_options(function: FunctionT) -> FunctionT:
    """``generate``'s options, which verify, profile, report and analyze take too."""
    options = (
        click.option(
            "--name", default="", help="Prefix of every symbol (default: the file's name)."
        ),
        click.option(
            "--kernels",
            type=click.Choice(["auto", "cmsis-nn", "tinygen"]),
            default="auto",
            show_default=True,
            help="Whose kernels to use.",
        ),
        click.option(
            "--optimize",
            type=click.Choice(["speed", "size", "ram"]),
            default="speed",
            show_default=True,
            help="Specialize kernels to each layer, share one instance of each, or stream layers "
            "by rows through the smallest arena.",
        ),
        click.option(
            "--ram",
            type=click.IntRange(min=1),
            help="Bytes that the arena may take; layers are streamed by rows where that is needed.",
        ),
        click.option(
            "--bank",
            "banks",
            multiple=True,
            metavar="NAME=BYTES[,fast]",
            help="A memory that the arena may be spread over, in place of what the board leaves; "
            "several times for several.",
        ),
        click.option(
            "--flash",
            type=click.IntRange(min=1),
            help="Bytes that code (estimated) and constants may take.",
        ),
        click.option(
            "--stream-input",
            is_flag=True,
            help="The input is delivered row by row, by NAME_push_row().",
        ),
        click.option(
            "--numerics",
            type=click.Choice(["tflm", "litert"]),
            default="tflm",
            show_default=True,
            help="Whose arithmetic to reproduce bit for bit.",
        ),
        click.option(
            "--cmsis-nn",
            "cmsis_nn",
            type=click.Path(path_type=Path),
            help="A CMSIS-NN source tree to use.",
        ),
        click.option(
            "--weight-growth",
            type=click.FloatRange(min=1),
            default=1.05,
            show_default=True,
            help="Times the model's own constant bytes that faster kernels may take.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


model_argument = click.argument("model", type=click.Path(path_type=Path))


def target_options(function: FunctionT) -> FunctionT:
    """--target and --board, of commands that run nothing."""
    target = click.option("--target", help="Core to generate for (default: cortex-m4).")
    board = click.option(
        "--board",
        "board_name",
        help="A board's name, or a board file: its core, and its memories as limits.",
    )
    return target(board(function))


def request_for(target: str | None, board_name: str | None, options: dict[str, Any]) -> Any:
    """The ``Options`` of ``target_options`` and ``compile_options``."""
    from tinygen.hardware.boards import board

    if board_name is None:
        return request(target or "cortex-m4", options)
    chosen = board(board_name, target)
    return request(chosen.core.name, options, chosen)


build_target_option = click.option(
    "--target", "core_name", help="Core to build for, if not the board's own."
)
probe_option = click.option(
    "--probe", default="", help="Serial number of the debug probe, where several are attached."
)


def request(core_name: str, options: dict[str, Any], board: Any = None) -> Any:
    """The ``Options`` of ``compile_options`` for a core, or a board and its memories."""
    from tinygen.hardware.cores import core
    from tinygen.ir.graph import Numerics
    from tinygen.planning.board_memory import chosen_banks, on_board, ram_budget
    from tinygen.planning.options import Budget, KernelChoice, Optimize, Options

    asked = Options(
        core=core(core_name),
        name=options["name"],
        kernels=KernelChoice(options["kernels"]),
        optimize=Optimize(options["optimize"]),
        numerics=Numerics(options["numerics"]),
        cmsis_nn=options["cmsis_nn"],
        weight_growth=options["weight_growth"],
        ram=Budget(options["ram"], "--ram") if options["ram"] else None,
        flash=Budget(options["flash"], "--flash") if options["flash"] else None,
        stream_input=options["stream_input"],
    )
    if board is not None:
        return on_board(board, asked, options["banks"])
    banks = chosen_banks(None, options["banks"])
    return replace(asked, ram=asked.ram or ram_budget(None, banks), banks=banks)


def write_text(path: Path, text: str) -> None:
    """Write a file, making its directory; MachineError where that fails."""
    from tinygen.errors import MachineError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror or error}.") from error
