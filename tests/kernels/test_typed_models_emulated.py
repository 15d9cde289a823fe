# SPDX-License-Identifier: Apache-2.0
"""Every operator and type on emulated Cortex-M: random models side by side in few programs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.cmsis_nn_programs import side_by_side
from tests.ops.comparison import assert_equal, random_inputs
from tests.ops.generators.typed import CASES, typed_model
from tinygen import reference
from tinygen.emit import render, write_files
from tinygen.errors import InputError
from tinygen.graph import AnyArray
from tinygen.lowering import Network, lower
from tinygen.plan import KernelChoice, Optimize, Options, make_plan
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for
from tinygen.targets.boards import all_boards
from tinygen.tflite_reader import read_model_bytes

_MODELS = int(os.environ.get("TINYGEN_EMULATED_MODELS", "2"))
"""Models of each operator and type; 20 at night."""

_CASES_IN_A_PROGRAM = 12
_PROGRAMS = [CASES[i : i + _CASES_IN_A_PROGRAM] for i in range(0, len(CASES), _CASES_IN_A_PROGRAM)]


def _parts(cases: list[tuple[str, str]]) -> list[Network]:
    parts = []
    for opcode, dtype in cases:
        found = seed = 0
        while found < _MODELS:
            seed += 1
            try:
                model = read_model_bytes(
                    typed_model(opcode, dtype, seed), f"{opcode} {dtype} {seed}"
                )
                parts.append(lower(model))
                found += 1
            except InputError:
                assert seed < 10 * _MODELS
    return parts


def _same(want: AnyArray, got: AnyArray, context: str) -> None:
    if want.dtype == np.float32:
        want, got = (np.where(np.isnan(a), np.float32(np.nan), a) for a in (want, got))
    assert_equal(want, got, context)


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", ["qemu-mps2-an386", "qemu-mps3-an547"])
@pytest.mark.parametrize("number", range(len(_PROGRAMS)))
def test_random_models_side_by_side(number: int, board_name: str, tmp_path: Path) -> None:
    (board,) = (known for known in all_boards() if known.name == board_name)
    parts = _parts(_PROGRAMS[number])
    together = side_by_side(parts)
    options = Options(
        name="layers", core=board.core, kernels=KernelChoice.TINYGEN, optimize=Optimize.SIZE
    )
    write_files(render(make_plan(together, options)), tmp_path / "generated")
    image = build_image(tmp_path / "generated", "layers", board, tmp_path / "build", trace=False)
    rng = np.random.default_rng(number)
    samples = [random_inputs(part, rng) for part in parts]
    with runner_for(board).start(image) as session:
        answers = session.run([value.tobytes() for sample in samples for value in sample])
    remaining = iter(answers)
    for part, sample in zip(parts, samples, strict=True):
        for want in reference.outputs(part, sample):
            got = np.frombuffer(next(remaining), want.dtype).reshape(want.shape)
            _same(want, got, part.graph.source)
