# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels against the reference: plain C, DSP and MVE code of every tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kernels.cmsis_nn_layers import WIDE, wide_layer
from tests.kernels.cmsis_nn_programs import (
    OPCODES,
    mismatches,
    networks,
    suitable,
    tree_at,
    tree_roots,
)
from tinygen.hardware.boards import board

LAYERS = 30
"""Random layers of each operator in a program."""

EMULATED = ("qemu-mps2-an385", "qemu-mps2-an386", "qemu-mps3-an547")
"""Boards whose cores run CMSIS-NN's plain C, its DSP code, and its MVE code."""


def _id(root: Path | None) -> str:
    return root.name if root else "found"


def _nightly(board_name: str) -> list[pytest.MarkDecorator]:
    """The DSP build runs with every change, plain C and MVE every night."""
    return [] if board_name == "qemu-mps2-an386" else [pytest.mark.nightly]


def _compare(root: Path | None, board_name: str, kind: str, work: Path) -> None:
    tree = tree_at(root)
    drawn = (
        [wide_layer(kind, seed) for seed in range(LAYERS)]
        if kind in WIDE
        else networks(kind, range(LAYERS))
    )
    accepted, reasons = suitable(tree, board(board_name).core, drawn)
    if not accepted:
        # Only what is peculiar to a release may rule out a whole kind.
        assert any(f"CMSIS-NN {tree.version}" in reason for reason in reasons), reasons
        pytest.skip(reasons[0])
    assert not mismatches(tree, board_name, accepted, work)


@pytest.mark.parametrize("kind", [*OPCODES, *WIDE])
@pytest.mark.parametrize("root", tree_roots(), ids=_id)
def test_layers_on_this_machine(root: Path | None, kind: str, tmp_path: Path) -> None:
    _compare(root, "host", kind, tmp_path)


@pytest.mark.qemu
@pytest.mark.parametrize("kind", [*OPCODES, *WIDE])
@pytest.mark.parametrize("board_name", [pytest.param(b, marks=_nightly(b)) for b in EMULATED])
@pytest.mark.parametrize("root", tree_roots(), ids=_id)
def test_layers_on_emulated_cores(
    root: Path | None, board_name: str, kind: str, tmp_path: Path
) -> None:
    if not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")):
        pytest.skip("qemu-system-arm and arm-none-eabi-gcc are not both installed")
    _compare(root, board_name, kind, tmp_path)
