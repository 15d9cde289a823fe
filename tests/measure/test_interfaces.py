# SPDX-License-Identifier: Apache-2.0
"""Models whose inputs and outputs are not each a tensor of its own: constants, repetitions, none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import run_tflm
from tests.ops.comparison import assert_same
from tinygen.compilation import Compilation, compile_model
from tinygen.errors import InputError
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.measure.samples import chosen_samples
from tinygen.measure.verify import verify
from tinygen.planning.options import Options

_INTERFACES = {
    "a constant output": ("x", "yc"),
    "outputs listed twice": ("x", "ycyc"),
    "an output that is an input": ("x", "yx"),
    "an input listed twice": ("xx", "y"),
    "an input listed twice among others": ("xwxx", "sw"),
    "a view and what it is of": ("x", "vxv"),
    "a view of a constant": ("x", "ky"),
    "nothing but constants": ("x", "ck"),
    "an input that goes through": ("x", "x"),
    "no inputs": ("", "kc"),
}
"""Inputs and outputs by the names of the tensors of ``_model``."""


def _model(inputs: str, outputs: str) -> bytes:
    """ABS, ADD and RESHAPE of inputs ``x``, ``w`` and a constant ``c``, as far as outputs need them."""
    builder = ModelBuilder()
    known = np.array([[1.5, -np.inf, 3.0], [0.0, 5.0, -7.25]], np.float32)
    sizes = {size: builder.tensor((1,), "INT32", data=[size]) for size in (4, 6)}
    tensors = {
        "x": builder.tensor((1, 4), scale=0.5, name="x"),
        "w": builder.tensor((1, 4), scale=0.25, name="w"),
        "c": builder.tensor((2, 3), "FLOAT32", data=known, name="c"),
        "y": builder.tensor((1, 4), scale=0.5),
        "s": builder.tensor((1, 4), scale=1.0),
        "v": builder.tensor((4,), scale=0.5),
        "k": builder.tensor((6,), "FLOAT32"),
    }
    made = {
        "y": ("ABS", [tensors["x"]]),
        "s": ("ADD", [tensors["x"], tensors["w"]]),
        "v": ("RESHAPE", [tensors["x"], sizes[4]]),
        "k": ("RESHAPE", [tensors["c"], sizes[6]]),
    }
    for name in dict.fromkeys(outputs):
        if name in made:
            opcode, sources = made[name]
            builder.operator(opcode, sources, [tensors[name]])
    builder.inputs(*(tensors[name] for name in inputs))
    return builder.outputs(*(tensors[name] for name in outputs)).build()


def _compiled(inputs: str, outputs: str, *, stream_input: bool = False) -> Compilation:
    chosen = Options(core=board("host").core, name="net", stream_input=stream_input)
    return compile_model(_model(inputs, outputs), chosen)


@pytest.mark.parametrize("kind", _INTERFACES)
def test_computed_as_tflm_does(kind: str, tmp_path: Path) -> None:
    compilation = _compiled(*_INTERFACES[kind])
    samples = reference.random_inputs(compilation.network, 2, seed=1)
    for sample in samples:
        wanted = run_tflm(_model(*_INTERFACES[kind]), sample)
        for want, got in zip(wanted, reference.outputs(compilation.network, sample), strict=True):
            assert_same(want, got, kind)
    verdict = verify(compilation, board("host"), samples, tmp_path)
    assert verdict.bit_exact, verdict.first_mismatch
    assert verdict.outputs_compared == 2 * sum(want.size for want in wanted)


def test_a_constant_output_takes_no_memory() -> None:
    assert _compiled("x", "yc").arena_bytes == _compiled("x", "y").arena_bytes
    header = _compiled("x", "yc").files["net.h"].decode()
    assert "/* OUTPUT_1: 'c', FLOAT32 2x3, a constant */" in header


def test_an_input_that_is_listed_twice_has_one_array_of_samples() -> None:
    compilation = _compiled("xwx", "s")
    arrays = {"x": np.ones((3, 1, 4), np.int8), "w": np.zeros((3, 1, 4), np.int8)}
    samples, _ = chosen_samples(compilation.network, arrays, seed=1)
    assert [[int(value.sum()) for value in sample] for sample in samples] == [[4, 0, 4]] * 3
    assert "the same memory as net_input_0()" in compilation.files["net.h"].decode()


def test_samples_for_a_model_without_inputs_are_refused() -> None:
    network = _compiled("", "k").network
    with pytest.raises(InputError, match="has no inputs"):
        chosen_samples(network, np.zeros((3, 4), np.int8), seed=1)


@pytest.mark.parametrize(
    ("inputs", "outputs", "why"),
    [
        ("xx", "y", "lists the input 'x' again"),
        ("x", "yx", "lists the input 'x' again"),
        ("", "k", "has no input that could be delivered"),
    ],
)
def test_what_cannot_come_by_rows_is_named(inputs: str, outputs: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        _compiled(inputs, outputs, stream_input=True)
