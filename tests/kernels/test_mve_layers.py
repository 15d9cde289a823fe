# SPDX-License-Identifier: Apache-2.0
"""The Helium kernels against the reference: assembly on an emulated Cortex-M55, C twins here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.kernels.mve_layers import LAYERS, random_layer
from tests.kernels.mve_programs import (
    CORE,
    KERNELS,
    mismatches_on_host,
    mismatches_on_target,
    refusals,
)
from tinygen.errors import InputError
from tinygen.ir.network import Network
from tinygen.kernels.kernel import cheapest
from tinygen.planning.options import Optimize

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
        try:
            network = random_layer(family, seed)
            reasons = refusals(network)
        except InputError as error:
            reasons = [error.message]
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


def _values(family: str, count: int) -> dict[str, set[int]]:
    """Every value that each parameter of the family's assembly has in some layers."""
    found: dict[str, set[int]] = {}
    for network in _accepted(family, 0, count):
        best, _ = cheapest(KERNELS, network.layers[0], CORE)
        assert best is not None
        for assembly in best[1].bind().assembly:
            found.setdefault(assembly.listing, set()).add(1)
            for name, value in assembly.parameters:
                found.setdefault(name, set()).add(value)
    return found


def test_convolutions_are_of_every_form() -> None:
    found = _values("convolution", 4 * _IN_A_PROGRAM)
    assert {f"mve/{name}.inc" for name in ("gemm_s8", "gemm_k8_s8", "conv2d_gather")} <= set(found)
    assert found["pixels"] == {1, 2, 3, 4}
    assert found["channels"] == {1, 2}
    assert found["form"] == {0, 1, 2}
    for name in ("loop", "far", "overread", "bytes"):
        assert found[name] == {0, 1}, name
    for name in ("segments", "rest", "tail", "shift"):
        assert len(found[name]) > 3, name


def test_depthwise_layers_are_of_every_form() -> None:
    found = _values("depthwise", 4 * _IN_A_PROGRAM)
    assert found["pixels"] == {1, 2, 3, 4}
    assert found["form"] >= {0, 1}
    assert found["pair"] == {0, 1}
    for name in ("turns", "rest", "last", "row_groups", "columns", "multiplier"):
        assert len(found[name]) > 1, name
