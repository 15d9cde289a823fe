# SPDX-License-Identifier: Apache-2.0
"""The command line: one function a command; arguments in, the API called, its result printed."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tinygen import __version__, api
from tinygen.cli import options as opt
from tinygen.cli.boards import boards, flash, renode
from tinygen.cli.compare import compare
from tinygen.cli.explain import explain
from tinygen.cli.quantize import quantize
from tinygen.errors import (
    EXIT_CLOSED,
    EXIT_DONE,
    EXIT_FAULT,
    EXIT_INPUT,
    EXIT_INTERRUPTED,
    EXIT_MACHINE,
    EXIT_MISMATCH,
    TinygenError,
)
from tinygen.numerics.oracles import ORACLES


class _ClosedError(Exception):
    """Nobody reads the output any more. Not an OSError, of which click makes exit code 1."""


class _Group(click.Group):
    """Commands that end in the exit codes of ``tinygen.errors``, with one sentence and a hint."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ClosedError from None

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and turn every way to end into a message and an exit code."""
        arguments: list[str] = list(kwargs.get("args") or sys.argv[1:])
        kwargs["standalone_mode"] = False
        signal.signal(signal.SIGTERM, _terminated)
        for stream in (sys.stdout, sys.stderr):
            # An encoding that lacks a sign is no reason to fail.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            code = self._run(arguments, lambda: super(_Group, self).main(*args, **kwargs))
            sys.stdout.flush()
        except (BrokenPipeError, _ClosedError):
            # Without this the interpreter complains when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(EXIT_CLOSED)
        except OSError as error:
            sys.stderr.write(f"Error: the output cannot be written: {error.strerror or error}\n")
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(EXIT_MACHINE)
        sys.exit(code)

    def _run(self, arguments: list[str], command: Callable[[], Any]) -> int:
        as_json, debug = "--json" in arguments, "--debug" in arguments
        try:
            return int(command() or EXIT_DONE)
        except click.exceptions.Abort:
            return EXIT_INTERRUPTED
        except click.exceptions.Exit as exit_:
            return exit_.exit_code
        except click.ClickException as error:
            return _failed(error.format_message(), "See --help.", EXIT_INPUT, as_json)
        except TinygenError as error:
            if debug:
                raise
            return _failed(error.message, error.hint, error.exit_code, as_json)
        except (OSError, _ClosedError):
            raise
        except Exception as error:
            if debug:
                raise
            text = f"this is a fault of tinygen: {type(error).__name__}: {error}"
            hint = "Please report it, with the command, the model, and what it prints with --debug."
            return _failed(text, hint, EXIT_FAULT, as_json)


def _terminated(number: int, _: object) -> None:
    """Ends as an exception does, so that temporary directories are removed and children stopped."""
    sys.exit(128 + number)


def _failed(message: str, hint: str, code: int, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"error": message, "hint": hint, "exit_code": code}))
    click.echo(f"Error: {message}" + (f"\nHint: {hint}" if hint else ""), err=True)
    return code


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__,
    prog_name="tinygen",
    message="%(prog)s %(version)s ("
    + "; ".join(f"--numerics {one.value}: {release}" for one, release in ORACLES.items())
    + ")",
)
def main() -> None:
    """Compile a quantized TensorFlow Lite model into C for Cortex-M, and prove it bit for bit."""


main.add_command(boards)
main.add_command(compare)
main.add_command(explain)
main.add_command(flash)
main.add_command(quantize)
main.add_command(renode)


@main.command()
@click.option(
    "--operators", is_flag=True, help="List the operators and types that are compiled, and exit."
)
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw the arena over time as SVG; with --ram-curve, the curve beside it (FILE-curve.svg).",
)
@click.option("--ram-curve", is_flag=True, help="RAM against cycles: what each --ram would cost.")
@opt.target_options
@opt.compile_options
@opt.common_options
def analyze(
    model: Path | None,
    operators: bool,
    plot: Path | None,
    ram_curve: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Operators, MACs, weights, arena against its lower bound, flash, boards that fit, their times."""
    from tinygen.emit import write_text
    from tinygen.planning.as_data import plan_as_data
    from tinygen.reporting.console import print_analysis, print_operators
    from tinygen.reporting.memory_map import memory_map
    from tinygen.reporting.ram_curve import curve_svg, print_curve

    if operators:
        table = {"operators": [one.to_dict() for one in api.operators()]}
        opt.show(table, as_json, lambda _: print_operators(api.operators()))
        return
    if model is None:
        raise click.UsageError("Missing argument 'MODEL'.")
    compilation = api.compile(model, **options)
    data = api.analyze(compilation, ram_curve=ram_curve).to_dict()
    data["left_out"] = list(compilation.left_out)
    if plot:
        write_text(plot, memory_map(plan_as_data(compilation.plan)))
        if ram_curve:
            write_text(plot.with_name(f"{plot.stem}-curve.svg"), curve_svg(data))

    def for_people(_: Any) -> None:
        print_analysis(data)
        for line in data["left_out"]:
            click.echo(line)
        if ram_curve:
            print_curve(data)

    opt.show(data, as_json, for_people)


@main.command()
@opt.model_argument
@opt.directory_option(help="Directory of the C files (default: firmware/generated/NAME).")
@click.option("--force", is_flag=True, help="Write beside files that tinygen did not generate.")
@opt.target_options
@opt.compile_options
@opt.common_options
def generate(model: Path, output: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Write the C files of a model."""
    from tinygen.reporting.console import print_generated

    compilation = api.compile(model, **options)
    directory = compilation.write(
        output or Path("firmware") / "generated" / compilation.name, force=force
    )
    opt.show({"directory": str(directory), **compilation.to_dict()}, as_json, print_generated)


@main.command()
@opt.model_argument
@opt.run_option
@opt.line_options
@click.option(
    "--input",
    "input_file",
    type=click.Path(path_type=Path),
    help="Samples as .npy, or .npz with one array an input.",
)
@opt.core_option
@opt.sample_options
@click.option("--layers", is_flag=True, help="Compare every operator's output too.")
@click.option("--no-flash", is_flag=True, help="The board already runs the program.")
@click.option("--keep-going", is_flag=True, help="After a crash, go on with the next sample.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    help="Keep outputs here, and resume a run that was cut short.",
)
@opt.compile_options
@opt.common_options
def verify(
    model: Path,
    input_file: Path | None,
    samples: int,
    no_flash: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Generate, build, run on a board or emulator, and compare bit for bit with the reference."""
    from tinygen.reporting.console import print_verdict, progress

    with progress() as tell:
        verdict = api.verify(
            model, input_file or samples, flash_first=not no_flash, progress=tell, **options
        )
    opt.show(verdict.to_dict(), as_json, print_verdict)
    return EXIT_DONE if verdict.bit_exact else EXIT_MISMATCH


@main.command()
@opt.model_argument
@opt.run_option
@opt.line_options
@opt.core_option
@opt.compile_options
@opt.common_options
def profile(model: Path, as_json: bool, **options: Any) -> None:
    """Count instructions and cycles, layer by layer; flash and RAM as linked."""
    from tinygen.reporting.console import progress
    from tinygen.reporting.profile_table import print_profile

    with progress() as tell:
        measured = api.profile(model, progress=tell, **options)
    opt.show(measured.to_dict(), as_json, print_profile)


@main.command()
@opt.model_argument
@opt.directory_option(required=True)
@opt.run_option
@opt.sample_options
@opt.compile_options
@opt.common_options
def report(model: Path, output: Path, as_json: bool, **options: Any) -> int:
    """Write one HTML page: layers, memory over time, cost, and the verdict of an emulated run."""
    from tinygen.reporting.console import progress

    with progress() as tell:
        made = api.report(model, progress=tell, **options)
    page = made.write(output)
    opt.show(made.to_dict(), as_json, lambda _: click.echo(str(page)))
    return EXIT_DONE if made.verdict.bit_exact else EXIT_MISMATCH


@main.command()
@opt.common_options
def doctor(as_json: bool) -> int:
    """What tinygen needs on this machine: found, or how to install it."""
    from tinygen.cli.doctor import examine
    from tinygen.reporting.console import print_findings

    findings = examine()
    opt.show({"tools": findings}, as_json, print_findings)
    missing = any(finding["required"] and not finding["found"] for finding in findings)
    return EXIT_MACHINE if missing else EXIT_DONE


@main.group(name="cmsis-nn")
def cmsis_nn_group() -> None:
    """CMSIS-NN's sources."""


@cmsis_nn_group.command(name="fetch")
@opt.common_options
def cmsis_nn_fetch(as_json: bool) -> None:
    """Download the pinned upstream release of CMSIS-NN into the user's cache."""
    from tinygen.kernels.cmsis_nn import fetch

    tree = fetch()
    data = {"root": str(tree.root), "version": tree.version}
    opt.show(data, as_json, lambda _: click.echo(f"CMSIS-NN {tree.version} is in {tree.root}."))


if __name__ == "__main__":
    main()
