# SPDX-License-Identifier: Apache-2.0
"""verify: the seven real models are bit-exact, and a wrong program is caught and located."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import DIGITS, QUANTIZED_MODELS, shared_model
from tinygen.compilation import Compilation, compile_model
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.measure.verify import verify
from tinygen.planning.options import KernelChoice, Optimize, Options


def compiled(model: Path, board_name: str = "host") -> Compilation:
    return compile_model(model, Options(core=board(board_name).core, kernels=KernelChoice.TINYGEN))


def with_edit(compilation: Compilation, path: str, pattern: str, replacement: str) -> Compilation:
    """The compilation with the first match in one of its files replaced."""
    text, count = re.subn(pattern, replacement, compilation.files[path].decode(), count=1)
    assert count == 1, f"{pattern} is not in {path}"
    return replace(compilation, files={**compilation.files, path: text.encode()})


@pytest.mark.parametrize("name", QUANTIZED_MODELS)
def test_real_models_on_the_host(name: str, tmp_path: Path) -> None:
    compilation = compiled(shared_model(f"{name}.tflite"))
    samples = reference.random_inputs(compilation.network, 3, seed=1)
    verdict = verify(compilation, board("host"), samples, tmp_path)
    assert verdict.bit_exact, verdict.first_mismatch


@pytest.mark.qemu
@pytest.mark.parametrize("optimize", list(Optimize)[:2], ids=lambda o: o.value)
@pytest.mark.parametrize("name", QUANTIZED_MODELS)
def test_real_models_on_cortex_m4(name: str, optimize: Optimize, tmp_path: Path) -> None:
    target = board("qemu-mps2-an386")
    compilation = compile_model(
        shared_model(f"{name}.tflite"),
        Options(core=target.core, kernels=KernelChoice.TINYGEN, optimize=optimize),
    )
    samples = reference.random_inputs(compilation.network, 2, seed=1)
    verdict = verify(compilation, target, samples, tmp_path)
    assert verdict.bit_exact, verdict.first_mismatch


def test_a_changed_weight_is_found_in_its_layer(tmp_path: Path) -> None:
    compilation = compiled(DIGITS)
    kernel = next(s for s in compilation.plan.steps if s.layer.operator.index == 2)
    assert kernel.layer.operator.opcode == "CONV_2D"
    wrong = with_edit(
        compilation, "digits_weights.c", r"(digits_02_bias\[\d+\][^{]*\{\s*)-?\d+", r"\g<1>99999"
    )
    samples = reference.random_inputs(wrong.network, 2, seed=1)
    verdict = verify(wrong, board("host"), samples, tmp_path)
    assert not verdict.bit_exact
    assert verdict.mismatches > 0
    first = verdict.first_mismatch
    assert first is not None
    assert first.operator == "operator 2 (CONV_2D)"
    expected = reference.run(wrong.network, samples[first.sample])
    tensor = wrong.network.layers[2].outputs[0]
    assert expected[tensor][first.element] == first.expected
    assert first.got != first.expected


def test_layers_are_judged_one_by_one(tmp_path: Path) -> None:
    compilation = compiled(DIGITS)
    wrong = with_edit(
        compilation,
        "digits_weights.c",
        r"(digits_00_bias\[\d+\][^{]*\{\s*)(-?\d+)",
        r"\g<1>1000+\2",
    )
    samples = reference.random_inputs(wrong.network, 1, seed=5)
    verdict = verify(wrong, board("host"), samples, tmp_path, layers=True)
    assert not verdict.bit_exact
    assert next(layer.index for layer in verdict.layers if layer.mismatched_samples) == 0


def test_outputs_are_the_targets_own(tmp_path: Path) -> None:
    compilation = compiled(DIGITS)
    samples = reference.random_inputs(compilation.network, 2, seed=3)
    verdict = verify(compilation, board("host"), samples, tmp_path)
    for sample, outputs in zip(samples, verdict.outputs, strict=True):
        assert np.array_equal(outputs[0], reference.outputs(compilation.network, sample)[0])
    assert verdict.outputs_compared == 20
