# SPDX-License-Identifier: Apache-2.0
"""``tinygen flash``, ``renode`` and ``boards``: a program onto a board, and which boards there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygen import api
from tinygen.cli import options as opt


@click.command()
@opt.model_argument
@click.option("--board", "on", required=True, help="A board's name, or a board file.")
@click.option("--with", "method", default="", help="Flash tool (default: the best one installed).")
@opt.line_options
@opt.compile_options
@opt.common_options
def flash(model: Path, as_json: bool, **options: Any) -> None:
    """Generate, build, and put the test program on a board."""
    from tinygen.reporting.console import progress

    with progress() as tell:
        flashed = api.flash(model, progress=tell, **options)

    def for_people(_: Any) -> None:
        for command in flashed.commands:
            click.echo(f"$ {command}")
        click.echo(flashed.output.rstrip() or f"{flashed.method} said nothing")
        click.echo(f"{model} runs on {flashed.board}.")

    opt.show(flashed.to_dict(), as_json, for_people)


@click.command()
@opt.model_argument
@click.option("--board", default="renode-stm32f4-discovery", show_default=True)
@opt.directory_option(required=True)
@opt.compile_options
@opt.common_options
def renode(model: Path, board: str, output: Path, as_json: bool, **options: Any) -> None:
    """Write the program, Renode's script and a Robot Framework test of a model."""
    from tinygen.hardware.boards import board as board_named
    from tinygen.run.renode import write_renode_files
    from tinygen.run.workspace import Workspace

    compilation = api.compile(model, board=board, **options)
    image = Workspace(compilation, board_named(board), output).image()
    files = write_renode_files(image, model, output)
    data = {"elf": str(image.elf), "script": str(files.script), "robot": str(files.robot)}
    opt.show(data, as_json, lambda _: click.echo("\n".join(data.values())))


@click.command()
@click.option("--new", "new", type=click.Path(path_type=Path), help="Start a board file here.")
@click.option("--like", default="", help="The board that a new file starts from.")
@opt.common_options
def boards(new: Path | None, like: str, as_json: bool) -> None:
    """The boards there are, real and emulated; or the start of a file for another one."""
    from tinygen.hardware.new_board import start_board_file
    from tinygen.reporting.console import print_boards

    if new is not None:
        source = start_board_file(new, like)
        said = (
            f"{new} is a copy of {source}; change what differs (docs/boards.md), then: "
            f"tinygen verify MODEL --board {new}"
        )
        opt.show({"file": str(new), "like": source}, as_json, lambda _: click.echo(said))
        return
    data = {"boards": [board.to_dict() for board in api.boards()]}
    opt.show(data, as_json, print_boards)
