# SPDX-License-Identifier: Apache-2.0
"""A PAD before a VALID convolution becomes the convolution's own padding.

A padded zero point adds nothing to a convolution's sum, as its own padding does not; for float32 the
padded zeros add products of 0, which leave every sum as it is (finite weights provided). Where the ends
are those of SAME, that is what the convolution becomes; else its padding is explicit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygen.ir.graph import DType, Graph, Numerics, Operator, OptionValue, Rewrite, Tensor
from tinygen.ir.layer import Layer
from tinygen.ops.pad import Pad
from tinygen.ops.strided import Move
from tinygen.ops.window import EXPLICIT, EXPLICIT_ENDS
from tinygen.passes.rewriting import Fused, Pair, fuse

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")

_TYPES = (DType.FLOAT32, DType.INT8, DType.INT16)


def pad_into_convolution(graph: Graph, numerics: Numerics) -> Graph:
    """Rewrite the main subgraph."""
    return fuse(graph, numerics, _fused)


def _fused(pair: Pair) -> Fused | None:
    if not (
        pair.alone
        and pair.producer.opcode in ("PAD", "PADV2")
        and pair.consumer.opcode in _CONVOLUTIONS
    ):
        return None
    padded = _padded(pair)
    done = Rewrite("padding", pair.producer, f"done by {pair.consumer.label}")
    return None if padded is None else Fused(None, padded, done)


def _padded(pair: Pair) -> Operator | None:
    """The convolution that pads by itself, or None if that is not the same."""
    pad, convolution, subgraph = pair.producer, pair.consumer, pair.subgraph
    layer = pair.layer(pad)
    if layer is None or pair.layer(convolution) is None:
        return None
    source, paddings = (subgraph.tensors[index] for index in pad.inputs[:2])
    padded, weights = (subgraph.tensors[index] for index in convolution.inputs[:2])
    ends = np.zeros(0) if paddings.data is None else paddings.data.reshape(-1)
    if (
        convolution.options.get("padding") != "VALID"
        or source.is_constant
        or source.is_variable
        or not _quantized_alike(source, padded)
        or not _writes_nothing(layer, source, weights)
        or ends.size != 8
        or any(ends[[0, 1, 6, 7]])
    ):
        return None
    top, bottom, left, right = (int(end) for end in ends[2:6])
    if not (
        _within_reach(convolution, "h", weights.shape[1], (top, bottom))
        and _within_reach(convolution, "w", weights.shape[2], (left, right))
    ):
        return None
    inputs = (pad.inputs[0], *convolution.inputs[1:])
    absorbed = (*convolution.absorbed, *pad.parts)
    same: dict[str, OptionValue] = {"padding": "SAME"}
    explicit: dict[str, OptionValue] = {
        "padding": EXPLICIT,
        EXPLICIT_ENDS: (top, bottom, left, right),
    }
    for padding in (same, explicit):
        candidate = replace(
            convolution,
            inputs=inputs,
            options={**convolution.options, **padding},
            absorbed=absorbed,
        )
        folded = pair.layer(candidate)
        window = getattr(folded, "window", None)
        if window is not None and (window.height.pad, window.width.pad) == (top, left):
            return candidate
    return None


def _within_reach(convolution: Operator, letter: str, size: int, ends: tuple[int, int]) -> bool:
    """Whether every position of the window has at least one element of the image in it."""
    dilation = convolution.options.get(f"dilation_{letter}_factor")
    return isinstance(dilation, int) and max(ends) <= (size - 1) * dilation


def _writes_nothing(layer: Layer, source: Tensor, weights: Tensor) -> bool:
    """Whether what is written around the image adds nothing to a sum of products."""
    if isinstance(layer, Pad):
        assert source.quantization is not None
        return layer.value == source.quantization.zero_points[0]
    if not isinstance(layer, Move) or layer.fill != 0:
        return False
    finite = weights.data is not None and bool(np.isfinite(weights.data).all())
    return finite or source.dtype is not DType.FLOAT32


def _quantized_alike(source: Tensor, padded: Tensor) -> bool:
    if source.dtype is not padded.dtype or source.dtype not in _TYPES:
        return False
    if source.dtype is DType.FLOAT32:
        return True
    return source.quantization is not None and source.quantization == padded.quantization
