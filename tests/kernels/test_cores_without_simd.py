# SPDX-License-Identifier: Apache-2.0
"""The portable and thumb kernels on emulated Cortex-M3 and M0, and their C here, on random layers.

A Cortex-M0 is emulated with 16 KB of memory only: its layers go in many small programs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.kernels import dsp_depthwise_layers, dsp_gemm_layers, mve_layers
from tests.kernels.choice import named, refusal
from tests.kernels.cmsis_nn_programs import networks
from tests.kernels.dsp_programs import accepted, compare_on_board, compare_twins, plan_with
from tinygen.errors import InputError
from tinygen.hardware.boards import board
from tinygen.hardware.cores import Core, core
from tinygen.ir.network import Network
from tinygen.kernels.kernel import Kernel
from tinygen.kernels.thumb.requantization import channel_words
from tinygen.ops.convolution import Conv2D
from tinygen.planning.options import Optimize

_LAYERS = int(os.environ.get("TINYGEN_SCALAR_LAYERS", "40"))
"""Of each family on each core."""
_MOST_BYTES = {"qemu-microbit": 6000, "qemu-mps2-an385": 400_000}
"""Of inputs and outputs of a program's layers."""


@dataclass(frozen=True)
class _Family:
    """Layers of a kind, and the kernels that are to do them."""

    kernels: Sequence[Kernel]
    draw: Callable[[int], list[Network]]


def _gemm(kind: str) -> Callable[[int], list[Network]]:
    return lambda seed: [dsp_gemm_layers.random_layer(kind, seed)]


def _depthwise(kind: str) -> Callable[[int], list[Network]]:
    return lambda seed: [dsp_depthwise_layers.random_depthwise(kind, seed)]


def _mve(family: str) -> Callable[[int], list[Network]]:
    def draw(seed: int) -> list[Network]:
        try:
            return [mve_layers.random_layer(family, seed)]
        except InputError:
            return []

    return draw


def _model(opcode: str) -> Callable[[int], list[Network]]:
    return lambda seed: networks(opcode, [seed])


_DIRECT, _CONVOLUTION, _DEPTHWISE, _FULLY_CONNECTED, _ADD, _MUL, _AVERAGE, _MAX, _SOFTMAX = (
    named(f"portable.{name}_s8")
    for name in (
        "conv2d",
        "gemm_conv2d",
        "depthwise_conv2d",
        "fully_connected",
        "add",
        "mul",
        "average_pool2d",
        "max_pool2d",
        "softmax",
    )
)
_THUMB = named("thumb.conv2d")
_THUMB_DEPTHWISE = named("thumb.depthwise")

FAMILIES = {
    "direct convolution": _Family(_DIRECT, _gemm("window")),
    "convolution": _Family(_CONVOLUTION, _gemm("window")),
    "pointwise": _Family(_CONVOLUTION, _gemm("pointwise")),
    "thumb first convolution": _Family(_THUMB, _gemm("first")),
    "thumb convolution": _Family(_THUMB, _gemm("window")),
    "thumb pointwise": _Family(_THUMB, _gemm("pointwise")),
    "thumb single channel": _Family(named("thumb.depthwise_as_conv2d"), _depthwise("single")),
    "thumb depthwise": _Family(_THUMB_DEPTHWISE, _depthwise("any")),
    "thumb depthwise 3x3": _Family(_THUMB_DEPTHWISE, _depthwise("3x3")),
    "depthwise": _Family(_DEPTHWISE, _depthwise("any")),
    "depthwise 3x3": _Family(_DEPTHWISE, _depthwise("3x3")),
    "depthwise multiplier": _Family(_DEPTHWISE, _depthwise("single")),
    "fully connected": _Family(_FULLY_CONNECTED, _gemm("fully connected")),
    "add": _Family(_ADD, _mve("add")),
    "multiply": _Family(_MUL, _model("MUL")),
    "average pool": _Family(_AVERAGE, _mve("average pool")),
    "max pool": _Family(_MAX, _mve("max pool")),
    "requantize": _Family(named("portable.convert"), _model("QUANTIZE")),
    "softmax": _Family(_SOFTMAX, _model("SOFTMAX")),
}


def _bytes(part: Network) -> int:
    return sum(part.tensors[index].nbytes for index in (*part.inputs, *part.outputs))


def _layers(name: str, target: Core, most_bytes: int, count: int, first: int = 0) -> list[Network]:
    """The family's next ``count`` layers that the kernels do on the core, none too large."""
    family = FAMILIES[name]
    found: list[Network] = []
    seed = first
    while len(found) < count:
        assert seed < first + 10 * count, f"the kernels do hardly any {name}"
        drawn = family.draw(seed)
        found += accepted(
            family.kernels,
            [part for part in drawn if _bytes(part) <= most_bytes],
            target,
        )
        seed += 1
    return found


def _programs(parts: Sequence[Network], most_bytes: int) -> Iterator[list[Network]]:
    """The parts, by as many as fit a program."""
    program: list[Network] = []
    for part in parts:
        if program and sum(map(_bytes, program)) + _bytes(part) > most_bytes:
            yield program
            program = []
        program.append(part)
    yield program


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", sorted(_MOST_BYTES))
@pytest.mark.parametrize("name", FAMILIES)
def test_random_layers(
    name: str, board_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, most_bytes = board(board_name), _MOST_BYTES[board_name]
    parts = _layers(name, target.core, most_bytes, _LAYERS)
    for number, program in enumerate(_programs(parts, most_bytes)):
        optimize = Optimize.SPEED if number == 0 else Optimize.SIZE
        plan = plan_with(FAMILIES[name].kernels, program, monkeypatch, target.core, optimize)
        compare_on_board(plan, program, board_name, tmp_path / str(number))


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", sorted(_MOST_BYTES))
def test_a_few_layers_of_every_family(
    board_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, most_bytes = board(board_name), _MOST_BYTES[board_name]
    kernels = [kernel for family in FAMILIES.values() for kernel in family.kernels]
    parts = [
        part for name in FAMILIES for part in _layers(name, target.core, most_bytes, 2, first=7000)
    ]
    for number, program in enumerate(_programs(parts, most_bytes)):
        plan = plan_with(kernels, program, monkeypatch, target.core, Optimize.SIZE)
        compare_on_board(plan, program, board_name, tmp_path / str(number))


@pytest.mark.parametrize("core_name", ["cortex-m0", "cortex-m3"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("name", [name for name in FAMILIES if name.startswith("thumb")])
def test_c_twins(
    name: str, compiler: str, core_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = _layers(name, core(core_name), 400_000, 40, first=9000)
    plan = plan_with(FAMILIES[name].kernels, parts, monkeypatch, core(core_name))
    compare_twins(plan, parts, compiler, tmp_path)


@pytest.mark.parametrize("core_name", ["cortex-m0", "cortex-m3"])
def test_every_form_is_drawn(core_name: str) -> None:
    """Layers with every channel fitted, with some, with none; outputs cut and whole."""
    share, cut = set(), set()
    for seed in range(80):
        (layer,) = dsp_gemm_layers.random_layer("window", seed).layers
        assert isinstance(layer, Conv2D)
        words = channel_words(layer.weights, layer, core(core_name))
        share.add(float(np.mean(words.missing)))
        cut.add(words.cut != 0)
    assert {0.0, 1.0} <= share
    assert any(0 < part < 0.5 for part in share)
    assert cut == {False, True}


def test_neighbouring_weights_of_minus_128_are_left_to_others() -> None:
    (kernel,) = _THUMB
    layers = (dsp_gemm_layers.random_layer("window", seed).layers[0] for seed in range(40))
    reasons = {refusal(kernel, layer, core("cortex-m3")) for layer in layers}
    assert "two neighbouring weights are -128" in reasons
    assert None in reasons
