# SPDX-License-Identifier: Apache-2.0
"""INT4 weights are unpacked, as TFLM unpacks them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare


@pytest.mark.parametrize("opcode", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_int4_weights(opcode: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    builder = ModelBuilder()
    shapes = {
        "CONV_2D": ((1, 6, 6, 3), (5, 3, 3, 3), (1, 6, 6, 5), 0),
        "DEPTHWISE_CONV_2D": ((1, 6, 6, 4), (1, 3, 3, 4), (1, 6, 6, 4), 3),
        "FULLY_CONNECTED": ((2, 12), (5, 12), (2, 5), 0),
    }
    source, weights_shape, target, axis = shapes[opcode]
    weights = rng.integers(-7, 8, weights_shape).astype(np.int8)
    channels = weights_shape[axis]
    scales = [0.02] if opcode == "FULLY_CONNECTED" else [0.02 + 0.01 * i for i in range(channels)]
    bias = rng.integers(-99, 99, channels).astype(np.int32)
    x = builder.tensor(source, scale=0.1, zero_point=5)
    w = builder.tensor(weights_shape, "INT4", scale=scales, axis=axis, data=weights)
    b = builder.tensor(
        (channels,),
        "INT32",
        scale=[float(np.float32(0.1) * np.float32(s)) for s in scales],
        data=bias,
    )
    y = builder.tensor(target, scale=0.2, zero_point=-3)
    windows = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    options = {} if opcode == "FULLY_CONNECTED" else windows
    if opcode == "DEPTHWISE_CONV_2D":
        options = {**options, "depth_multiplier": 1}
    builder.operator(opcode, [x, w, b], [y], version=7, **options)  # type: ignore[arg-type]
    compare([builder.inputs(x).outputs(y).build()], tmp_path)
