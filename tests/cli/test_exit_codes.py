# SPDX-License-Identifier: Apache-2.0
"""Every way to end has its exit code: 1 is that outputs differ, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import tinygen
from tests.conftest import DIGITS
from tinygen.errors import EXIT_CLOSED, EXIT_DONE, EXIT_FAULT, EXIT_MACHINE, EXIT_TERMINATED

_COMMAND = (sys.executable, "-m", "tinygen")


@pytest.mark.parametrize("command", [("explain",), ("analyze", "--ram-curve"), ("analyze",)])
def test_an_encoding_without_a_sign_is_no_failure(command: tuple[str, ...]) -> None:
    result = tinygen(command[0], DIGITS, *command[1:], PYTHONIOENCODING="ascii")
    assert result.returncode == EXIT_DONE, result.stderr


@pytest.mark.parametrize("command", [("explain",), ("analyze", "--json")])
def test_nobody_reads_on(command: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*_COMMAND, command[0], DIGITS, *command[1:]],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (EXIT_CLOSED, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is not there")
def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*_COMMAND, "boards"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == EXIT_MACHINE
    assert "cannot be written: No space left" in done.stderr


def test_terminated_it_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    child = subprocess.Popen(
        [*_COMMAND, "verify", DIGITS, "--samples", "2000", "--board", "host"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    for _ in range(300):
        if list(tmp_path.glob("tinygen-*")):
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=60) == EXIT_TERMINATED
    assert list(tmp_path.glob("tinygen-*")) == []


def test_a_fault_of_ours_is_not_a_difference(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import tinygen.compilation as c\n"
        "def lowered(*_): raise ZeroDivisionError('planted')\n"
        "c.lowered = lowered\n"
    )
    path = os.pathsep.join((str(tmp_path), *sys.path))
    result = tinygen("analyze", DIGITS, PYTHONPATH=path)
    assert result.returncode == EXIT_FAULT
    assert "fault of tinygen: ZeroDivisionError: planted" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in tinygen("analyze", DIGITS, "--debug", PYTHONPATH=path).stderr
