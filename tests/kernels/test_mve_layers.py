# SPDX-License-Identifier: Apache-2.0
"""The Helium kernels against the reference: assembly on an emulated Cortex-M55, C twins here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.kernels.mve_layers import LAYERS, random_layer
from tests.kernels.mve_programs import (
    mismatches_on_host,
    mismatches_on_target,
    plan_all,
    refusals,
)
from tinygen.lowering import Network
from tinygen.plan import Optimize

_IN_A_PROGRAM = 50
_PROGRAMS = int(os.environ.get("TINYGEN_MVE_PROGRAMS", "2"))
"""Programs of each family on the emulator; 10 make 500 layers."""
_ON_HOST = 100
_MOST_REFUSED = 0.25


def _accepted(family: str, first: int, count: int) -> list[Network]:
    """The family's next ``count`` layers from a seed on that a Helium kernel does."""
    found: list[Network] = []
    refused: list[str] = []
    seed = first
    while len(found) < count:
        network = random_layer(family, seed)
        reasons = refusals(network)
        if reasons:
            refused.extend(reasons)
            assert len(refused) <= 10 + 2 * _MOST_REFUSED * count, refused
        else:
            found.append(network)
        seed += 1
    return found


def _need_emulator() -> None:
    if not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")):
        pytest.skip("qemu-system-arm and arm-none-eabi-gcc are not both installed")


@pytest.mark.qemu
@pytest.mark.parametrize("program", range(_PROGRAMS))
@pytest.mark.parametrize("family", LAYERS)
def test_assembly_equals_the_reference(family: str, program: int, tmp_path: Path) -> None:
    _need_emulator()
    layers = _accepted(family, 10_000 * program, _IN_A_PROGRAM)
    assert not mismatches_on_target(layers, tmp_path)


@pytest.mark.qemu
@pytest.mark.parametrize("family", LAYERS)
def test_shared_kernels_equal_the_reference(family: str, tmp_path: Path) -> None:
    _need_emulator()
    layers = _accepted(family, 500_000, _IN_A_PROGRAM)
    assert not mismatches_on_target(layers, tmp_path, Optimize.SIZE)


@pytest.mark.parametrize("family", LAYERS)
def test_c_twins_equal_the_reference(family: str, tmp_path: Path) -> None:
    layers = _accepted(family, 900_000, _ON_HOST)
    assert not mismatches_on_host(layers, tmp_path)


@pytest.mark.parametrize("family", ["convolution", "depthwise"])
def test_both_requantizations_are_drawn(family: str) -> None:
    plan = plan_all(_accepted(family, 0, 2 * _IN_A_PROGRAM))
    notes = [note.split()[1] for step in plan.steps for note in step.binding.notes]
    assert min(notes.count("fitted,"), notes.count("exact")) > len(notes) // 6
