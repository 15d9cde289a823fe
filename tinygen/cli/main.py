# SPDX-License-Identifier: Apache-2.0
"""The command line: one function a command; arguments in, one stage called, its result printed."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from tinygen import __version__
from tinygen.cli.boards import boards, flash, renode
from tinygen.cli.compare import compare
from tinygen.cli.explain import explain
from tinygen.cli.options import (
    build_target_option,
    common_options,
    compile_options,
    model_argument,
    probe_option,
    request,
    request_for,
    target_options,
    write_text,
)
from tinygen.cli.quantize import quantize
from tinygen.errors import EXIT_DONE, EXIT_INPUT, EXIT_MACHINE, EXIT_MISMATCH, TinygenError


class _Group(click.Group):
    """Commands that end in the exit codes of ``tinygen.errors``, with one sentence and a hint."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and turn every expected error into a message and an exit code."""
        arguments: list[str] = list(kwargs.get("args") or sys.argv[1:])
        as_json = "--json" in arguments
        kwargs["standalone_mode"] = False
        try:
            sys.exit(super().main(*args, **kwargs) or EXIT_DONE)
        except click.exceptions.Abort:
            sys.exit(130)
        except click.exceptions.Exit as exit_:
            sys.exit(exit_.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), "See --help.", EXIT_INPUT, as_json)
        except TinygenError as error:
            if "--debug" in arguments:
                raise
            _fail(error.message, error.hint, error.exit_code, as_json)


def _fail(message: str, hint: str, code: int, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"error": message, "hint": hint, "exit_code": code}))
    click.echo(f"Error: {message}" + (f"\nHint: {hint}" if hint else ""), err=True)
    sys.exit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tinygen")
def main() -> None:
    """Compile a quantized TensorFlow Lite model into C for Cortex-M, and prove it bit for bit."""


main.add_command(boards)
main.add_command(compare)
main.add_command(explain)
main.add_command(flash)
main.add_command(quantize)
main.add_command(renode)


def _print_operators(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """The table of operators, instead of a model's analysis."""
    if not wanted:
        return
    from tinygen.ops.table import operator_table
    from tinygen.reporting.console import print_operators

    print_operators(operator_table())
    context.exit()


@main.command()
@click.option(
    "--operators",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_operators,
    help="List the operators and types that are compiled, and exit.",
)
@model_argument
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw the arena over time as SVG; with --ram-curve, the curve beside it (FILE-curve.svg).",
)
@click.option("--ram-curve", is_flag=True, help="RAM against cycles: what each --ram would cost.")
@target_options
@compile_options
@common_options
def analyze(
    model: Path,
    plot: Path | None,
    ram_curve: bool,
    target: str | None,
    board_name: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Operators, MACs, weights, arena against its lower bound, flash, and which boards fit."""
    from tinygen.compilation import compile_model
    from tinygen.measure.ram_curve import curve_as_data
    from tinygen.planning.analysis import analysis_as_data
    from tinygen.planning.as_data import plan_as_data
    from tinygen.reporting.memory_map import memory_map
    from tinygen.reporting.ram_curve import curve_svg, print_curve

    wanted = request_for(target, board_name, options)
    plan = compile_model(model, wanted).plan
    data = analysis_as_data(plan)
    if plot:
        write_text(plot, memory_map(plan_as_data(plan)))
    if ram_curve:
        data["ram_curve"] = curve_as_data(model, wanted)
        if plot:
            write_text(plot.with_name(f"{plot.stem}-curve.svg"), curve_svg(data))
    if as_json:
        click.echo(json.dumps(data))
        return
    from tinygen.reporting.console import print_analysis

    print_analysis(data)
    if ram_curve:
        print_curve(data)


@main.command()
@model_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Directory of the C files (default: firmware/generated/NAME).",
)
@click.option("--force", is_flag=True, help="Write beside files that tinygen did not generate.")
@target_options
@compile_options
@common_options
def generate(
    model: Path,
    output: Path | None,
    force: bool,
    target: str | None,
    board_name: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write the C files of a model."""
    from tinygen.compilation import compile_model
    from tinygen.emit import write_files
    from tinygen.measure.verify import fallbacks
    from tinygen.planning.as_data import banks_as_data

    compilation = compile_model(model, request_for(target, board_name, options))
    directory = output or Path("firmware") / "generated" / compilation.name
    write_files(compilation.files, directory, force=force)
    plan = compilation.plan
    data = {
        "directory": str(directory),
        "files": list(compilation.files),
        "name": compilation.name,
        "arena_bytes": plan.arena_bytes,
        "banks": banks_as_data(plan),
        "weight_bytes": plan.weight_bytes,
        "unstreamed_arena_bytes": plan.unstreamed_bytes,
        "file_order_arena_bytes": plan.file_order_bytes,
        "added_cycles": plan.added_cycles,
        "fallbacks": list(fallbacks(plan)),
        "unbounded_loops": list(plan.unbounded_loops),
    }
    if as_json:
        click.echo(json.dumps(data))
        return
    from tinygen.reporting.console import print_generated

    print_generated(data)


@main.command()
@model_argument
@click.option(
    "--board",
    "board_name",
    default="qemu-mps2-an386",
    show_default=True,
    help="A board's name, or a board file.",
)
@click.option(
    "--port", default="", help="Serial port (or pyserial URL) of a board that is attached."
)
@click.option(
    "--input",
    "input_file",
    type=click.Path(path_type=Path),
    help="Samples as .npy, or .npz with one array an input.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Number of random samples.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the random samples.")
@click.option("--layers", is_flag=True, help="Compare every operator's output too.")
@probe_option
@click.option("--no-flash", is_flag=True, help="The board already runs the program.")
@click.option("--keep-going", is_flag=True, help="After a crash, go on with the next sample.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    help="Keep outputs here, and resume a run that was cut short.",
)
@build_target_option
@compile_options
@common_options
def verify(
    model: Path,
    board_name: str,
    core_name: str | None,
    port: str,
    input_file: Path | None,
    samples: int,
    seed: int,
    layers: bool,
    probe: str,
    no_flash: bool,
    keep_going: bool,
    record: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Generate, build, run on a board or emulator, and compare bit for bit with the reference."""
    from tinygen.compilation import compile_model
    from tinygen.hardware.boards import board
    from tinygen.ir import reference
    from tinygen.measure.samples import load_labels, load_samples
    from tinygen.measure.verify import verdict_as_data
    from tinygen.measure.verify import verify as verify_stage
    from tinygen.reporting.console import print_verdict, progress
    from tinygen.run.runners import runner_for

    target = board(board_name, core_name)
    compilation = compile_model(model, request(target.core.name, options, target))
    chosen = (
        load_samples(input_file, compilation.network)
        if input_file
        else reference.random_inputs(compilation.network, samples, seed)
    )
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work, progress() as tell:
        verdict = verify_stage(
            compilation,
            target,
            chosen,
            Path(work),
            runner=runner_for(target, port=port, probe=probe, flash=not no_flash),
            layers=layers,
            labels=load_labels(input_file, len(chosen)) if input_file else None,
            keep_going=keep_going,
            record=record,
            progress=tell,
        )
    data = {"model": str(model), **verdict_as_data(verdict)}
    if as_json:
        click.echo(json.dumps(data))
    else:
        print_verdict(data)
    return EXIT_DONE if verdict.bit_exact else EXIT_MISMATCH


@main.command()
@model_argument
@click.option(
    "--board",
    "board_name",
    default="qemu-mps2-an386",
    show_default=True,
    help="A board's name, or a board file.",
)
@click.option(
    "--port", default="", help="Serial port (or pyserial URL) of a board that is attached."
)
@probe_option
@build_target_option
@compile_options
@common_options
def profile(
    model: Path,
    board_name: str,
    core_name: str | None,
    port: str,
    probe: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Count instructions and cycles, layer by layer; flash and RAM as linked."""
    from tinygen.compilation import compile_model
    from tinygen.hardware.boards import board
    from tinygen.ir import reference
    from tinygen.measure.profile import profile as profile_stage
    from tinygen.measure.profile import profile_as_data
    from tinygen.reporting.console import progress
    from tinygen.reporting.profile_table import print_profile
    from tinygen.run.flash.ports import find_port

    target = board(board_name, core_name)
    compilation = compile_model(model, request(target.core.name, options, target))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    if target.flashing is not None and not port:
        port = find_port(target, probe)
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work, progress() as tell:
        measured = profile_stage(compilation, target, sample, Path(work), port=port, progress=tell)
    data = {"model": str(model), **profile_as_data(measured)}
    if as_json:
        click.echo(json.dumps(data))
    else:
        print_profile(data)


@main.command()
@model_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Directory.")
@click.option(
    "--board",
    "board_name",
    default="qemu-mps2-an386",
    show_default=True,
    help="An emulated board to verify and profile on.",
)
@click.option("--samples", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@compile_options
@common_options
def report(
    model: Path,
    output: Path,
    board_name: str,
    samples: int,
    seed: int,
    as_json: bool,
    **options: Any,
) -> int:
    """Write one HTML page: layers, memory over time, cost, and the verdict of an emulated run."""
    from tinygen.compilation import compile_model
    from tinygen.hardware.boards import board
    from tinygen.ir import reference
    from tinygen.measure.profile import profile as profile_stage
    from tinygen.measure.profile import profile_as_data
    from tinygen.measure.verify import verdict_as_data
    from tinygen.measure.verify import verify as verify_stage
    from tinygen.planning.analysis import analysis_as_data
    from tinygen.planning.as_data import plan_as_data
    from tinygen.reporting.console import progress
    from tinygen.reporting.page import report_page

    target = board(board_name)
    compilation = compile_model(model, request(target.core.name, options, target))
    chosen = reference.random_inputs(compilation.network, samples, seed)
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work, progress() as tell:
        verdict = verify_stage(compilation, target, chosen, Path(work) / "verify", progress=tell)
        measured = profile_stage(
            compilation, target, chosen[0], Path(work) / "profile", progress=tell
        )
    data = {
        "analysis": analysis_as_data(compilation.plan),
        "plan": plan_as_data(compilation.plan),
        "verdict": verdict_as_data(verdict),
        "profile": profile_as_data(measured),
    }
    write_text(output / "report.html", report_page(**data))
    write_text(output / "report.json", json.dumps(data, indent=1) + "\n")
    click.echo(json.dumps(data) if as_json else f"{output / 'report.html'}")
    return EXIT_DONE if verdict.bit_exact else EXIT_MISMATCH


@main.command()
@common_options
def doctor(as_json: bool) -> int:
    """What tinygen needs on this machine: found, or how to install it."""
    from tinygen.cli.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps({"tools": findings}))
    else:
        from tinygen.reporting.console import print_findings

        print_findings(findings)
    missing = any(finding["required"] and not finding["found"] for finding in findings)
    return EXIT_MACHINE if missing else EXIT_DONE


@main.group(name="cmsis-nn")
def cmsis_nn_group() -> None:
    """CMSIS-NN's sources."""


@cmsis_nn_group.command(name="fetch")
@common_options
def cmsis_nn_fetch(as_json: bool) -> None:
    """Download the pinned upstream release of CMSIS-NN into the user's cache."""
    from tinygen.kernels.cmsis_nn import fetch

    tree = fetch()
    data = {"root": str(tree.root), "version": tree.version}
    click.echo(json.dumps(data) if as_json else f"CMSIS-NN {tree.version} is in {tree.root}.")


if __name__ == "__main__":
    main()
