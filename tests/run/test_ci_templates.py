# SPDX-License-Identifier: Apache-2.0
"""The CI templates and docs name commands, options and boards that exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from tinygen.cli.main import main
from tinygen.hardware.boards import all_boards
from tinygen.resources import resource_root

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CI = [
    resource_root() / "templates" / "ci" / name for name in ("github-actions.yml", "gitlab-ci.yml")
]
TEXTS = [*CI, REPOSITORY / "docs" / "boards.md", REPOSITORY / "docs" / "ci.md"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_commands_and_options_exist(path: Path) -> None:
    found = re.findall(r"\btinygen ([a-z]+) ([^`#\n]*)", path.read_text())
    commands = [(name, rest) for name, rest in found if "--" in rest or name in main.commands]
    assert commands
    for name, rest in commands:
        assert name in main.commands, name
        options = {
            option
            for parameter in main.commands[name].params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        for option in re.findall(r"(?<!\S)-{1,2}[a-z][a-z-]*", rest):
            assert option in options, (name, option)


@pytest.mark.parametrize("path", CI, ids=lambda path: path.name)
def test_boards_exist_and_a_mismatch_fails_the_job(path: Path) -> None:
    text = path.read_text()
    names = {entry.name for entry in all_boards()}
    chosen = re.findall(r"(?:QEMU|RENODE)_BOARD: (\S+)", text)
    assert len(chosen) == 2
    assert names.issuperset(chosen)
    # The exit code of verify is the job's: nothing swallows it.
    for line in text.splitlines():
        if "tinygen verify" in line:
            assert not re.search(r"\|\||;|\| ", line.split("tinygen verify")[1])
    assert "\t" not in text
