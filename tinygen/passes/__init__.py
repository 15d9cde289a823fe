# SPDX-License-Identifier: Apache-2.0
"""Graph → Graph rewrites that keep every bit of the model's outputs, one file each.

They run in the order of ``PASSES``, before lowering. A pass keeps the indices of tensors and
operators, so that messages and traces still name what is in the file; operators may disappear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinygen.graph import Graph
from tinygen.passes.constant_folding import fold_constants
from tinygen.passes.packed_weights import unpack_weights
from tinygen.passes.padding import pad_into_convolution

PASSES: Sequence[Callable[[Graph], Graph]] = (
    unpack_weights,
    fold_constants,
    pad_into_convolution,
)
"""Every pass, in the order in which they run."""


def rewrite(graph: Graph) -> Graph:
    """Run every pass."""
    for run in PASSES:
        graph = run(graph)
    return graph
