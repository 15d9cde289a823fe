# SPDX-License-Identifier: Apache-2.0
"""Graph → Graph rewrites that keep every bit of the model's outputs, one file each.

They run in the order of ``PASSES``, before lowering, again and again until none finds anything. A pass
keeps the indices of tensors and operators, so that messages and traces still name what is in the file;
operators may disappear. ``Graph.rewrites`` says what was done. A pass folds an operator to its Layer to
learn what it does, and leaves one that cannot be folded alone: lowering will say why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinygen.ir.dataflow import check_dataflow
from tinygen.ir.graph import Graph, Numerics
from tinygen.passes.activations import fuse_activations
from tinygen.passes.constant_folding import fold_constants
from tinygen.passes.conversions import remove_conversion_pairs
from tinygen.passes.dead_operators import remove_dead_operators
from tinygen.passes.identities import remove_identities
from tinygen.passes.packed_weights import unpack_weights
from tinygen.passes.padding import pad_into_convolution
from tinygen.passes.transposes import join_transposes

Pass = Callable[[Graph, Numerics], Graph]

PASSES: Sequence[Pass] = (
    fold_constants,
    join_transposes,
    remove_conversion_pairs,
    remove_identities,
    pad_into_convolution,
    fuse_activations,
    remove_dead_operators,
)
"""Every pass, in the order in which they run."""


def rewrite(graph: Graph, numerics: Numerics = Numerics.TFLM) -> Graph:
    """Run every pass, until none changes anything.

    Raises:
        ModelError: an operator reads what nothing has computed, or a tensor is written twice.
    """
    check_dataflow(graph.source, graph.main)
    graph = unpack_weights(graph)
    done = -1
    while len(graph.rewrites) != done:
        done = len(graph.rewrites)
        for run in PASSES:
            graph = run(graph, numerics)
    return graph
