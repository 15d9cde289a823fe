# SPDX-License-Identifier: Apache-2.0
"""``tinygen flash``, ``renode`` and ``boards``: a program onto a board, and which boards there are."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from tinygen.cli.options import (
    common_options,
    compile_options,
    model_argument,
    probe_option,
    request,
)


@click.command()
@model_argument
@click.option("--board", "board_name", required=True, help="A board's name, or a board file.")
@click.option("--with", "method", default="", help="Flash tool (default: the best one installed).")
@click.option("--port", default="", help="Serial port, for the tools that flash through one.")
@probe_option
@compile_options
@common_options
def flash(
    model: Path,
    board_name: str,
    method: str,
    port: str,
    probe: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Generate, build, and put the test program on a board."""
    from tinygen.compilation import compile_model
    from tinygen.hardware.boards import board
    from tinygen.reporting.console import progress
    from tinygen.run.flash.flash import flash_model

    target = board(board_name)
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work, progress() as tell:
        compilation = compile_model(model, request(target.core.name, options, target))
        flashed = flash_model(
            compilation, target, Path(work), method=method, probe=probe, port=port, progress=tell
        )
    if as_json:
        data = {"board": target.name, "method": flashed.method, "commands": flashed.commands}
        click.echo(json.dumps({**data, "output": flashed.output}))
        return
    for command in flashed.commands:
        click.echo(f"$ {command}")
    click.echo(flashed.output.rstrip() or f"{flashed.method} said nothing")
    click.echo(f"{model} runs on {target.name}.")


@click.command()
@model_argument
@click.option("--board", "board_name", default="renode-stm32f4-discovery", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Directory.")
@compile_options
@common_options
def renode(model: Path, board_name: str, output: Path, as_json: bool, **options: Any) -> None:
    """Write the program, Renode's script and a Robot Framework test of a model."""
    from tinygen.compilation import compile_model
    from tinygen.emit import write_files
    from tinygen.hardware.boards import board
    from tinygen.run.build import build_image
    from tinygen.run.renode import write_renode_files

    target = board(board_name)
    compilation = compile_model(model, request(target.core.name, options, target))
    write_files(compilation.files, output / "generated")
    image = build_image(
        output / "generated", compilation.name, target, output / "build", trace=False
    )
    files = write_renode_files(image, model, output)
    data = {"elf": str(image.elf), "script": str(files.script), "robot": str(files.robot)}
    click.echo(json.dumps(data) if as_json else "\n".join(data.values()))


@click.command()
@click.option("--new", "new", type=click.Path(path_type=Path), help="Start a board file here.")
@click.option("--like", default="", help="The board that a new file starts from.")
@common_options
def boards(new: Path | None, like: str, as_json: bool) -> None:
    """The boards there are, real and emulated; or the start of a file for another one."""
    from tinygen.hardware.boards import all_boards
    from tinygen.hardware.new_board import start_board_file

    if new is not None:
        source = start_board_file(new, like)
        data_new = {"file": str(new), "like": source}
        click.echo(
            json.dumps(data_new)
            if as_json
            else f"{new} is a copy of {source}; change what differs (docs/boards.md), then: "
            f"tinygen verify MODEL --board {new}"
        )
        return

    data = [
        {
            "name": board.name,
            "title": board.title,
            "core": board.core.name,
            "flash_bytes": sum(region.length for region in board.flash),
            "ram_bytes": sum(region.length for region in board.ram),
            "emulator": board.emulator.kind if board.emulator else "",
        }
        for board in all_boards()
    ]
    if as_json:
        click.echo(json.dumps({"boards": data}))
        return
    from tinygen.reporting.console import print_boards

    print_boards(data)
