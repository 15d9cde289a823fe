# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernel of SOFTMAX: int8 to int8."""

from __future__ import annotations

from tinygen.hardware.cores import Core
from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding
from tinygen.kernels.cmsis_nn import costs
from tinygen.kernels.cmsis_nn.base import bound, library_function
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.ops.softmax import Softmax

_SOFTMAX = "arm_softmax_s8"
_MOST_DEPTH = 4095
"""Longest row whose sum of exponentials, each at most 2**19, fits an int32."""


@library_function(_SOFTMAX, Softmax)
def softmax(declarations: Declarations, layer: Softmax, core: Core) -> Offer | Refusal:
    """Of rows that do not overflow it."""
    tree = declarations.tree
    if core.mve and not tree.mentions(_SOFTMAX, "ARM_GCC_12_2_ICE"):
        return Refusal(
            f"has MVE code in CMSIS-NN {tree.version} that GCC up to 12.2 cannot compile"
        )
    if layer.output_dtype is not DType.INT8:
        return Refusal(f"gives int8, and this gives {layer.output_dtype.value}")
    if layer.depth > _MOST_DEPTH:
        return Refusal(f"sums at most {_MOST_DEPTH} exponentials, and a row has {layer.depth}")
    source, sink = in_and_out(layer)
    call = declarations.call(
        _SOFTMAX,
        {
            "input": source,
            "num_rows": layer.rows,
            "row_size": layer.depth,
            "mult": layer.multiplier,
            "shift": layer.shift,
            "diff_min": 1 - int(layer.exponentials.size),
            "output": sink,
        },
    )
    return bound(costs.softmax(layer, core), Binding(calls=(call,)))


FUNCTIONS = (softmax,)
