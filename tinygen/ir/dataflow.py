# SPDX-License-Identifier: Apache-2.0
"""Whether a subgraph can be computed: tensors that have elements, written once and then read."""

from __future__ import annotations

from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir.graph import ABSENT, DType, Operator, Subgraph, Tensor

MOST_TENSOR_BYTES = 1 << 28


def _check_order(source: str, subgraph: Subgraph, operator: Operator, known: set[int]) -> None:
    for index in operator.inputs:
        tensor = subgraph.tensors[index]
        if index != ABSENT and index not in known and not tensor.is_constant:
            raise ModelError(
                f"{source}: {operator.label} reads tensor {tensor.name!r}, which nothing has "
                "computed by then."
            )


def check_dataflow(source: str, subgraph: Subgraph) -> None:
    """ModelError where a tensor is read before it is computed, or computed twice.

    A variable tensor may be written: it is the state that its operator gives out.
    """
    known = set(subgraph.inputs)
    variables = {t.index for t in subgraph.tensors if t.is_variable}
    for operator in subgraph.operators:
        _check_order(source, subgraph, operator, known | variables)
        for index in operator.outputs:
            if subgraph.tensors[index].is_constant or index in known:
                raise ModelError(
                    f"{source}: {operator.label} writes tensor "
                    f"{subgraph.tensors[index].name!r}, which already has a value."
                )
            known.add(index)
    for index in subgraph.outputs:
        if index not in known and not subgraph.tensors[index].is_constant:
            raise ModelError(
                f"{source}: nothing computes the output {subgraph.tensors[index].name!r}."
            )


def check_tensor(source: str, tensor: Tensor) -> None:
    """ModelError or UnsupportedError for a tensor of no, too many or odd elements."""
    if any(extent < 1 for extent in tensor.shape):
        raise ModelError(
            f"{source}: tensor {tensor.name!r} has the shape {list(tensor.shape)}, which holds "
            "no elements."
        )
    if tensor.nbytes > MOST_TENSOR_BYTES:
        raise UnsupportedError(
            f"{source}: tensor {tensor.name!r} of shape {list(tensor.shape)} has {tensor.nbytes:,} "
            "bytes, more than a microcontroller addresses."
        )
    if not tensor.dtype.ctype and tensor.dtype is not DType.RESOURCE:
        raise UnsupportedError(
            f"{source}: tensor {tensor.name!r} is of type {tensor.dtype.value}, which has no C type "
            "here."
        )
