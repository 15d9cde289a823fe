# SPDX-License-Identifier: Apache-2.0
"""Damaged models through every stage: what the reader lets through compiles, or is refused in words."""

from __future__ import annotations

import os
import random

import pytest

from tests.conftest import shared_model
from tests.models.damage import damaged
from tests.models.graphs import random_graph
from tests.ops.generators import GENERATORS, random_model
from tests.ops.generators.typed import CASES, typed_model
from tests.tflite.test_damaged_files import flipped
from tinygen.emit import render
from tinygen.errors import TinygenError
from tinygen.hardware.cores import core
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.tflite.reader import read_model_bytes

_MANY = int(os.environ.get("TINYGEN_MODELS", "200"))
_EACH = max(1, _MANY // 20)
"""Damaged models of every operator and type: 10 at night, 1 in between."""


def compiles(model: bytes, name: str = "cortex-m4") -> bool:
    """Whether the model compiles; False where it is refused, any other exception fails the test."""
    try:
        network = lower(rewrite(read_model_bytes(model, "m.tflite")))
        options = Options(name="m", core=core(name), kernels=KernelChoice.TINYGEN)
        render(make_plan(network, options))
    except TinygenError:
        return False
    return True


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
def test_operators_that_make_no_sense(target: str) -> None:
    source = random.Random(target)
    models = [typed_model(*case, seed) for case in CASES for seed in range(_EACH)]
    models += [random_model(opcode, seed) for opcode in GENERATORS for seed in range(_EACH)]
    outcomes = [compiles(damaged(model, source), target) for model in models]
    assert {True, False} == set(outcomes)


def test_graphs_that_make_no_sense() -> None:
    source = random.Random(4)
    outcomes = [compiles(damaged(random_graph(seed), source)) for seed in range(2 * _MANY)]
    assert {True, False} == set(outcomes)


@pytest.mark.parametrize(
    "name", ["hello_world_int8", "micro_speech", "mnist_lstm_int8", "audio_preprocessor_int8"]
)
def test_flipped_bits_of_real_models(name: str) -> None:
    sound = shared_model(f"{name}.tflite").read_bytes()
    source = random.Random(5)
    outcomes = [compiles(flipped(sound, source)) for _ in range(_MANY)]
    outcomes += [compiles(damaged(sound, source)) for _ in range(_MANY)]
    assert {True, False} == set(outcomes)
