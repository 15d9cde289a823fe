# SPDX-License-Identifier: Apache-2.0
"""Generators of models whose element type is chosen: ``typed_model("TRANSPOSE", "INT8", seed)``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.ops.generators import (
    control_flow,
    functions,
    picking,
    products,
    rearrange,
    signal,
    stateful,
    sums,
    weighted_wide,
)
from tests.ops.generators.common import TypedGenerator

TYPED: Mapping[str, TypedGenerator] = {
    **rearrange.TYPED,
    **functions.TYPED,
    **weighted_wide.TYPED,
    **picking.TYPED,
    **products.TYPED,
    **sums.TYPED,
    **control_flow.TYPED,
    **signal.TYPED,
    **stateful.TYPED,
    "SOFTMAX": (
        sums.random_softmax(weighted_wide.TYPED["SOFTMAX"][0]),
        ("FLOAT32", "INT16"),
    ),
}
"""For each operator its generator and the types it takes."""

CASES = [(opcode, dtype) for opcode, (_, dtypes) in sorted(TYPED.items()) for dtype in dtypes]
"""Every operator and type."""


def typed_model(opcode: str, dtype: str, seed: int) -> bytes:
    """Model number ``seed`` of an operator and a type."""
    generator, _ = TYPED[opcode]
    return generator(np.random.default_rng([seed, *f"{opcode} {dtype}".encode()]), dtype)
