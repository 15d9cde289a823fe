# SPDX-License-Identifier: Apache-2.0
"""``--numerics litert`` of every operator and integer type: LiteRT's bits, or a refusal."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import OracleRejects, run_litert
from tests.ops.comparison import assert_equal, describe, random_inputs
from tests.ops.generators.typed import CASES, typed_model
from tinygen.errors import InputError, UnsupportedError
from tinygen.ir import reference
from tinygen.ir.graph import Numerics
from tinygen.passes.lowering import lower
from tinygen.passes.packed_weights import unpack_weights
from tinygen.tflite.reader import read_model_bytes

_MODELS = int(os.environ.get("TINYGEN_MODELS", "200"))

REFUSED = (
    ("FULLY_CONNECTED", "INT16", "double precision"),
    ("SOFTMAX", "INT16", "last places"),
    ("SUM", "INT8", "floating point"),
    ("SUM", "INT16", "floating point"),
)
"""Operators and types that are refused, and what the message says."""

_NOT_IN_LITERT = re.compile(r"Signal|CIRCULAR_BUFFER|ASSIGN_VARIABLE|READ_VARIABLE")
"""TFLM's own operators, and variables that are assigned elsewhere."""

_CASES = [
    (opcode, dtype)
    for opcode, dtype in CASES
    if dtype != "FLOAT32"
    and not _NOT_IN_LITERT.match(opcode)
    and (opcode, dtype) not in [one[:2] for one in REFUSED]
]


@pytest.fixture(autouse=True)
def _first_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators of version 1, which LiteRT takes of every operator; TFLM does not look at it."""
    plain = ModelBuilder.operator

    def operator(
        self: ModelBuilder,
        opcode: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        **options: Any,
    ) -> ModelBuilder:
        without: Mapping[str, Any] = {k: v for k, v in options.items() if k != "version"}
        return plain(self, opcode, inputs, outputs, version=1, **without)

    monkeypatch.setattr(ModelBuilder, "operator", operator)


@pytest.mark.parametrize(("opcode", "dtype"), _CASES)
def test_random_models_equal_litert(opcode: str, dtype: str) -> None:
    for seed in range(_MODELS):
        model = typed_model(opcode, dtype, seed)
        source = f"{opcode} {dtype} model {seed}"
        try:
            network = lower(unpack_weights(read_model_bytes(model, source)), Numerics.LITERT)
        except InputError:
            continue
        inputs = random_inputs(network, np.random.default_rng(seed))
        try:
            expected = run_litert(model, inputs)
        except OracleRejects:
            continue
        computed = reference.outputs(network, inputs)
        for want, got in zip(expected, computed, strict=True):
            assert_equal(want, got, f"{source}: {describe(network)}")


@pytest.mark.parametrize(("opcode", "dtype", "reason"), REFUSED)
def test_what_is_not_built_is_refused(opcode: str, dtype: str, reason: str) -> None:
    graph = read_model_bytes(typed_model(opcode, dtype, 0), f"{opcode} {dtype}")
    with pytest.raises(UnsupportedError, match=reason):
        lower(graph, Numerics.LITERT)
    lower(graph, Numerics.TFLM)
