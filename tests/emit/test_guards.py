# SPDX-License-Identifier: Apache-2.0
"""Listings compiled for another core than they were generated for: one sentence each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import DIGITS
from tests.run.programs import need
from tinygen.compilation import compile_model
from tinygen.emit.writer import write_files
from tinygen.hardware.cores import core
from tinygen.planning.options import KernelChoice, Options


def _errors(folder: Path, *flags: str) -> list[str]:
    """What is wrong with each listing, in a line a file."""
    need("arm-none-eabi-gcc")
    lines: list[str] = []
    for source in sorted(folder.glob("*.S")):
        done = subprocess.run(
            ["arm-none-eabi-gcc", *flags, f"-I{folder}", "-c", source, "-o", "/dev/null"],
            capture_output=True,
            text=True,
            check=False,
        )
        lines += [line for line in done.stderr.splitlines() if "rror:" in line]
    return lines


def _listings(name: str, folder: Path) -> int:
    options = Options("net", core=core(name), kernels=KernelChoice.TINYGEN)
    write_files(compile_model(DIGITS, options).files, folder)
    return len(list(folder.glob("*.S")))


@pytest.mark.parametrize(
    ("generated", "compiled"),
    [("cortex-m55", "cortex-m4"), ("cortex-m4", "cortex-m3"), ("cortex-m3", "cortex-m0")],
)
def test_another_core(generated: str, compiled: str, tmp_path: Path) -> None:
    count = _listings(generated, tmp_path)
    assert _errors(tmp_path, *core(generated).gcc_flags) == []
    errors = _errors(tmp_path, *core(compiled).gcc_flags)
    assert 0 < len(errors) <= count
    assert all(f"generated for {generated}" in line for line in errors), errors
    assert _errors(tmp_path, *core(compiled).gcc_flags, "-DTINYGEN_NO_ASSEMBLY") == []


def test_no_unaligned_access(tmp_path: Path) -> None:
    _listings("cortex-m4", tmp_path)
    errors = _errors(tmp_path, *core("cortex-m4").gcc_flags, "-mno-unaligned-access")
    assert errors
    assert all("CCR.UNALIGN_TRP" in line for line in errors), errors
