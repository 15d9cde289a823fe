# SPDX-License-Identifier: Apache-2.0
"""Options that several commands take, and what is made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
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
            type=click.Choice(["speed", "size"]),
            default="speed",
            show_default=True,
            help="Specialize kernels to each layer, or share one instance of each.",
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
target_option = click.option(
    "--target", default="cortex-m4", show_default=True, help="Core to generate for."
)


probe_option = click.option(
    "--probe", default="", help="Serial number of the debug probe, where several are attached."
)


def request(core_name: str, options: dict[str, Any]) -> Any:
    """The ``pipeline.Request`` of ``compile_options`` for a core."""
    from tinygen.numerics import Numerics
    from tinygen.pipeline import Request
    from tinygen.plan import KernelChoice, Optimize
    from tinygen.targets.cores import core

    return Request(
        core=core(core_name),
        name=options["name"],
        kernels=KernelChoice(options["kernels"]),
        optimize=Optimize(options["optimize"]),
        numerics=Numerics(options["numerics"]),
        cmsis_nn=options["cmsis_nn"],
        weight_growth=options["weight_growth"],
    )


def write_text(path: Path, text: str) -> None:
    """Write a file, making its directory; MachineError where that fails."""
    from tinygen.errors import MachineError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror or error}.") from error
