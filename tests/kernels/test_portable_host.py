# SPDX-License-Identifier: Apache-2.0
"""The portable kernels, compiled for this machine, against the reference byte for byte."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.host_batch import build
from tests.ops.comparison import assert_equal, describe, random_inputs
from tests.ops.generators import GENERATORS, random_model
from tinygen.errors import InputError
from tinygen.ir import reference
from tinygen.ir.graph import Numerics
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes

_MODELS = int(os.environ.get("TINYGEN_MODELS", "200"))
_SAMPLES = 2
_FEW = 20


def _networks(opcode: str, count: int, numerics: Numerics = Numerics.TFLM) -> list[Network]:
    networks: list[Network] = []
    seed = 0
    while len(networks) < count:
        model = random_model(opcode, seed)
        try:
            networks.append(lower(read_model_bytes(model, f"{opcode} model {seed}"), numerics))
        except InputError:
            assert seed < 2 * count
        seed += 1
    return networks


def _compare(
    networks: Sequence[Network],
    directory: Path,
    optimize: Optimize,
    flags: Sequence[str] = ("-O1",),
    compiler: str = "gcc",
) -> None:
    models = build(networks, directory, optimize=optimize, flags=flags, compiler=compiler)
    for number, model in enumerate(models):
        rng = np.random.default_rng(number)
        context = f"{model.network.graph.source} ({model.name}): {describe(model.network)}"
        for _ in range(_SAMPLES):
            inputs = random_inputs(model.network, rng)
            expected = reference.outputs(model.network, inputs)
            for want, got in zip(expected, model.run(inputs), strict=True):
                assert_equal(want, got, context)


@pytest.mark.parametrize("opcode", sorted(GENERATORS))
def test_random_models_equal_the_reference(opcode: str, tmp_path: Path) -> None:
    _compare(_networks(opcode, _MODELS), tmp_path, Optimize.SIZE)


@pytest.mark.parametrize("opcode", ["FULLY_CONNECTED", "RELU6"])
def test_litert_numerics_equal_the_reference(opcode: str, tmp_path: Path) -> None:
    _compare(_networks(opcode, _MODELS, Numerics.LITERT), tmp_path, Optimize.SIZE)


def test_kernels_specialized_to_each_layer_by_clang(tmp_path: Path) -> None:
    networks = [n for opcode in sorted(GENERATORS) for n in _networks(opcode, _FEW)]
    _compare(networks, tmp_path, Optimize.SPEED, ("-O3",), compiler="clang")


def test_no_undefined_behaviour(tmp_path: Path) -> None:
    networks = [n for opcode in sorted(GENERATORS) for n in _networks(opcode, _FEW)]
    flags = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    _compare(networks, tmp_path, Optimize.SIZE, flags)
