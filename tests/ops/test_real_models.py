# SPDX-License-Identifier: Apache-2.0
"""Whole models: the reference against TFLM, and the two numerics against each other."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.models.oracle import run_litert, run_tflm
from tests.ops.comparison import assert_equal
from tinygen.ir import reference
from tinygen.ir.graph import Numerics
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model

_MODELS = (
    "mlperf_ad",
    "mlperf_ic",
    "mlperf_kws",
    "mlperf_vww",
    "person_detect",
    "micro_speech",
    "hello_world_int8",
)


@pytest.mark.parametrize("name", _MODELS)
def test_model_equals_tflm(name: str) -> None:
    path = shared_model(f"{name}.tflite")
    network = lower(read_model(path))
    for number, sample in enumerate(reference.random_inputs(network, samples=5, seed=11)):
        expected = run_tflm(path.read_bytes(), sample)
        for want, got in zip(expected, reference.outputs(network, sample), strict=True):
            assert_equal(want, got, f"{name} sample {number}")


def test_numerics_differ_on_the_autoencoder_only_by_rounding() -> None:
    path = shared_model("mlperf_ad.tflite")
    graph = read_model(path)
    tflm, litert = lower(graph, Numerics.TFLM), lower(graph, Numerics.LITERT)
    (sample,) = reference.random_inputs(tflm, samples=1, seed=2)
    (expected,) = run_litert(path.read_bytes(), sample)
    (got,) = reference.outputs(litert, sample)
    assert_equal(expected, got, "mlperf_ad, litert")
    (other,) = reference.outputs(tflm, sample)
    assert np.any(other != got), "the two roundings must tell apart"


def test_reference_of_vww_takes_seconds_at_most() -> None:
    network = lower(read_model(shared_model("mlperf_vww.tflite")))
    (sample,) = reference.random_inputs(network, samples=1, seed=3)
    start = time.perf_counter()
    reference.outputs(network, sample)
    assert time.perf_counter() - start < 3
