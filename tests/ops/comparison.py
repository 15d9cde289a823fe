# SPDX-License-Identifier: Apache-2.0
"""The reference against an oracle, byte for byte."""

from __future__ import annotations

import numpy as np

from tests.models.oracle import OracleRejects, run_litert, run_tflm
from tests.ops.generators import random_model
from tinygen.errors import InputError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray, DType, Numerics
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

MODELS = 200
"""Random models compared for each operator."""


def random_inputs(network: Network, rng: np.random.Generator) -> list[AnyArray]:
    """One sample: each input uniform, only the ends of its type's range, or one value throughout.

    Floating-point inputs lie around [-1, 1), many of them on halves of a power of two.
    """
    sample: list[AnyArray] = []
    for index in network.inputs:
        tensor = network.tensors[index]
        dtype = tensor.dtype.numpy
        assert dtype is not None
        kind = rng.random()
        if tensor.dtype is DType.FLOAT32:
            values = rng.uniform(-1, 1, tensor.shape)
            if kind < 0.5:
                values = np.round(values * 256) / 256
            sample.append(values.astype(np.float32))
        elif tensor.dtype is DType.BOOL:
            sample.append(rng.integers(0, 2, tensor.shape).astype(np.bool_))
        else:
            info = np.iinfo(dtype.name)
            ends = np.array([info.min, info.max], dtype=dtype)
            if kind < 0.6:
                values = rng.integers(info.min, info.max, tensor.shape, dtype=dtype, endpoint=True)
            elif kind < 0.8:
                values = rng.choice(ends, tensor.shape)
            else:
                values = np.full(tensor.shape, rng.choice(ends))
            sample.append(values)
    return sample


def describe(network: Network) -> str:
    """The model in a failure's message."""
    operator = network.graph.main.operators[0]
    tensors = "".join(
        f"\n  {t.name} {t.dtype.value} {list(t.shape)} {t.quantization}{' constant' * t.is_constant}"
        for t in network.graph.main.tensors
    )
    return f"{operator.opcode} {operator.inputs} → {operator.outputs} {operator.options}{tensors}"


def assert_equal(expected: AnyArray, actual: AnyArray, context: str) -> None:
    """Both arrays are the same, byte for byte, in type and in shape."""
    assert expected.dtype == actual.dtype, context
    assert expected.shape == actual.shape, context
    differing = np.flatnonzero(
        np.ascontiguousarray(expected).reshape(-1).view(np.uint8)
        != np.ascontiguousarray(actual).reshape(-1).view(np.uint8)
    )
    if differing.size:
        first = int(differing[0]) // expected.dtype.itemsize
        raise AssertionError(
            f"{context}: element {first} of {expected.size} is {actual.flat[first]}, expected "
            f"{expected.flat[first]}"
        )


def assert_same(want: AnyArray, got: AnyArray, context: str) -> None:
    """Both arrays have the same bits, but for those of a NaN, which each processor makes its own."""
    if want.dtype == np.float32:
        want, got = (np.where(np.isnan(a), np.float32(np.nan), a) for a in (want, got))
    assert_equal(want, got, context)


def compare_random_models(
    opcode: str, numerics: Numerics = Numerics.TFLM, count: int = MODELS
) -> None:
    """Compare ``count`` random models of the operator with the oracle of the numerics.

    TFLM must accept what tinygen accepts, LiteRT at least half of it; tinygen at least nine in ten.
    """
    oracle = run_tflm if numerics is Numerics.TFLM else run_litert
    rejected: list[str] = []
    refused: list[str] = []
    compared = seed = 0
    while compared < count:
        model = random_model(opcode, seed)
        source = f"{opcode} model {seed}"
        seed += 1
        try:
            network = lower(read_model_bytes(model, source), numerics)
        except InputError as error:
            rejected.append(error.message)
            assert len(rejected) <= count // 10, rejected
            continue
        context = f"{source}: {describe(network)}"
        inputs = random_inputs(network, np.random.default_rng(seed))
        try:
            expected = oracle(model, inputs)
        except OracleRejects as error:
            refused.append(f"{context}: {error}")
            assert len(refused) <= (0 if numerics is Numerics.TFLM else count), refused
            continue
        for want, got in zip(expected, reference.outputs(network, inputs), strict=True):
            assert_equal(want, got, context)
        compared += 1


def lower_bytes(model: bytes, numerics: Numerics = Numerics.TFLM) -> Network:
    """Read and lower a model built in a test."""
    return lower(read_model_bytes(model, "test model"), numerics)
