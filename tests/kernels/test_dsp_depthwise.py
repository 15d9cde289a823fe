# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels of DEPTHWISE_CONV_2D: the assembly on QEMU and its C twins, on random layers."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.kernels.choice import does, named
from tests.kernels.dsp_depthwise_layers import KINDS, random_depthwise
from tests.kernels.dsp_programs import (
    M4_BOARD,
    OTHER_BOARDS,
    accepted,
    compare_on_board,
    compare_twins,
    plan_with,
)
from tests.ops.comparison import random_inputs
from tinygen.emit import render, write_files
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.ir.network import Network
from tinygen.kernels.binding import Overlap
from tinygen.kernels.dsp.depthwise_requantization import channel_words
from tinygen.kernels.kernel import Kernel
from tinygen.numerics.fixed_point import Requantization
from tinygen.ops.convolution import DepthwiseConv2D
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model

BATCH = 64
"""Layers in a program."""
BATCHES = {"3x3": 8, "wide": 1, "single": 2, "any": 2}

_KERNELS: dict[str, Sequence[Kernel]] = {
    "3x3": named("dsp.depthwise3x3"),
    "wide": named("dsp.depthwise3x3"),
    "single": named("dsp.depthwise_single"),
    "any": named("dsp.depthwise_any"),
}


def _layers(kind: str, number: int) -> list[Network]:
    """Batch `number` of the kind's layers, without those that the kernel leaves to others."""
    count = 12 if kind == "wide" else BATCH
    drawn = [random_depthwise(kind, seed) for seed in range(number * count, (number + 1) * count)]
    suitable = accepted(_KERNELS[kind], drawn)
    assert kind == "any" or len(suitable) == count
    return suitable


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("kind", "number", "board_name"),
    [
        *((kind, number, M4_BOARD) for kind in KINDS for number in range(BATCHES[kind])),
        *((kind, 0, board_name) for kind in KINDS for board_name in OTHER_BOARDS),
    ],
)
def test_random_layers_on_emulated_cores(
    kind: str, number: int, board_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = _layers(kind, number)
    plan = plan_with(_KERNELS[kind], parts, monkeypatch)
    compare_on_board(plan, parts, board_name, tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", KINDS)
def test_c_twins(kind: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = _layers(kind, 0)
    compare_twins(plan_with(_KERNELS[kind], parts, monkeypatch), parts, compiler, tmp_path)


def test_every_form_is_drawn() -> None:
    """The random layers reach both requantizations, cut outputs, and channels left to C."""
    forms = set()
    for seed in range(BATCH):
        (layer,) = random_depthwise("3x3", seed).layers
        assert isinstance(layer, DepthwiseConv2D)
        words = channel_words(layer)
        forms.add((words.two_roundings, bool(words.missing.any()), words.cut != 0))
    assert {two_roundings for two_roundings, _, _ in forms} == {False, True}
    assert {missing for _, missing, _ in forms} == {False, True}
    assert {cut for _, _, cut in forms} == {False, True}


@pytest.mark.parametrize("name", ["mlperf_kws", "mlperf_vww", "person_detect"])
def test_real_layers_are_fitted_throughout(name: str) -> None:
    layers = lower(read_model(shared_model(f"{name}.tflite"))).layers
    (kernel,) = named("dsp.depthwise3x3")
    found = [layer for layer in layers if does(kernel, layer, core("cortex-m4"))]
    assert found
    for layer in found:
        assert isinstance(layer, DepthwiseConv2D)
        words = channel_words(layer)
        assert not words.missing.any()
        assert not words.two_roundings


def test_words_equal_the_requantization_for_every_accumulator() -> None:
    """One channel's whole range of accumulators through the arithmetic of the assembly."""
    drawn = (random_depthwise("3x3", seed).layers[0] for seed in range(BATCH))
    layer = next(
        layer
        for layer in drawn
        if isinstance(layer, DepthwiseConv2D)
        and not channel_words(layer).two_roundings
        and not channel_words(layer).missing.any()
    )
    words = channel_words(layer)
    taps = layer.weights.reshape(9, -1).astype(np.int64)
    q = layer.requantization
    for c in range(taps.shape[1]):
        sums = np.arange(-128 * np.abs(taps[:, c]).sum(), 128 * np.abs(taps[:, c]).sum() + 1)
        folded = int(layer.bias[c]) - layer.input_zero_point * int(taps[:, c].sum())
        least = np.minimum(taps[:, c] * -128, taps[:, c] * 127).sum()
        most = np.maximum(taps[:, c] * -128, taps[:, c] * 127).sum()
        sums = sums[(sums >= least) & (sums <= most)]
        one = Requantization(
            multipliers=q.multipliers[c : c + 1],
            shifts=q.shifts[c : c + 1],
            zero_point=q.zero_point,
            clamp_min=q.clamp_min,
            clamp_max=q.clamp_max,
        )
        expected = one.apply((sums + folded).astype(np.int32)[:, None])[:, 0]
        bias, multiplier, third = words.three_words[c].tolist()
        scaled = (sums << (third & 15)) + bias
        value = ((third >> 4) + ((scaled * multiplier) >> 32)) >> words.shift
        top = 255 - q.clamp_max if words.cut else 0
        got = np.clip(value - top, q.clamp_min, q.clamp_max)
        assert np.array_equal(expected, got)


@pytest.mark.parametrize("seed", range(12))
def test_output_in_the_place_of_the_input(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several bands, any stride and padding, with the output written over the input."""
    network = random_depthwise("3x3", 1000 + seed)
    plan = plan_with(_KERNELS["3x3"], [network], monkeypatch)
    (step,) = plan.steps
    (overlap,) = step.binding.overlaps
    assert overlap == Overlap(step.layer.inputs[0], step.layer.outputs[0], 0, exact=True)
    files = dict(render(plan))
    source = files["layers.c"].decode()
    offset = f"layers_arena + {plan.tensor_offsets[overlap.output]}"
    place = f"layers_arena + {plan.tensor_offsets[overlap.input]}"
    files["layers.c"] = source.replace(f"({offset})", f"({place})").encode()
    write_files(files, tmp_path)
    unit = tmp_path / "all.c"
    unit.write_text('#include "layers.c"\n#include "layers_weights.c"\n', encoding="utf-8")
    library = tmp_path / "layers.so"
    options = ["-std=c99", "-O1", "-shared", "-fPIC"]
    subprocess.run(["gcc", *options, str(unit), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.layers_input_0.restype = ctypes.c_void_p
    rng = np.random.default_rng(seed)
    sample = random_inputs(network, rng)
    ctypes.memmove(loaded.layers_input_0(), sample[0].tobytes(), sample[0].nbytes)
    assert loaded.layers_invoke() == 0
    (expected,) = reference.outputs(network, sample)
    assert ctypes.string_at(loaded.layers_input_0(), expected.nbytes) == expected.tobytes()
