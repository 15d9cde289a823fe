# SPDX-License-Identifier: Apache-2.0
"""Every operator: random single-operator models, the reference against its oracle byte for byte."""

from __future__ import annotations

import pytest

from tests.ops.comparison import compare_random_models
from tests.ops.generators import GENERATORS
from tests.ops.generators.typed import TYPED
from tinygen.ir.graph import Numerics
from tinygen.ops.registry import CUSTOM_OPERATORS, OPERATORS


@pytest.mark.parametrize("opcode", sorted(GENERATORS))
def test_random_models_equal_tflm(opcode: str) -> None:
    compare_random_models(opcode)


@pytest.mark.parametrize("opcode", sorted(GENERATORS))
def test_random_models_equal_litert(opcode: str) -> None:
    compare_random_models(opcode, Numerics.LITERT)


def test_every_operator_has_a_generator() -> None:
    assert set(GENERATORS) | set(TYPED) == set(OPERATORS) | set(CUSTOM_OPERATORS)
