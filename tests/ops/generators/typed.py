# SPDX-License-Identifier: Apache-2.0
"""Generators of models whose element type is chosen: ``typed_model("TRANSPOSE", "INT8", seed)``.

They are found: the ``TYPED`` of every file here and in ``tests/ops/operators``, by operator a generator
and the types it takes. ``LITERT`` names those whose oracle is LiteRT's reference, not TFLM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import numpy as np

from tests.ops import generators, operators
from tests.ops.generators import sums, weighted_wide
from tests.ops.generators.common import TypedGenerator


def _modules() -> Iterator[ModuleType]:
    for package in (generators, operators):
        for file in iter_modules(package.__path__):
            if f"{package.__name__}.{file.name}" != __name__:
                yield import_module(f"{package.__name__}.{file.name}")


TYPED: Mapping[str, TypedGenerator] = {
    **{name: typed for m in _modules() for name, typed in getattr(m, "TYPED", {}).items()},
    "SOFTMAX": (
        sums.random_softmax(weighted_wide.TYPED["SOFTMAX"][0]),
        ("FLOAT32", "INT16"),
    ),
}
"""For each operator its generator and the types it takes."""

LITERT = frozenset(name for m in _modules() for name in getattr(m, "LITERT", ()))
"""Operators whose oracle is LiteRT's reference: TFLM does not have them, or not right."""

CASES = [(opcode, dtype) for opcode, (_, dtypes) in sorted(TYPED.items()) for dtype in dtypes]
"""Every operator and type."""


def typed_model(opcode: str, dtype: str, seed: int) -> bytes:
    """Model number ``seed`` of an operator and a type."""
    generator, _ = TYPED[opcode]
    return generator(np.random.default_rng([seed, *f"{opcode} {dtype}".encode()]), dtype)
