# SPDX-License-Identifier: Apache-2.0
"""Every operator and type on emulated Cortex-M: at least 20 random models each, in few programs.

A program holds 240 models, and takes 15 seconds: half of them to plan and compile, half to move inputs
and outputs over the emulated UART. (A program a model would take an hour and a half for each core.)
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.emulated_batch import run_batch
from tests.ops.comparison import assert_same, describe, random_inputs
from tests.ops.generators import GENERATORS, random_model
from tests.ops.generators.typed import CASES, typed_model
from tinygen.errors import InputError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.passes.packed_weights import unpack_weights
from tinygen.tflite.reader import read_model_bytes

_MODELS = int(os.environ.get("TINYGEN_EMULATED_MODELS", "20"))
"""Models of each operator and type."""

_CASES_IN_A_PROGRAM = 12
_MOST_BYTES = 250_000
"""Tensors of a program's models: half of the smaller board's RAM, for arenas and what else there is."""

_INFERENCES = 3
"""Of models that keep a state."""

_ALL = [*((opcode, "") for opcode in sorted(GENERATORS)), *CASES]
_PROGRAMS = [_ALL[i : i + _CASES_IN_A_PROGRAM] for i in range(0, len(_ALL), _CASES_IN_A_PROGRAM)]


def _model(opcode: str, dtype: str, seed: int) -> bytes:
    return typed_model(opcode, dtype, seed) if dtype else random_model(opcode, seed)


def _networks(opcode: str, dtype: str) -> list[Network]:
    found: list[Network] = []
    seed = 0
    while len(found) < _MODELS:
        name = f"{opcode} {dtype} model {seed}"
        try:
            graph = read_model_bytes(_model(opcode, dtype, seed), name)
            found.append(lower(unpack_weights(graph)))
        except InputError:
            assert seed < 2 * _MODELS
        seed += 1
    return found


def _programs(networks: list[Network]) -> list[list[Network]]:
    """The models in their order, a program as many as fit the boards."""
    programs: list[list[Network]] = []
    room = 0
    for network in networks:
        size = sum(tensor.nbytes for tensor in network.tensors.values())
        if not programs or size > room:
            programs.append([])
            room = _MOST_BYTES
        programs[-1].append(network)
        room -= size
    return programs


def _compare(networks: list[Network], inferences: int, board_name: str, directory: Path) -> None:
    rng = np.random.default_rng(len(networks))
    samples = [[random_inputs(n, rng) for _ in range(inferences)] for n in networks]
    answers = run_batch(networks, samples, board_name, directory)
    for network, sent, got in zip(networks, samples, answers, strict=True):
        states: dict[int, AnyArray] = {}
        context = f"{network.graph.source}: {describe(network)}"
        for sample, outputs in zip(sent, got, strict=True):
            expected = reference.outputs(network, sample, states)
            for want, output in zip(expected, outputs, strict=True):
                assert_same(want, output, context)


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", ["qemu-mps2-an386", "qemu-mps3-an547"])
@pytest.mark.parametrize("number", range(len(_PROGRAMS)))
def test_random_models_side_by_side(number: int, board_name: str, tmp_path: Path) -> None:
    networks = [network for case in _PROGRAMS[number] for network in _networks(*case)]
    for kept, inferences in ((True, _INFERENCES), (False, 1)):
        alike = [network for network in networks if bool(network.states) is kept]
        for part, program in enumerate(_programs(alike)):
            _compare(program, inferences, board_name, tmp_path / f"{inferences}_{part}")
