# SPDX-License-Identifier: Apache-2.0
"""INT4 constants become INT8: TFLM unpacks them before its int8 kernels, which then do the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygen.ir.graph import DType, Graph, Tensor


def _unpacked(tensor: Tensor) -> Tensor:
    if tensor.dtype is not DType.INT4 or tensor.data is None:
        return tensor
    return replace(tensor, dtype=DType.INT8, data=tensor.data.astype(np.int8))


def unpack_weights(graph: Graph) -> Graph:
    """Retype the constants of every subgraph; the reader has unpacked their values."""
    return replace(
        graph,
        subgraphs=tuple(
            replace(subgraph, tensors=tuple(_unpacked(tensor) for tensor in subgraph.tensors))
            for subgraph in graph.subgraphs
        ),
    )
