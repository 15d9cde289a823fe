# SPDX-License-Identifier: Apache-2.0
"""The Winograd kernels: their transforms, the assembly on QEMU and its C twins, on random layers."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.kernels.choice import does, named
from tests.kernels.dsp_programs import (
    M4_BOARD,
    OTHER_BOARDS,
    accepted,
    compare_on_board,
    compare_twins,
    plan_with,
)
from tests.kernels.extreme_layers import Shape, with_extremes
from tinygen.hardware.cores import core
from tinygen.ir.network import Network
from tinygen.kernels.binding import Binding
from tinygen.kernels.dsp.winograd import (
    F2,
    F4,
    _Form,
    input_range,
    transformed_weights,
)
from tinygen.kernels.dsp.winograd import _scaling as scaling_of
from tinygen.kernels.kernel import Kernel, Offer
from tinygen.ops.convolution import Conv2D
from tinygen.passes.lowering import lower
from tinygen.planning.growth import Cost, Growth, model_constant_bytes, spend
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan
from tinygen.tflite.reader import read_model

BATCH = 64
"""Layers in a program."""
BATCHES = 8
_FORMS = {"f2": F2, "f4": F4}
_EXTENTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 19, 23)
_DEPTHS = (4, 8, 12, 16, 16, 20, 24, 28, 32, 48, 64)
_LARGEST_INPUT = 3000
_CHANNELS = (4, 8, 12, 16, 20)


def _kernel(form: str) -> Kernel:
    (kernel,) = named(f"dsp.conv2d_winograd_{form}")
    return kernel


def _random_layer(seed: int) -> Network:
    """A 3x3 convolution with everything at its extremes."""
    rng = np.random.default_rng([seed, 33])
    padding = str(rng.choice(["SAME", "VALID"]))
    batches, depth = int(rng.choice([1, 1, 1, 2])), int(rng.choice(_DEPTHS))
    rows, columns = (int(rng.choice(_EXTENTS)) for _ in range(2))
    while batches * rows * columns * depth > _LARGEST_INPUT:
        rows, columns = (int(rng.choice(_EXTENTS)) for _ in range(2))
    if padding == "VALID":
        rows, columns = max(rows, 3), max(columns, 3)
    image = (batches, rows, columns, depth)
    shape = Shape(image, (3, 3), (1, 1), (1, 1), padding, int(rng.choice(_CHANNELS)))
    return with_extremes(shape.network(), rng)


@lru_cache(maxsize=4)
def _layers(form: str, number: int) -> tuple[Network, ...]:
    """Batch ``number`` of those random layers that the kernel does: about half of them."""
    kernel = _kernel(form)
    seeds = range(3 * BATCH * number, 3 * BATCH * (number + 1))
    found = accepted([kernel], [_random_layer(seed) for seed in seeds])
    assert len(found) >= BATCH
    return tuple(found[:BATCH])


def _plan(form: str, parts: tuple[Network, ...], monkeypatch: pytest.MonkeyPatch) -> Plan:
    return plan_with((replace(_kernel(form), grows=False),), parts, monkeypatch)


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("form", "number", "board_name"),
    [
        *((form, number, M4_BOARD) for form in _FORMS for number in range(BATCHES)),
        *((form, 0, board_name) for form in _FORMS for board_name in OTHER_BOARDS),
    ],
)
def test_random_layers_on_emulated_cores(
    form: str, number: int, board_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = _layers(form, number)
    compare_on_board(_plan(form, parts, monkeypatch), parts, board_name, tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("form", _FORMS)
def test_c_twins(form: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = _layers(form, 0)
    compare_twins(_plan(form, parts, monkeypatch), parts, compiler, tmp_path)


@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)
def test_transforms_give_the_convolution_times_the_scale(form: _Form) -> None:
    rng = np.random.default_rng(1)
    inputs, outputs = np.array(form.inputs), np.array(form.outputs)
    size = form.tile + 2
    for _ in range(50):
        image = rng.integers(0, 256, (size, size)) - 128 + form.offset
        weights = rng.integers(-128, 128, (1, 3, 3, 1)).astype(np.int8)
        patches = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
        direct = np.einsum("yxij,ij->yx", patches, weights[0, :, :, 0].astype(np.int64))
        transformed = inputs @ image @ inputs.T
        least, most = input_range(form)
        assert least <= transformed.min()
        assert transformed.max() <= most
        product = transformed * transformed_weights(form, weights)[0, :, 0].reshape(size, size)
        assert np.array_equal(outputs @ product @ outputs.T, form.scale * direct)
    odd = form.scale // form.kept
    assert odd * form.kept == form.scale
    assert odd % 2 == 1


@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)
def test_operands_are_int16_for_all_weights(form: _Form) -> None:
    signs = np.array(np.meshgrid(*[[-128, 127]] * 9)).reshape(9, -1).T.reshape(-1, 3, 3, 1)
    extremes = transformed_weights(form, signs.astype(np.int8))
    assert abs(extremes).max() < 1 << 15
    assert max(map(abs, input_range(form))) < 1 << 15


@pytest.mark.parametrize("form", _FORMS)
def test_every_form_is_drawn(form: str) -> None:
    """The random layers reach both requantizations, and cut outputs."""
    forms = set()
    for part in (*_layers(form, 0), *_layers(form, 1), *_layers(form, 2)):
        (layer,) = part.layers
        assert isinstance(layer, Conv2D)
        found = scaling_of(_FORMS[form], layer)
        assert found is not None
        forms.add((found.two_roundings, found.cut != 0))
    assert forms == {(False, False), (False, True), (True, False), (True, True)}


def test_large_accumulators_are_rejected() -> None:
    kernel = _kernel("f4")
    part = next(p for p in map(_random_layer, range(50)) if accepted([kernel], [p]))
    (layer,) = part.layers
    assert isinstance(layer, Conv2D)
    for bias, rejected in (((1 << 25) - (1 << 21), False), (1 << 25, True)):
        larger = replace(
            layer,
            weights=np.ones_like(layer.weights),
            bias=np.full_like(layer.bias, bias),
            requantization=replace(
                layer.requantization,
                shifts=np.full_like(layer.requantization.shifts, -17),
                multipliers=np.full_like(layer.requantization.multipliers, 1 << 30),
            ),
        )
        assert does(kernel, larger, core("cortex-m4")) != rejected


def _offer(step: int, cycles: float, constant_bytes: int) -> Growth:
    offer = Offer(cycles, lambda: Binding(calls=()), constant_bytes=constant_bytes)
    return Growth(step, "kernel", offer)


def test_bytes_are_spent_where_they_save_most() -> None:
    costs = [Cost(1000.0, 10), Cost(1000.0, 10), Cost(50.0, 10)]
    offers = [
        _offer(0, 500.0, 40),
        _offer(0, 300.0, 90),
        _offer(1, 900.0, 40),
        _offer(2, 60.0, 10),
    ]
    assert spend(costs, offers, 29) == {}
    assert spend(costs, offers, 30) == {0: offers[0]}
    assert spend(costs, offers, 79) == {0: offers[0], 1: offers[2]}
    assert spend(costs, offers, 110) == {0: offers[1], 1: offers[2]}


def test_plans_grow_only_when_asked() -> None:
    network = lower(read_model(shared_model("mlperf_ic.tflite")))
    own = model_constant_bytes(network)
    winograd = {}
    for growth in (1.05, 3.0, 9.0):
        options = Options("ic", core("cortex-m4"), KernelChoice.TINYGEN, weight_growth=growth)
        plan = make_plan(network, options)
        assert plan.weight_bytes <= growth * own
        winograd[growth] = [s.kernel for s in plan.steps if "winograd" in s.kernel]
        for step in plan.steps:
            (chosen,) = [c for c in step.considered if c.kernel == step.kernel]
            assert chosen.cycles is not None
            assert not chosen.rejected
    assert winograd[1.05] == []
    assert 0 < len(winograd[3.0]) <= 4
    assert winograd[9.0] == ["dsp.conv2d_winograd_f4"] * 4
