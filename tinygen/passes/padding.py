# SPDX-License-Identifier: Apache-2.0
"""A PAD before a VALID convolution becomes the convolution's own SAME padding where the two agree.

A padded zero point adds nothing to a convolution's sum, as its own padding does not; for float32 the
padded zeros add products of 0, which leave every sum as it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tinygen.graph import DType, Graph, Operator, Subgraph, Tensor

_CONVOLUTIONS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1}
"""Operators with a window, and the weights dimension of its height."""


def pad_into_convolution(graph: Graph) -> Graph:
    """Rewrite the main subgraph."""
    subgraph = graph.main
    uses = Counter(index for operator in subgraph.operators for index in operator.inputs)
    uses.update(subgraph.outputs)
    pads = {o.outputs[0]: o for o in subgraph.operators if o.opcode == "PAD"}
    dropped: set[int] = set()
    operators = []
    for operator in subgraph.operators:
        pad = pads.get(operator.inputs[0]) if operator.inputs else None
        if (
            pad is not None
            and operator.opcode in _CONVOLUTIONS
            and uses[pad.outputs[0]] == 1
            and _agree(subgraph, pad, operator)
        ):
            dropped.add(pad.index)
            operators.append(
                replace(
                    operator,
                    inputs=(pad.inputs[0], *operator.inputs[1:]),
                    options={**operator.options, "padding": "SAME"},
                )
            )
        else:
            operators.append(operator)
    rest = tuple(operator for operator in operators if operator.index not in dropped)
    return replace(graph, subgraphs=(replace(subgraph, operators=rest), *graph.subgraphs[1:]))


def _agree(subgraph: Subgraph, pad: Operator, convolution: Operator) -> bool:
    source, paddings = (subgraph.tensors[index] for index in pad.inputs[:2])
    padded, weights = (subgraph.tensors[index] for index in convolution.inputs[:2])
    options = convolution.options
    if (
        len(pad.inputs) != 2
        or options.get("padding") != "VALID"
        or paddings.data is None
        or source.is_constant
        or len(source.shape) != 4
        or len(weights.shape) != 4
        or not _quantized_alike(source, padded)
    ):
        return False
    ends = [tuple(pair) for pair in paddings.data.reshape(-1, 2).tolist()]
    if len(ends) != 4 or ends[0] != (0, 0) or ends[3] != (0, 0):
        return False
    for axis, letter in ((1, "h"), (2, "w")):
        stride = options.get(f"stride_{letter}")
        dilation = options.get(f"dilation_{letter}_factor")
        if not isinstance(stride, int) or not isinstance(dilation, int) or stride < 1:
            return False
        reach = (weights.shape[axis] - 1) * dilation + 1
        extent = source.shape[axis]
        outputs = -(-extent // stride)
        total = max(0, (outputs - 1) * stride + reach - extent)
        same = (total // 2, total - total // 2)
        valid_outputs = (padded.shape[axis] - reach) // stride + 1
        if ends[axis] != same or valid_outputs != outputs:
            return False
    return True


def _quantized_alike(source: Tensor, padded: Tensor) -> bool:
    if source.dtype is not padded.dtype or source.dtype not in (DType.FLOAT32, DType.INT8):
        return False
    if source.dtype is DType.FLOAT32:
        return True
    a, b = source.quantization, padded.quantization
    return (
        a is not None and b is not None and (a.scales, a.zero_points) == (b.scales, b.zero_points)
    )
