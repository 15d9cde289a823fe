# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of SOFTMAX: int8 to int8."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.hardware.cores import Core
from tinygen.ir.graph import DType
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, TensorArgument
from tinygen.kernels.cmsis_nn import costs
from tinygen.kernels.cmsis_nn.base import CmsisNNKernel
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.ops.softmax import Softmax

_SOFTMAX = "arm_softmax_s8"
_MOST_DEPTH = 4095
"""Longest row whose sum of exponentials, each at most 2**19, fits an int32."""


def _refuses(declarations: Declarations, layer: Softmax, core: Core) -> str | None:
    tree = declarations.tree
    if core.mve and not tree.mentions(_SOFTMAX, "ARM_GCC_12_2_ICE"):
        return f"has MVE code in CMSIS-NN {tree.version} that GCC up to 12.2 cannot compile"
    if layer.output_dtype is not DType.INT8:
        return f"gives int8, and this gives {layer.output_dtype.value}"
    if layer.depth > _MOST_DEPTH:
        return f"sums at most {_MOST_DEPTH} exponentials, and a row has {layer.depth}"
    return None


def _bind(
    declarations: Declarations,
    layer: Softmax,
    core: Core,  # noqa: ARG001 - as on every core
) -> Binding:
    call = declarations.call(
        _SOFTMAX,
        {
            "input": TensorArgument(layer.inputs[0]),
            "num_rows": layer.rows,
            "row_size": layer.depth,
            "mult": layer.multiplier,
            "shift": layer.shift,
            "diff_min": 1 - int(layer.exponentials.size),
            "output": TensorArgument(layer.outputs[0], writable=True),
        },
    )
    return Binding(calls=(call,))


def kernels(declarations: Declarations) -> Sequence[Kernel]:
    """The kernels of this family in a tree."""
    return (CmsisNNKernel(declarations, _SOFTMAX, Softmax, _refuses, _bind, costs.softmax),)
