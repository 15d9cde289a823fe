# SPDX-License-Identifier: Apache-2.0
"""Profiles of models that end some inferences early measure one that goes through all operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.models.builder import ModelBuilder
from tests.ops.generators.signal import options
from tests.run.programs import need_tools_of
from tinygen.compilation import compile_model
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.measure.counts import first_whole_inference
from tinygen.measure.plugin import supports_plugins
from tinygen.measure.profile import profile
from tinygen.planning.options import KernelChoice, Options
from tinygen.run.qemu import qemu_path

_BOARD = "qemu-mps2-an386"


def every(first: int, second: int, folder: Path) -> Path:
    """A model whose last operator runs every ``first * second`` inferences."""
    builder = ModelBuilder()
    shape: dict[str, Any] = {"scale": 0.1, "zero_point": -3}
    x = builder.tensor((1, 1, 2, 8), **shape)
    kept = builder.tensor((1, 2, 2, 8), variable=True, **shape)
    part = builder.tensor((1, 1, 2, 16), **shape)
    again = builder.tensor((1, 3, 2, 16), variable=True, **shape)
    result = builder.tensor((1, 3, 2, 16), **shape)
    builder.custom("CIRCULAR_BUFFER", [x], [kept], custom_options=options(cycles_max=first))
    new_shape = builder.tensor((4,), "INT32", data=[1, 1, 2, 16])
    builder.operator("RESHAPE", [kept, new_shape], [part])
    builder.custom("CIRCULAR_BUFFER", [part], [again], custom_options=options(cycles_max=second))
    builder.operator("ADD", [again, again], [result], fused_activation_function="NONE")
    path = folder / "buffers.tflite"
    path.write_bytes(builder.inputs(x).outputs(result).build())
    return path


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 1), (3, 1), (1, 4), (3, 2)])
def test_the_first_whole_inference_is_found(first: int, second: int, tmp_path: Path) -> None:
    options = Options(core=board(_BOARD).core, kernels=KernelChoice.TINYGEN)
    network = compile_model(every(first, second, tmp_path), options).network
    (sample,) = reference.random_inputs(network, 1, seed=2)
    number, outputs = first_whole_inference(network, sample)
    assert number == first * second
    states: dict[int, AnyArray] = {}
    in_a_row = [reference.outputs(network, sample, states) for _ in range(number)]
    assert (outputs[0] == in_a_row[-1][0]).all()
    assert outputs[0].any()
    assert not any(earlier[0].any() for earlier in in_a_row[:-1])


@pytest.mark.qemu
def test_a_profile_measures_it(tmp_path: Path) -> None:
    need_tools_of(board(_BOARD))
    if not supports_plugins(qemu_path()):
        pytest.skip("QEMU was built without plugins")
    options = Options(core=board(_BOARD).core, name="net", kernels=KernelChoice.TINYGEN)
    compilation = compile_model(every(3, 2, tmp_path), options)
    (sample,) = reference.random_inputs(compilation.network, 1, seed=2)
    measured = profile(compilation, board(_BOARD), sample, tmp_path / "work")
    assert measured.bit_exact
    assert [layer.op for layer in measured.layers][-2:] == ["ADD", "KEEP_OUTPUT"]
    # 96 sums at several instructions each.
    assert (measured.layers[-2].instructions or 0) > 500
