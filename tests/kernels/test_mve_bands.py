# SPDX-License-Identifier: Apache-2.0
"""The Helium kernels by bands of rows, out of rings: assembly on an emulated Cortex-M55, C twins here.

Random layers, random ring sizes, phases and band heights; each layer is fed row by row by another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels.choice import named
from tests.kernels.dsp_programs import compare_on_board, compare_twins
from tests.kernels.mve_layers import LAYERS, random_layer
from tests.kernels.mve_programs import BOARD, CORE, KERNELS, refusals
from tests.streams import can_be_streamed, fed_by_rows, side_by_side, streamed_plan
from tinygen.errors import InputError
from tinygen.ir.network import Network
from tinygen.planning.options import Options
from tinygen.planning.plan import Plan

_COUNT = 50
_PROGRAMS = int(os.environ.get("TINYGEN_MVE_PROGRAMS", "1"))
"""Programs of each family on the emulator; 10 make 500 layers."""
_FAMILIES = [family for family in LAYERS if family != "fully connected"]


def _layers(family: str, first: int) -> Iterator[Network]:
    """Random networks of one layer of the family that has rows, and that a Helium kernel does."""
    for seed in range(first, first + 20 * _COUNT):
        try:
            network = random_layer(family, seed)
        except InputError:
            continue
        if can_be_streamed(network) and not refusals(network):
            yield network


def _plan(family: str, program: int) -> tuple[Plan, list[Network]]:
    found = _layers(family, 10_000 * program + 5_000)
    parts = [fed_by_rows(next(found)) for _ in range(_COUNT)]
    network, chains = side_by_side(parts)
    # What feeds the layers may be any kernel.
    relu = named("portable.clamp_s8")
    options = Options("layers", CORE)
    return streamed_plan(network, chains, [*KERNELS, *relu], options, seed=program), parts


@pytest.mark.qemu
@pytest.mark.parametrize("program", range(_PROGRAMS))
@pytest.mark.parametrize("family", _FAMILIES)
def test_assembly(family: str, program: int, tmp_path: Path) -> None:
    plan, parts = _plan(family, program)
    compare_on_board(plan, parts, BOARD, tmp_path)


@pytest.mark.parametrize("family", _FAMILIES)
def test_c_twins(family: str, tmp_path: Path) -> None:
    plan, parts = _plan(family, 50)
    compare_twins(plan, parts, "gcc", tmp_path)


def test_bands_are_of_every_kind() -> None:
    """Rings that wrap, at any phase; all forms of windows; blocks of rows in pairs and singly."""
    parameters: dict[str, set[object]] = {}
    for family in ("convolution", "depthwise"):
        plan, _ = _plan(family, 0)
        for step in plan.steps:
            assert step.stream is not None
            for binding in step.stream.bindings:
                for assembly in binding.assembly:
                    for name, value in assembly.parameters:
                        parameters.setdefault(name, set()).add(value)
    assert parameters["pair"] == {0, 1}
    assert parameters["pixels"] == {1, 2, 3, 4}
    assert parameters["overread"] == {0, 1}
    assert parameters["channels"] == {1, 2}
