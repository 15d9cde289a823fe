# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN as kernel provider: its tree, its kernels' descriptors."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.cmsis_nn import (
    convolution,
    elementwise,
    fully_connected,
    movement,
    pooling,
    softmax,
)
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.cmsis_nn.fetch import fetch
from tinygen.kernels.cmsis_nn.tree import CmsisNN, find_tree, load_tree, packaged_tree, require_tree
from tinygen.kernels.kernel import Kernel

__all__ = [
    "CmsisNN",
    "fetch",
    "find_tree",
    "kernels",
    "load_tree",
    "packaged_tree",
    "require_tree",
]


def kernels(tree: CmsisNN) -> Sequence[Kernel]:
    """Descriptors of CMSIS-NN's kernels, as the tree has them."""
    declarations = Declarations(tree)
    families = (convolution, fully_connected, pooling, elementwise, softmax, movement)
    return [function.kernel(declarations) for family in families for function in family.FUNCTIONS]
