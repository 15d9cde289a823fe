# SPDX-License-Identifier: Apache-2.0
"""Programs on an emulated Cortex-M4 against the oracles themselves, not against our reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.models.oracle import run_litert, run_tflm, run_tflm_in_a_row
from tinygen.compilation import Compilation, compile_model
from tinygen.emit import write_files
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray, Numerics
from tinygen.planning.options import KernelChoice, Options
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for

_BOARD = "qemu-mps2-an386"

_PLACES_OF_1 = {"mlperf_ic_float": 16}
"""How far float32 outputs may be from TFLM's, in last places of 1 (they are probabilities)."""


def _on_target(
    compilation: Compilation, samples: list[list[AnyArray]], work: Path
) -> list[list[AnyArray]]:
    target = board(_BOARD)
    write_files(compilation.files, work / "generated")
    image = build_image(
        work / "generated", compilation.interface, target, work / "build", trace=False
    )
    network = compilation.network
    tensors = [network.tensors[index] for index in network.outputs]
    results = []
    with runner_for(target).start(image) as session:
        for sample in samples:
            answers = session.run([value.tobytes() for value in sample])
            results.append(
                [
                    np.frombuffer(data, t.dtype.numpy).reshape(t.shape)
                    for data, t in zip(answers, tensors, strict=True)
                ]
            )
    return results


@pytest.mark.qemu
@pytest.mark.parametrize("numerics", list(Numerics), ids=lambda n: n.value)
def test_autoencoder_equals_the_oracle_of_its_numerics(numerics: Numerics, tmp_path: Path) -> None:
    """mlperf_ad on 100 random inputs; a third of its outputs differ between the two oracles."""
    path = shared_model("mlperf_ad.tflite")
    options = Options(core=board(_BOARD).core, kernels=KernelChoice.TINYGEN, numerics=numerics)
    compilation = compile_model(path, options)
    samples = reference.random_inputs(compilation.network, 100, seed=4)
    oracle = run_tflm if numerics is Numerics.TFLM else run_litert
    for sample, got in zip(samples, _on_target(compilation, samples, tmp_path), strict=True):
        (wanted,) = oracle(path.read_bytes(), sample)
        np.testing.assert_array_equal(got[0], wanted)


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["mnist_lstm_int8", "audio_preprocessor_int8", "mlperf_ic_float"])
def test_model_equals_tflm(name: str, tmp_path: Path) -> None:
    """Ten inferences in a row, with the states that they leave."""
    path = shared_model(f"{name}.tflite")
    options = Options(core=board(_BOARD).core, kernels=KernelChoice.TINYGEN)
    compilation = compile_model(path, options)
    samples = reference.random_inputs(compilation.network, 10, seed=5)
    answers = _on_target(compilation, samples, tmp_path)
    oracle = run_tflm_in_a_row(path.read_bytes(), samples)
    states: dict[int, AnyArray] = {}
    for sample, got, wanted in zip(samples, answers, oracle, strict=True):
        computed = reference.outputs(compilation.network, sample, states)
        for ours, theirs, exact in zip(got, wanted, computed, strict=True):
            np.testing.assert_array_equal(ours, exact)
            if ours.dtype == np.float32:
                apart = float(np.abs(ours - theirs).max()) / float(np.spacing(np.float32(1)))
                assert apart <= _PLACES_OF_1[name], apart
            else:
                np.testing.assert_array_equal(ours, theirs)
