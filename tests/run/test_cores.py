# SPDX-License-Identifier: Apache-2.0
"""Cores without a machine of their own: built with their own flags, run on the nearest one emulated."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.conftest import DIGITS, SHARED_MODELS
from tests.run.programs import need_tools_of
from tinygen.cli.main import main
from tinygen.errors import InputError
from tinygen.hardware.boards import board
from tinygen.hardware.cores import core

NEAREST = {
    "cortex-m23": "qemu-mps2-an505",
    "cortex-m33+nodsp": "qemu-mps2-an505",
    "cortex-m33+nofp": "qemu-mps2-an505",
    "cortex-m35p": "qemu-mps2-an505",
    "cortex-m4+nofp": "qemu-mps2-an386",
    "cortex-m7+nofp": "qemu-mps2-an500",
    "cortex-m52": "qemu-mps3-an547",
    "cortex-m55+nodsp": "qemu-mps3-an547",
    "cortex-m55+nofp": "qemu-mps3-an547",
    "cortex-m55+nomve": "qemu-mps3-an547",
    "cortex-m85": "qemu-mps3-an547",
}
KEYWORDS = SHARED_MODELS / "mlperf_kws.tflite"


@pytest.mark.qemu
@pytest.mark.parametrize(("target", "name"), NEAREST.items(), ids=NEAREST)
def test_bit_exact(target: str, name: str) -> None:
    need_tools_of(board(name))
    model = KEYWORDS if KEYWORDS.exists() else DIGITS
    arguments = ["verify", str(model), "--board", name, "--target", target, "--samples", "2"]
    result = CliRunner().invoke(main, [*arguments, "--layers", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["bit_exact"]


def test_a_board_for_another_core() -> None:
    built = board("qemu-mps2-an505", "cortex-m23")
    assert built.core is core("cortex-m23")
    assert built.emulator == board("qemu-mps2-an505").emulator


def test_what_the_boards_core_lacks_is_refused() -> None:
    with pytest.raises(
        InputError, match="has a cortex-m33, which cannot run programs for"
    ) as error:
        board("qemu-mps2-an505", "cortex-m55")
    assert "less or the same features" in error.value.hint
