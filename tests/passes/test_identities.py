# SPDX-License-Identifier: Apache-2.0
"""What changes nothing is left out or becomes a view; what changes something stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.passes.comparing import compare, context, names
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ops.movement import Reshape
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

Shape = tuple[int, ...]


class _Chain:
    """RELU (it rescales), the operator of the test, TANH or ABS: neither neighbour is an identity."""

    def __init__(self, shape: Shape, dtype: str = "INT8") -> None:
        self.builder = ModelBuilder()
        self.dtype = dtype
        self.shape = shape
        self.x = self.tensor(shape, 0.07, 3)
        self.inner = self.tensor(shape)
        self.builder.operator("RELU", [self.x], [self.inner])

    def tensor(self, shape: Shape, scale: float = 0.05, zero_point: int = -128) -> int:
        if self.dtype == "FLOAT32":
            return self.builder.tensor(shape, "FLOAT32")
        return self.builder.tensor(shape, self.dtype, scale=scale, zero_point=zero_point)

    def constant(self, *values: int) -> int:
        return self.builder.tensor((len(values),), "INT32", data=list(values))

    def model(self, opcode: str, extra: list[int], output: int, **options: Any) -> bytes:
        shape = tuple(int(e) for e in self.builder.model.subgraphs[0].tensors[output].shape)
        last = self.builder.tensor(
            shape,
            self.dtype,
            scale=None if self.dtype == "FLOAT32" else 1 / 128,
            zero_point=0,
        )
        inputs = [*extra, self.inner] if opcode == "SPLIT" else [self.inner, *extra]
        self.builder.operator(opcode, inputs, [output], **options)
        self.builder.operator("ABS" if self.dtype == "FLOAT32" else "TANH", [output], [last])
        return self.builder.inputs(self.x).outputs(last).build()


def _quantize(dtype: str, scale: float, zero_point: int) -> bytes:
    chain = _Chain((2, 9), dtype)
    return chain.model("QUANTIZE", [], chain.tensor((2, 9), scale, zero_point))


def _relu(opcode: str, scale: float, zero_point: int) -> bytes:
    chain = _Chain((2, 9))
    inner, output = (chain.tensor((2, 9), scale, zero_point) for _ in range(2))
    chain.builder.operator("QUANTIZE", [chain.inner], [inner])
    chain.inner = inner
    return chain.model(opcode, [], output)


def _transpose(shape: Shape, *permutation: int, dtype: str = "INT8") -> bytes:
    chain = _Chain(shape, dtype)
    output = chain.tensor(tuple(shape[axis] for axis in permutation))
    return chain.model("TRANSPOSE", [chain.constant(*permutation)], output)


def _slice(shape: Shape, begin: Shape, size: Shape) -> bytes:
    chain = _Chain(shape)
    output = chain.tensor(size)
    return chain.model("SLICE", [chain.constant(*begin), chain.constant(*size)], output)


def _pad(*ends: int, dtype: str = "INT8") -> bytes:
    chain = _Chain((2, 3), dtype)
    output = chain.tensor((2 + ends[0] + ends[1], 3 + ends[2] + ends[3]))
    paddings = chain.builder.tensor((2, 2), "INT32", data=list(ends))
    return chain.model("PAD", [paddings], output)


def _split(count: int) -> bytes:
    chain = _Chain((4, 3))
    parts = [chain.tensor((4 // count, 3)) for _ in range(count)]
    chain.builder.operator(
        "SPLIT",
        [chain.builder.tensor((), "INT32", data=0), chain.inner],
        parts,
        num_splits=count,
    )
    chain.inner = parts[0]
    output = chain.tensor((4 // count * 3,))
    return chain.model("RESHAPE", [chain.constant(-1)], output)


def _reshape(*shape: int) -> bytes:
    chain = _Chain((2, 3, 4))
    return chain.model("RESHAPE", [chain.constant(*shape)], chain.tensor(shape))


def _concatenation(operands: int) -> bytes:
    chain = _Chain((2, 3))
    output = chain.tensor((2 * operands, 3))
    return chain.model("CONCATENATION", [chain.inner] * (operands - 1), output, axis=0)


def _reverse(shape: Shape, axis: int) -> bytes:
    chain = _Chain(shape)
    return chain.model("REVERSE_V2", [chain.constant(axis)], chain.tensor(shape))


_REMOVED: dict[str, Callable[[], bytes]] = {
    "quantize": lambda: _quantize("INT8", 0.05, -128),
    "relu of what is not negative": lambda: _relu("RELU", 0.01, -128),
    "relu6 of what is below 6": lambda: _relu("RELU6", 0.01, -128),
    "transpose": lambda: _transpose((2, 3, 4), 0, 1, 2),
    "transpose float": lambda: _transpose((2, 3, 4), 0, 1, 2, dtype="FLOAT32"),
    "slice": lambda: _slice((2, 3), (0, 0), (2, 3)),
    "pad": lambda: _pad(0, 0, 0, 0),
    "pad float": lambda: _pad(0, 0, 0, 0, dtype="FLOAT32"),
    "concatenation of one": lambda: _concatenation(1),
    "reverse of one": lambda: _reverse((3, 1), 1),
    "reshape to itself": lambda: _reshape(2, 3, 4),
}

_VIEWS: dict[str, Callable[[], bytes]] = {
    "quantize to a scale as good as the same": lambda: _quantize("INT8", 0.050000004, -128),
    "transpose of extents of 1": lambda: _transpose((1, 5, 4), 1, 0, 2),
    "split into one": lambda: _split(1),
    "reshape": lambda: _reshape(6, 4),
}

_KEPT: dict[str, Callable[[], bytes]] = {
    "quantize": lambda: _quantize("INT8", 0.06, -128),
    "quantize zero point": lambda: _quantize("INT8", 0.05, -127),
    "relu": lambda: _relu("RELU", 0.01, -100),
    "relu6": lambda: _relu("RELU6", 0.1, -128),
    "transpose": lambda: _transpose((2, 3, 4), 0, 2, 1),
    "transpose as many": lambda: _transpose((3, 3), 1, 0),
    "slice": lambda: _slice((2, 3), (0, 1), (2, 2)),
    "pad": lambda: _pad(0, 0, 0, 1),
    "concatenation": lambda: _concatenation(2),
    "reverse": lambda: _reverse((3, 2), 1),
}


def _left(models: dict[str, Callable[[], bytes]], tmp_path: Path) -> dict[str, list[str]]:
    """What is left of each model between the operators at its ends."""
    networks = compare([make() for make in models.values()], tmp_path)
    return {
        label: [
            f"{name}, a view" if isinstance(layer, Reshape) else name
            for name, layer in zip(names(network)[1:-1], network.layers[1:-1], strict=True)
        ]
        for label, network in zip(models, networks, strict=True)
    }


def test_removed(tmp_path: Path) -> None:
    left = _left(_REMOVED, tmp_path)
    assert {label for label, operators in left.items() if operators} == {
        "relu of what is not negative",
        "relu6 of what is below 6",
    }
    assert left["relu of what is not negative"] == left["relu6 of what is below 6"] == ["QUANTIZE"]


def test_views(tmp_path: Path) -> None:
    for label, operators in _left(_VIEWS, tmp_path).items():
        assert operators, label
        assert all(operator.endswith(", a view") for operator in operators), (label, operators)


def test_kept(tmp_path: Path) -> None:
    for label, operators in _left(_KEPT, tmp_path).items():
        assert operators, label
        assert not operators[-1].endswith(", a view"), (label, operators)


def _ends(source: str, sink: str) -> bytes:
    """An identity between an input or a computed tensor and an output or a tensor within."""
    chain = _Chain((2, 9))
    builder = chain.builder
    before = chain.inner if source == "computed" else chain.x
    scale, zero_point = (0.05, -128) if source == "computed" else (0.07, 3)
    after = chain.tensor((2, 9), scale, zero_point)
    builder.operator("QUANTIZE", [before], [after])
    outputs = [after]
    if sink == "both":
        outputs = [after, before]
    if sink == "within":
        outputs = [chain.tensor((2, 9), 1 / 128, 0)]
        builder.operator("TANH", [after], outputs)
    if source == "input":
        outputs.append(chain.inner)
    return builder.inputs(chain.x).outputs(*outputs).build()


def test_at_the_ends_of_the_model(tmp_path: Path) -> None:
    cases = {
        ("computed", "output"): ["RELU"],
        ("computed", "both"): ["RELU", "QUANTIZE"],
        ("input", "output"): ["RELU", "QUANTIZE"],
        ("input", "both"): ["RELU", "QUANTIZE"],
        ("input", "within"): ["RELU", "TANH"],
    }
    networks = compare([_ends(*case) for case in cases], tmp_path)
    for network, (case, left) in zip(networks, cases.items(), strict=True):
        assert names(network) == left, (case, context(network))


def test_a_copy_of_a_state_stays_a_copy() -> None:
    """What READ_VARIABLE gave is not what the variable holds after ASSIGN_VARIABLE."""
    builder = ModelBuilder()
    x, old, new, shown = (builder.tensor((1, 4), scale=0.5) for _ in range(4))
    handle = builder.tensor((), "RESOURCE")
    builder.operator("VAR_HANDLE", [], [handle], container="", shared_name="v")
    builder.operator("READ_VARIABLE", [handle], [old])
    builder.operator("ADD", [x, old], [new])
    builder.operator("ASSIGN_VARIABLE", [handle, new], [])
    builder.operator("QUANTIZE", [old], [shown])
    graph = read_model_bytes(builder.inputs(x).outputs(shown).build(), "state")
    network = lower(rewrite(graph))
    states: dict[int, AnyArray] = {}
    previous = np.zeros((1, 4), np.int8)
    for step in range(4):
        value = np.full((1, 4), step + 1, np.int8)
        (got,) = reference.outputs(network, [value], states)
        assert (got == previous).all()
        previous = (previous + value).astype(np.int8)
