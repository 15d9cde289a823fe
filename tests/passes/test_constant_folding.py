# SPDX-License-Identifier: Apache-2.0
"""What is known beforehand is computed beforehand, shapes above all; what grows is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare, compare_litert, context, names, stages


def test_shape_arithmetic(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((2, 3, 4), scale=0.5)
    shape = builder.tensor((3,), "INT32")
    first = builder.tensor((1,), "INT32")
    rest = builder.tensor((1,), "INT32", data=[-1])
    target = builder.tensor((2,), "INT32")
    y = builder.tensor((2, 12), scale=0.5)
    begin, end, stride = (builder.tensor((1,), "INT32", data=[v]) for v in (0, 1, 1))
    builder.operator("SHAPE", [x], [shape], out_type="INT32")
    builder.operator("STRIDED_SLICE", [shape, begin, end, stride], [first])
    builder.operator("CONCATENATION", [first, rest], [target], axis=0)
    builder.operator("RESHAPE", [x, target], [y])
    (network,) = compare([builder.inputs(x).outputs(y).build()], tmp_path)
    assert [layer.operator.opcode for layer in network.layers] == ["RESHAPE"]
    assert network.layers[0].operator.index == 3


class _Shape:
    """SHAPE of an input, int32 arithmetic on it, and a RESHAPE to what it gives."""

    def __init__(self, *shape: int) -> None:
        self.builder = ModelBuilder()
        self.shape = shape
        self.x = self.builder.tensor(shape, scale=0.5)
        self.sizes = self.integers(len(shape))
        self.builder.operator("SHAPE", [self.x], [self.sizes], out_type="INT32")

    def integers(self, *shape: int) -> int:
        return self.builder.tensor(shape, "INT32")

    def constant(self, values: Any) -> int:
        array = np.asarray(values, np.int32)
        return self.builder.tensor(array.shape, "INT32", data=array)

    def operator(self, opcode: str, inputs: list[int], *shape: int, **options: Any) -> int:
        output = self.integers(*shape)
        self.builder.operator(opcode, inputs, [output], **options)
        return output

    def model(self, target: int, *shape: int) -> bytes:
        y = self.builder.tensor(shape, scale=0.5)
        self.builder.operator("RESHAPE", [self.x, target], [y])
        return self.builder.inputs(self.x).outputs(y).build()


def _rows_and_the_rest() -> bytes:
    s = _Shape(2, 3, 4)
    rows = s.operator("GATHER", [s.sizes, s.constant(0)], axis=0)
    rest = s.operator("GATHER", [s.sizes, s.constant([1, 2])], 2, axis=0)
    product = s.operator("REDUCE_PROD", [rest, s.constant([0])], keep_dims=False)
    return s.model(s.operator("PACK", [rows, product], 2, values_count=2, axis=0), 2, 12)


def _halves() -> bytes:
    s = _Shape(4, 6)
    half = s.operator("FLOOR_DIV", [s.sizes, s.constant([2, 3])], 2)
    twice = s.operator("MUL", [half, s.constant([4, 1])], 2)
    wide = s.operator("MAXIMUM", [twice, s.constant([1, 3])], 2)
    return s.model(wide, 8, 3)


def _remainders() -> bytes:
    s = _Shape(5, 6)
    rest = s.operator("FLOOR_MOD", [s.sizes, s.constant([7, 8])], 2)
    total = s.operator("SUM", [rest, s.constant([0])], 1, keep_dims=True)
    count = s.operator("SUB", [total, s.constant([1])], 1)
    other = s.operator(
        "ADD", [s.operator("EXPAND_DIMS", [s.constant(2), s.constant(0)], 1), count], 1
    )
    back = s.operator("SUB", [other, s.constant([9])], 1)
    return s.model(s.operator("CONCATENATION", [back, s.constant([10])], 2, axis=0), 3, 10)


@pytest.mark.parametrize("make", [_rows_and_the_rest, _halves, _remainders])
def test_shape_arithmetic_without_a_kernel_in_tflm(make: Any, tmp_path: Path) -> None:
    (network,) = compare_litert([make()], tmp_path)
    assert names(network) == ["RESHAPE"], context(network)


def test_float16_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    builder = ModelBuilder()
    x, y = (builder.tensor((2, n), "FLOAT32") for n in (7, 5))
    half = builder.tensor((5, 7), "FLOAT16", data=rng.normal(size=(5, 7)).astype(np.float16))
    weights = builder.tensor((5, 7), "FLOAT32")
    builder.operator("DEQUANTIZE", [half], [weights], version=3)
    builder.operator("FULLY_CONNECTED", [x, weights], [y])
    (network,) = compare_litert([builder.inputs(x).outputs(y).build()], tmp_path)
    assert names(network) == ["FULLY_CONNECTED"]


def _constant_operand(opcode: str, seed: int) -> bytes:
    """A quantized operator on constants, whose result is added to the input."""
    rng = np.random.default_rng([seed, *opcode.encode()])
    builder = ModelBuilder()
    x, y = (builder.tensor((3, 4), scale=s, zero_point=5) for s in (0.1, 0.2))
    z = builder.tensor((3, 4), scale=0.05, zero_point=-7)
    a = builder.tensor((3, 4), scale=0.03, data=rng.integers(-128, 128, (3, 4)))
    b = builder.tensor((1, 4), scale=0.2, data=rng.integers(-128, 128, (1, 4)))
    w = builder.tensor((4, 4), scale=0.02, data=rng.integers(-127, 128, (4, 4)))
    operands = {"ADD": [a, b], "MUL": [a, b], "FULLY_CONNECTED": [a, w], "RELU": [a]}
    builder.operator(opcode, operands[opcode], [z])
    builder.operator("ADD", [x, z], [y])
    return builder.inputs(x).outputs(y).build()


def test_quantized_operators(tmp_path: Path) -> None:
    opcodes = ("ADD", "MUL", "FULLY_CONNECTED", "RELU")
    models = [_constant_operand(opcode, seed) for opcode in opcodes for seed in range(4)]
    for network in compare(models, tmp_path):
        assert names(network) == ["ADD"], context(network)


def _broadcast(columns: int, *, is_output: bool = False) -> bytes:
    builder = ModelBuilder()
    x, y = (builder.tensor((4, columns), scale=0.1) for _ in range(2))
    small = builder.tensor((1, 1), scale=0.1, data=[[7]])
    shape = builder.tensor((2,), "INT32", data=[4, columns])
    large = builder.tensor((4, columns), scale=0.1)
    builder.operator("BROADCAST_TO", [small, shape], [large])
    builder.operator("ADD", [x, large], [y])
    return builder.inputs(x).outputs(*([y, large] if is_output else [y])).build()


def test_what_grows_is_not_folded(tmp_path: Path) -> None:
    small, large, output = compare(
        [_broadcast(8), _broadcast(800), _broadcast(8, is_output=True)], tmp_path
    )
    assert names(small) == ["ADD"]
    assert "constant folding" not in stages(large)
    assert names(output) == ["ADD"]
