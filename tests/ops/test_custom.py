# SPDX-License-Identifier: Apache-2.0
"""The worked example of a custom operator, on the host and on an emulated Cortex-M4."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.models.builder import ModelBuilder
from tinygen.compilation import compile_model
from tinygen.errors import InputError, UnsupportedError
from tinygen.hardware.boards import all_boards
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.measure.verify import verify
from tinygen.ops.custom import CustomOperator, load_custom_operators, register_custom_operator
from tinygen.ops.registry import CUSTOM_OPERATORS
from tinygen.passes.lowering import lower
from tinygen.planning.options import Options
from tinygen.tflite.reader import read_model_bytes

_EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_operator" / "operators.py"


def _model(code: str) -> bytes:
    builder = ModelBuilder()
    x, turned, y = (builder.tensor((1, 16), scale=0.5) for _ in range(3))
    builder.custom(code, [x], [turned], custom_options=b"\x03")
    builder.operator("MAXIMUM", [turned, x], [y])
    return builder.inputs(x).outputs(y).build()


@pytest.fixture(autouse=True)
def _registry_as_before() -> Iterator[None]:
    with mock.patch.dict(CUSTOM_OPERATORS):
        yield


@pytest.mark.parametrize("board", ["host", pytest.param("qemu-mps2-an386", marks=pytest.mark.qemu)])
def test_worked_example(board: str, tmp_path: Path) -> None:
    load_custom_operators(_EXAMPLE)
    path = tmp_path / "rotate.tflite"
    path.write_bytes(_model("RotateBits"))
    (target,) = (known for known in all_boards() if known.name == board)
    compilation = compile_model(path, Options(core=core(target.core.name)))
    samples = reference.random_inputs(compilation.network, 3, 1)
    verdict = verify(compilation, target, samples, tmp_path)
    assert verdict.bit_exact, verdict.first_mismatch


def test_unknown_custom_operator_is_named() -> None:
    with pytest.raises(UnsupportedError, match="CUSTOM 'Mystery'"):
        lower(read_model_bytes(_model("Mystery"), "model"))


def test_reference_of_the_wrong_shape_is_named() -> None:
    register_custom_operator(CustomOperator("Wrong", lambda _, x: (x[0],), "wrong"))
    network = lower(read_model_bytes(_model("Wrong"), "model"))
    with pytest.raises(InputError, match=r"CUSTOM 'Wrong'.*\[16\]"):
        reference.outputs(network, reference.random_inputs(network, 1, 0)[0])
