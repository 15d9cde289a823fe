# SPDX-License-Identifier: Apache-2.0
"""The worked example of a custom operator, on the host and on an emulated Cortex-M4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import tinygen
from tests.models.builder import ModelBuilder
from tinygen.cli.main import main
from tinygen.compilation import lowered
from tinygen.errors import InputError, UnsupportedError
from tinygen.ir import reference
from tinygen.ir.custom import (
    CustomOperator,
    Reference,
    as_custom_operators,
    load_custom_operators,
)
from tinygen.ir.graph import Numerics
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

_EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_operator" / "operators.py"


def _model(code: str) -> bytes:
    builder = ModelBuilder()
    x, turned, y = (builder.tensor((1, 16), scale=0.5) for _ in range(3))
    builder.custom(code, [x], [turned], custom_options=b"\x03")
    builder.operator("MAXIMUM", [turned, x], [y])
    return builder.inputs(x).outputs(y).build()


@pytest.fixture
def rotate(tmp_path: Path) -> Path:
    path = tmp_path / "rotate.tflite"
    path.write_bytes(_model("RotateBits"))
    return path


@pytest.mark.parametrize("board", ["host", pytest.param("qemu-mps2-an386", marks=pytest.mark.qemu)])
def test_worked_example(board: str, rotate: Path) -> None:
    """By the API and by every command that takes a model; a compilation keeps its operators."""
    compilation = tinygen.compile(rotate, board=board, custom=[_EXAMPLE])
    verdict = tinygen.verify(compilation, 3, on=board)
    assert verdict.bit_exact, verdict.first_mismatch
    assert len(tinygen.analyze(compilation, ram_curve=True).ram_curve or ()) >= 1


@pytest.mark.parametrize(
    "command",
    [
        ("analyze",),
        ("explain",),
        ("verify", "--board", "host", "--samples", "2"),
        pytest.param(("profile",), marks=pytest.mark.qemu),
    ],
    ids=lambda command: command[0],
)
def test_commands_take_the_file(command: tuple[str, ...], rotate: Path) -> None:
    name, *arguments = command
    ran = CliRunner().invoke(main, [name, str(rotate), *arguments, "--custom", str(_EXAMPLE)])
    assert ran.exit_code == 0, ran.output


def test_operators_are_those_of_one_compilation(rotate: Path) -> None:
    tinygen.compile(rotate, custom=[_EXAMPLE])
    with pytest.raises(UnsupportedError, match="CUSTOM 'RotateBits'"):
        tinygen.compile(rotate)


def test_unknown_custom_operator_is_named() -> None:
    with pytest.raises(UnsupportedError, match="CUSTOM 'Mystery'"):
        lower(read_model_bytes(_model("Mystery"), "model"))


def test_reference_of_the_wrong_shape_is_named() -> None:
    wrong = CustomOperator("Wrong", lambda _, x: x[0], "wrong")
    network = lowered(_model("Wrong"), Numerics.TFLM, [wrong])
    with pytest.raises(InputError, match=r"CUSTOM 'Wrong'.*\[16\]"):
        reference.outputs(network, reference.random_inputs(network, 1, 0)[0])


def _fails(options: bytes, x: np.ndarray) -> np.ndarray:
    raise ZeroDivisionError("of the user")


def _writes(options: bytes, x: np.ndarray) -> np.ndarray:
    x[:] = 3
    return x


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (_fails, "ZeroDivisionError: of the user"),
        (_writes, "read-only"),
        (lambda options: options, "TypeError"),
    ],
)
def test_reference_that_fails_is_named(wrong: Reference, says: str) -> None:
    network = lowered(_model("Wrong"), Numerics.TFLM, [CustomOperator("Wrong", wrong, "wrong")])
    with pytest.raises(InputError, match=f"CUSTOM 'Wrong'.*its reference fails: .*{says}"):
        reference.outputs(network, reference.random_inputs(network, 1, 0)[0])


def test_operators_that_get_in_each_others_way(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    paths = [tmp_path / "a.c", tmp_path / "elsewhere" / "a.c"]
    for path in paths:
        path.write_text("")
    ones = [
        CustomOperator(code, _fails, "f", (path,)) for code, path in zip("AB", paths, strict=True)
    ]
    with pytest.raises(InputError, match=r"two custom sources are called .a\.c"):
        as_custom_operators(ones)
    with pytest.raises(InputError, match="two custom operators are called 'A'"):
        as_custom_operators([ones[0], ones[0]])
    shared = CustomOperator("C", _fails, "f", (paths[0],))
    assert as_custom_operators([ones[0], shared]) == (ones[0], shared)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        ("import sys\nsys.exit(3)", "fails: SystemExit"),
        ("x = 1", "makes no custom operator"),
        ("import nothing_of_this_name", "fails: ModuleNotFoundError"),
        (
            "import tinygen\n@tinygen.custom_operator('A', function='a', sources=['a.c'])\n"
            "def a(options, x):\n    return x\n",
            "the source a.c does not exist",
        ),
    ],
)
def test_files_that_do_not_do(content: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "operators.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says):
        load_custom_operators(path)


@pytest.mark.parametrize("name", ["operators.py", "rotate_bits.c"])
def test_the_page_shows_the_example(name: str) -> None:
    page = (_EXAMPLE.parents[2] / "docs" / "custom-operators.md").read_text()
    shown = page.split(f"`{name}`:\n\n```")[1].split("\n", 1)[1].split("```")[0]
    assert shown in (_EXAMPLE.parent / name).read_text()
