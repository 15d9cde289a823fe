# SPDX-License-Identifier: Apache-2.0
"""A PAD goes into the convolution behind it, whatever its ends, where nothing but zeros are padded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare, context, names, stages

_MODELS = 12
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
Ends = tuple[int, int]


@dataclass(frozen=True)
class Options:
    """What is particular about a model."""

    padding: str = "VALID"
    value: int | None = None
    """Of a PADV2, above the zero point."""
    rescaled: bool = False
    batch: bool = False
    deeper: bool = False
    shared: bool = False
    weights: float = 0.1
    most: int | None = None
    """Rows and columns padded at most; by default what the window reaches."""
    channels: int | None = None


def _random(rng: np.random.Generator, most: int) -> Ends:
    return (int(rng.integers(0, most + 1)), int(rng.integers(0, most + 1)))


def padded_convolution(opcode: str, dtype: str, seed: int, options: Options) -> bytes:
    """PAD (or PADV2) and a convolution behind it, with random window, strides and ends."""
    rng = np.random.default_rng([seed, *opcode.encode(), *dtype.encode()])
    is_float = dtype == "FLOAT32"
    size, stride, dilation = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.integers(1, 3, 2)
    reach = (size - 1) * dilation
    most = reach if options.most is None else (options.most, options.most)
    rows, columns = _random(rng, int(most[0])), _random(rng, int(most[1]))
    if options.most is not None:
        rows = (options.most, 1)
    image = (int(reach[0] + rng.integers(1, 7)), int(reach[1] + rng.integers(1, 7)))
    channels = options.channels or int(rng.integers(1, 6))
    padded = (image[0] + sum(rows), image[1] + sum(columns))
    batch, deep = (1 if options.batch else 0), (1 if options.deeper else 0)
    outputs = tuple(
        int((e - r - 1) // s + 1) for e, r, s in zip(padded, reach, stride, strict=True)
    )
    builder = ModelBuilder()
    point = 0 if dtype == "INT16" else int(rng.integers(-128, 128))
    inside: dict[str, Any] = {} if is_float else {"scale": 0.5, "zero_point": point}
    after = {**inside, "scale": 0.25} if options.rescaled else inside
    x = builder.tensor((1, *image, channels), dtype, **inside)
    between = builder.tensor((1 + batch, *padded, channels + deep), dtype, **after)
    paddings = builder.tensor((4, 2), "INT32", data=[0, batch, *rows, *columns, 0, deep])
    many = int(rng.integers(1, 6)) if opcode == "CONV_2D" else channels + deep
    shape = (many if opcode == "CONV_2D" else 1, *(int(s) for s in size), channels + deep)
    weights: Any = rng.integers(-127, 128, shape)
    if is_float:
        weights = (weights * options.weights).astype(np.float32)
    kind = "FLOAT32" if is_float else "INT8"
    w = builder.tensor(weights.shape, kind, scale=None if is_float else 0.1, data=weights)
    y = builder.tensor((1 + batch, *outputs, many), dtype, scale=None if is_float else 2.0)
    if options.value is None:
        builder.operator("PAD", [x, paddings], [between])
    else:
        value = options.value if is_float else min(point + options.value, 127)
        v = builder.tensor((), dtype, data=value, **after)
        builder.operator("PADV2", [x, paddings, v], [between], version=2)
    windows: dict[str, Any] = dict(
        zip(("stride_h", "stride_w"), (int(s) for s in stride), strict=True)
    )
    names_ = ("dilation_h_factor", "dilation_w_factor")
    windows |= dict(zip(names_, (int(d) for d in dilation), strict=True))
    if opcode == "DEPTHWISE_CONV_2D":
        windows["depth_multiplier"] = 1
    builder.operator(opcode, [between, w], [y], padding=options.padding, version=3, **windows)
    outputs_ = [y, between] if options.shared else [y]
    return builder.inputs(x).outputs(*outputs_).build()


@pytest.mark.parametrize("opcode", _CONVOLUTIONS)
@pytest.mark.parametrize("dtype", ["INT8", "FLOAT32", "INT16"])
def test_merged(opcode: str, dtype: str, tmp_path: Path) -> None:
    models = [padded_convolution(opcode, dtype, seed, Options()) for seed in range(_MODELS)]
    models += [
        padded_convolution(opcode, dtype, seed, Options(value=0))
        for seed in range(_MODELS)
        if dtype != "INT16"
    ]
    found = {tuple(names(network)) for network in compare(models, tmp_path)}
    # A PAD by nothing is an identity, and gone.
    assert found <= {(f"PAD+{opcode}",), (f"PADV2+{opcode}",), (opcode,)}
    assert (f"PAD+{opcode}",) in found


_REFUSED = {
    "rescaled": Options(rescaled=True),
    "batch": Options(batch=True),
    "deeper": Options(deeper=True),
    "shared": Options(shared=True),
    "value": Options(value=3),
    "beyond the window": Options(most=9),
}


def test_not_merged(tmp_path: Path) -> None:
    models = {
        (reason, opcode, dtype): padded_convolution(opcode, dtype, seed, options)
        for seed, (reason, options) in enumerate(_REFUSED.items(), start=1)
        for opcode in _CONVOLUTIONS
        for dtype in ("INT8", "FLOAT32")
        if (reason, dtype) != ("rescaled", "FLOAT32")
    }
    for case, network in zip(models, compare(list(models.values()), tmp_path), strict=True):
        assert "padding" not in stages(network), (case, context(network))


def test_not_with_weights_that_are_not_finite(tmp_path: Path) -> None:
    models = [
        padded_convolution("CONV_2D", "FLOAT32", seed, Options(weights=np.inf)) for seed in range(4)
    ]
    for network in compare(models, tmp_path):
        assert "padding" not in stages(network), context(network)
