# SPDX-License-Identifier: Apache-2.0
"""Kernels follow a core's features: none is believed fast where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import DIGITS, shared_model
from tinygen.compilation import compile_model
from tinygen.hardware.cores import Core, core, load_core
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan


def plan_for(target: Core, model: Path = DIGITS) -> Plan:
    return compile_model(model, Options(core=target, kernels=KernelChoice.TINYGEN)).plan


def kernels(plan: Plan) -> list[str]:
    return [step.kernel for step in plan.all_steps]


def test_a_core_without_anything_gets_the_kernels_of_one(tmp_path: Path) -> None:
    """Added as a file: the smallest of Armv8-M."""
    path = tmp_path / "cortex-m99.toml"
    path.write_text(
        'title = "Cortex-M99"\narchitecture = "armv8-m.base"\ngcc = "cortex-m23"\n'
        "[slower]\nportable = 2.8\ncmsis_nn = 2.5\n"
    )
    made, known = plan_for(load_core(path)), plan_for(core("cortex-m0"))
    assert "thumb.conv2d" in kernels(made)
    assert kernels(made) == kernels(known)
    assert made.cycles == pytest.approx(known.cycles)


@pytest.mark.parametrize(
    ("lacking", "like"),
    [
        ("cortex-m23", "cortex-m0"),
        ("cortex-m35p", "cortex-m33"),
        ("cortex-m52", "cortex-m55"),
        ("cortex-m55+nomve", "cortex-m33"),
        ("cortex-m4+nofp", "cortex-m4"),
        ("cortex-m33+nofp", "cortex-m33"),
    ],
)
def test_the_same_features_get_the_same_kernels(lacking: str, like: str) -> None:
    one, other = plan_for(core(lacking)), plan_for(core(like))
    assert kernels(one) == kernels(other)
    assert 0.8 <= one.cycles / other.cycles <= 1.15


def test_without_simd_the_kernels_for_that_are_used() -> None:
    assert "thumb.conv2d" in kernels(plan_for(core("cortex-m33+nodsp")))
    assert not any(name.startswith("dsp.") for name in kernels(plan_for(core("cortex-m55+nodsp"))))


def test_keyword_spotting_on_the_smallest() -> None:
    model = shared_model("mlperf_kws.tflite")
    smallest, baseline = (plan_for(core(name), model) for name in ("cortex-m0", "cortex-m23"))
    assert kernels(smallest) == kernels(baseline)
    assert 0.8 <= baseline.cycles / smallest.cycles <= 1.1
