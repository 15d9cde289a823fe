# SPDX-License-Identifier: Apache-2.0
"""What compilers made of generated C, and must not again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.kernels.host_batch import build
from tests.models.builder import ModelBuilder
from tinygen.ir import reference
from tinygen.passes.lowering import lower
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O2", "-O3", "-Os"])
def test_a_step_that_writes_to_a_fixed_place_is_run(
    compiler: str, level: str, tmp_path: Path
) -> None:
    """GCC 12 at -O2 took DEQUANTIZE at two fixed addresses for a function without effect."""
    builder = ModelBuilder()
    x = builder.tensor((1, 6, 7, 6), scale=0.25, zero_point=-116)
    real = builder.tensor((1, 6, 7, 6), "FLOAT32")
    y = builder.tensor((1, 6, 7, 6), scale=0.36, zero_point=83)
    kept = builder.tensor((1, 6, 7, 6), scale=0.1, zero_point=4)
    builder.operator("DEQUANTIZE", [x], [real])
    builder.operator("QUANTIZE", [real], [y])
    builder.operator("QUANTIZE", [x], [kept])
    network = lower(read_model_bytes(builder.inputs(x).outputs(y, kept).build(), "m"))
    sample = [np.arange(252).astype(np.int8).reshape(1, 6, 7, 6)]
    for optimize in (Optimize.SPEED, Optimize.SIZE):
        (host,) = build(
            [network],
            tmp_path / optimize.value,
            optimize=optimize,
            flags=(level,),
            compiler=compiler,
        )
        for want, got in zip(reference.outputs(network, sample), host.run(sample), strict=True):
            assert np.array_equal(want, got)
