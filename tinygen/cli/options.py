# SPDX-License-Identifier: Apache-2.0
"""Options that several commands take: those of compiling are made from ``Options``, each once."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click

from tinygen.api import DEFAULT_BOARD
from tinygen.planning.options import Options

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_DEFAULTS = {field.name: field.default for field in fields(Options)}

_COMPILE: Mapping[str, tuple[str, dict[str, Any]]] = {
    "name": ("Prefix of every symbol (default: the file's name).", {}),
    "kernels": ("Whose kernels to use.", {}),
    "optimize": (
        "Specialize kernels to each layer, share one instance of each, or stream layers by rows "
        "through the smallest arena.",
        {},
    ),
    "ram": (
        "Bytes that the arena may take; layers are streamed by rows where that is needed.",
        {"type": click.IntRange(min=1)},
    ),
    "banks": (
        "A memory that the arena may be spread over, in place of what the board leaves; several "
        "times for several.",
        {"multiple": True, "metavar": "NAME=BYTES[,fast]"},
    ),
    "flash": (
        "Bytes that code (estimated) and constants may take.",
        {"type": click.IntRange(min=1)},
    ),
    "stream_input": (
        "The input is delivered row by row, by NAME_push_row().",
        {"is_flag": True, "show_default": False},
    ),
    "numerics": ("Whose arithmetic to reproduce bit for bit.", {}),
    "cmsis_nn": ("A CMSIS-NN source tree to use.", {"type": click.Path(path_type=Path)}),
    "custom": (
        "A Python file with operators of your own (docs/custom-operators.md); several times for "
        "several.",
        {"multiple": True, "metavar": "FILE.py", "type": click.Path(path_type=Path)},
    ),
    "signature": (
        "The signature to compile, where the model has several (default: its first subgraph).",
        {"metavar": "NAME"},
    ),
    "weight_growth": (
        "Times the model's own constant bytes that faster kernels may take.",
        {"type": click.FloatRange(min=1)},
    ),
}
"""The options of ``tinygen.compile`` that commands take: what each is for, and what it may be."""

_FLAGS = {"banks": "--bank"}


def compile_option(name: str) -> Callable[[FunctionT], FunctionT]:
    """An option of compiling: its default is that of ``Options``, an enumeration its choices."""
    text, more = _COMPILE[name]
    default = _DEFAULTS[name]
    if isinstance(default, Enum):
        more = {**more, "type": click.Choice([choice.value for choice in type(default)])}
        default = default.value
    flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
    return click.option(
        flag, name, **{"default": default, "show_default": bool(default), "help": text, **more}
    )


def together(*options: Callable[[FunctionT], FunctionT]) -> Callable[[FunctionT], FunctionT]:
    """Several options as one, listed by ``--help`` in their order."""
    return lambda function: functools.reduce(
        lambda f, option: option(f), reversed(options), function
    )


compile_options: Callable[[FunctionT], FunctionT] = together(*map(compile_option, _COMPILE))
"""``generate``'s options, which every command takes that compiles a model."""

model_argument = click.argument("model", type=click.Path(path_type=Path))

run_option = click.option(
    "--board",
    "on",
    help="A board's name, or a board file: where the program runs, and what it is planned for. "
    f"Default: an emulated board of the target's core, {DEFAULT_BOARD} without one.",
)

core_option = click.option("--target", help="Core to build for, if not the board's own.")

line_options: Callable[[FunctionT], FunctionT] = together(
    click.option(
        "--port", default="", help="Serial port (or pyserial URL) of a board that is attached."
    ),
    click.option(
        "--probe", default="", help="Serial number of the debug probe, where several are attached."
    ),
)

sample_options: Callable[[FunctionT], FunctionT] = together(
    click.option(
        "--samples",
        type=click.IntRange(min=1),
        default=10,
        show_default=True,
        help="Number of random samples.",
    ),
    click.option(
        "--seed", type=int, default=1, show_default=True, help="Seed of the random samples."
    ),
)

target_options: Callable[[FunctionT], FunctionT] = together(
    click.option("--target", help="Core to generate for (default: cortex-m4)."),
    click.option(
        "--board", help="A board's name, or a board file: its core, and its memories as limits."
    ),
)
"""Of commands that run nothing."""


def directory_option(**how: Any) -> Callable[[FunctionT], FunctionT]:
    """``-o DIR``."""
    return click.option(
        "-o", "--output", type=click.Path(path_type=Path), **{"help": "Directory.", **how}
    )


def common_options(function: FunctionT) -> FunctionT:
    """--json and --debug, which every command has; ``--debug`` is handled by the group."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
    @click.option("--debug", is_flag=True, help="Tracebacks instead of one-sentence errors.")
    @functools.wraps(function)
    def wrapper(*args: Any, debug: bool, **kwargs: Any) -> Any:  # noqa: ARG001
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def show(
    data: Mapping[str, Any], as_json: bool, for_people: Callable[[Mapping[str, Any]], None]
) -> None:
    """One JSON object, or what people read."""
    if as_json:
        click.echo(json.dumps(data))
    else:
        for_people(data)
