# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SHARED_MODELS = Path(__file__).resolve().parent.parent.parent / "shared" / "models"
"""Real models beside the repository; tests that use them are skipped where they are absent."""


DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits" / "digits.tflite"
"""A real model that comes with the repository."""

QUANTIZED_MODELS = (
    "hello_world_int8",
    "mlperf_ad",
    "mlperf_ic",
    "mlperf_kws",
    "mlperf_vww",
    "micro_speech",
    "person_detect",
)
"""Those of ``SHARED_MODELS`` that are a network of int8 layers."""


def shared_model(name: str) -> Path:
    """Path of a real model; skips the test where it is absent.

    Args:
        name: file name in ``SHARED_MODELS``.
    """
    path = SHARED_MODELS / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


NIGHTLY = (
    r"tests/measure/test_board_times\.py::test_estimates.*\[(?!nucleo-l4r5zi\]|nucleo-h743|rpi-pico2)",
    r"tests/emit/test_generated_program\.py::test_(no_warnings|clean).*\[(?!mlperf_kws)",
    r"tests/emit/test_no_assembly\.py::test_(real|clang).*\[(?!mlperf_(ad|kws)|micro_speech)",
    r"tests/emit/test_no_assembly\.py::test_random.*\[[12]",
    r"tests/emit/test_push_row\.py::test_.*\[(?!mlperf_kws)",
    r"tests/emit/test_streams\.py::test_.*\[(?!ADD|CONV_2D|MEAN|mlperf_kws)",
    r"tests/run/flash/test_board_runner",
    r"tests/kernels/test_cmsis_nn_(layers|scratch|shipping)",
    r"tests/kernels/test_cores_without_simd\.py::test_(random|c_twins)",
    r"tests/kernels/test_(dsp|mve)_",
    r"tests/kernels/test_interrupts\.py.*(size|ram)",
    r"tests/kernels/test_(emulated|explicit|stateful|typed)",
    r"tests/planning/memory/test_banks\.py::test_random_graphs.*\[([1-9]|1[0-9])\]",
    r"tests/planning/memory/test_random_graphs\.py::.*\[([1-9]|1[0-9])\]",
    r"tests/models/test_graphs\.py::test_(emulated\[qemu-mps3|on_the_host\[[1-9])",
    r"tests/run/test_banks.*Optimize\.RAM",
    r"tests/run/test_board_images.*\[(?!nucleo-f746zg|qemu-stm32vldiscovery|rpi-pico)",
    r"tests/run/test_streamed_models.*\[(?!mlperf_kws)",
    r"tests/run/test_noise.*\[[12]\]",
    r"tests/run/test_plugin",
    r"tests/measure/test_oracles_on_target\.py.*ic_float",
    r"tests/measure/test_profile",
    r"tests/measure/test_verify\.py::test_real_models_on_cortex_m4.*size",
)
"""Long sweeps, by the start of their node identifiers: ``make nightly`` runs them too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the long sweeps."""
    for item in items:
        if any(re.match(pattern, item.nodeid) for pattern in NIGHTLY):
            item.add_marker(pytest.mark.nightly)
