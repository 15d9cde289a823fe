# SPDX-License-Identifier: Apache-2.0
"""Random models of many operators: branches, residuals, concatenations, several inputs and outputs.

A graph grows from its inputs: an operator that fits is put behind one (or several) of the tensors there
are, recent ones first. Constants (weights, permutations, paddings) are used again where they fit, some
parts compute in int16 or float32, and what the passes look for occurs: identities, pairs that undo each
other, activations, PADs, arithmetic on shapes and constants, operators that nobody reads. What nobody
reads becomes an output.

Only operators whose float32 results are TFLM's to the bit take part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng
from tinygen.ir.graph import AnyArray

_MOST_ELEMENTS = 800
_MOST_RECENT = 4


@dataclass(frozen=True)
class Value:
    """A run-time tensor: its index, and what an operator must know of it."""

    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int

    @property
    def quantization(self) -> dict[str, Any]:
        """Scale and zero point, as ``ModelBuilder.tensor`` takes them."""
        return {} if self.scale is None else {"scale": self.scale, "zero_point": self.zero_point}


class GraphBuilder:
    """A graph while it grows."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.model = ModelBuilder()
        self.values: list[Value] = []
        self.read: set[int] = set()
        self.constants: dict[tuple[Any, ...], int] = {}

    def value(self, like: Value, shape: Sequence[int] | None = None, **changes: Any) -> Value:
        """A new run-time tensor, like another but for what is given."""
        what = {"dtype": like.dtype, "scale": like.scale, "zero_point": like.zero_point, **changes}
        extents = like.shape if shape is None else tuple(int(extent) for extent in shape)
        quantization = (
            {}
            if what["scale"] is None
            else {"scale": what["scale"], "zero_point": what["zero_point"]}
        )
        index = self.model.tensor(extents, what["dtype"], **quantization)
        return Value(index, extents, what["dtype"], what["scale"], what["zero_point"])

    def requantized(self, like: Value, shape: Sequence[int] | None = None) -> Value:
        """A new tensor with parameters of its own."""
        if like.dtype == "FLOAT32":
            return self.value(like, shape)
        return self.value(like, shape, **self.parameters(like.dtype))

    def parameters(self, dtype: str) -> dict[str, Any]:
        """A random scale and zero point."""
        if dtype == "FLOAT32":
            return {"scale": None, "zero_point": 0}
        low, high = (-2, 0) if dtype == "INT8" else (-4.5, -3)
        point = int(self.rng.integers(-128, 128)) if dtype == "INT8" else 0
        return {"scale": common.float32(10.0 ** self.rng.uniform(low, high)), "zero_point": point}

    def constant(self, data: Any, dtype: str = "INT32") -> int:
        """A constant of plain numbers, one tensor a content."""
        array = np.asarray(data)
        key = (dtype, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = self.model.tensor(array.shape, dtype, data=array)
        return self.constants[key]

    def weights(self, shape: tuple[int, ...], like: Value, axis: int, taps: int) -> tuple[int, int]:
        """Weights and bias for a value; those of another operator where they fit."""
        key = ("weights", shape, like.dtype, like.scale, axis)
        channels = shape[axis]
        if key not in self.constants or common.chance(self.rng, 0.5):
            if like.dtype == "FLOAT32":
                w = self.model.tensor(
                    shape, "FLOAT32", data=self.rng.uniform(-1, 1, shape).astype(np.float32)
                )
                bias = self.rng.uniform(-1, 1, channels).astype(np.float32)
                b = self.model.tensor((channels,), "FLOAT32", data=bias)
            else:
                assert like.scale is not None
                count = channels if axis != 0 or common.chance(self.rng, 0.5) else 1
                scales = 2.0 ** self.rng.uniform(-1, 0, count) / np.sqrt(taps) / 64
                w = self.model.tensor(
                    shape,
                    scale=scales,
                    axis=axis,
                    data=self.rng.integers(-127, 128, shape),
                )
                sums = (like.scale * np.float32(scales).astype(np.float64)).astype(np.float32)
                b = self.model.tensor(
                    (channels,),
                    "INT64" if like.dtype == "INT16" else "INT32",
                    scale=sums,
                    data=self.rng.integers(-5000, 5000, channels),
                )
            self.constants[key] = w
            self.constants["bias", w] = b
        w = self.constants[key]
        return w, self.constants["bias", w]

    def operator(
        self, opcode: str, operands: Sequence[Value | int], results: Sequence[Value], **options: Any
    ) -> None:
        """Add an operator; its results may be read from now on."""
        indices = [o if isinstance(o, int) else o.index for o in operands]
        self.read.update(o.index for o in operands if isinstance(o, Value))
        self.model.operator(opcode, indices, [r.index for r in results], **options)
        self.values.extend(results)

    def pick(self, fits: Callable[[Value], bool]) -> Value | None:
        """A value that fits, mostly one of the last."""
        found = [value for value in self.values if fits(value)]
        if not found:
            return None
        recent = found[-_MOST_RECENT:] if common.chance(self.rng, 0.8) else found
        return recent[int(self.rng.integers(len(recent)))]


Growth = Callable[[GraphBuilder, Value], bool]
"""Puts operators behind a value, or says that they do not fit there."""


def _window(graph: GraphBuilder, value: Value) -> dict[str, Any]:
    rng = graph.rng
    return {
        "padding": str(rng.choice(["SAME", "VALID"])),
        "stride_h": int(rng.choice([1, 1, 2])),
        "stride_w": int(rng.choice([1, 1, 2])),
    }


def _extents(value: Value, size: tuple[int, int], window: dict[str, Any]) -> tuple[int, int]:
    strides = (window["stride_h"], window["stride_w"])
    if window["padding"] == "SAME":
        rows, columns = (-(-e // s) for e, s in zip(value.shape[1:3], strides, strict=True))
    else:
        rows, columns = (
            (e - k) // s + 1 for e, k, s in zip(value.shape[1:3], size, strides, strict=True)
        )
    return rows, columns


def _convolution(graph: GraphBuilder, value: Value) -> bool:
    if len(value.shape) != 4:
        return False
    rng = graph.rng
    size = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    window = _window(graph, value)
    rows, columns = _extents(value, size, window)
    if min(rows, columns) < 1:
        return False
    depth = value.shape[3]
    activation = str(rng.choice(["NONE", "NONE", "RELU", "RELU6"]))
    followed = common.chance(rng, 0.2)
    if common.chance(rng, 0.5):
        channels = int(rng.integers(1, 9))
        w, b = graph.weights((channels, *size, depth), value, 0, size[0] * size[1] * depth)
        opcode, extra = "CONV_2D", {}
    else:
        factor = int(rng.choice([1, 1, 2]))
        channels = depth * factor
        w, b = graph.weights((1, *size, channels), value, 3, size[0] * size[1])
        opcode, extra = "DEPTHWISE_CONV_2D", {"depth_multiplier": factor}
    result = graph.requantized(value, (value.shape[0], rows, columns, channels))
    graph.operator(
        opcode,
        [value, w, b],
        [result],
        version=4,
        fused_activation_function=activation,
        **window,
        **extra,
    )
    if followed and value.dtype != "INT16":
        graph.operator(str(rng.choice(["RELU", "RELU6"])), [result], [graph.value(result)])
    return True


def _residual(graph: GraphBuilder, value: Value) -> bool:
    """A convolution that keeps the shape, and the sum of its two ends."""
    if len(value.shape) != 4:
        return False
    depth = value.shape[3]
    w, b = graph.weights((depth, 3, 3, depth), value, 0, 9 * depth)
    inner, total = graph.requantized(value), graph.requantized(value)
    graph.operator(
        "CONV_2D", [value, w, b], [inner], version=4, padding="SAME", stride_h=1, stride_w=1
    )
    graph.operator("ADD", [value, inner], [total], version=2)
    return True


def _siblings(graph: GraphBuilder, value: Value) -> bool:
    """Two convolutions with the same weights, of different strides."""
    if len(value.shape) != 4 or min(value.shape[1:3]) < 2:
        return False
    depth, channels = value.shape[3], int(graph.rng.integers(1, 7))
    w, b = graph.weights((channels, 2, 2, depth), value, 0, 4 * depth)
    for stride in (1, 2):
        window = {"padding": "VALID", "stride_h": stride, "stride_w": stride}
        rows, columns = _extents(value, (2, 2), window)
        result = graph.requantized(value, (value.shape[0], rows, columns, channels))
        graph.operator("CONV_2D", [value, w, b], [result], version=4, **window)
    return True


def _padded_convolution(graph: GraphBuilder, value: Value) -> bool:
    if len(value.shape) != 4:
        return False
    rng = graph.rng
    ends = rng.integers(0, 3, (2, 2))
    paddings = np.array([[0, 0], *ends.tolist(), [0, 0]])
    extents = np.array(value.shape) + paddings.sum(axis=1)
    padded = graph.value(value, extents)
    stride = int(rng.integers(1, 3))
    rows, columns = ((int(e) - 3) // stride + 1 for e in extents[1:3])
    if min(rows, columns) < 1:
        return False
    channels = int(rng.integers(1, 7))
    w, b = graph.weights((channels, 3, 3, value.shape[3]), value, 0, 9 * value.shape[3])
    result = graph.requantized(value, (value.shape[0], rows, columns, channels))
    graph.operator("PAD", [value, graph.constant(paddings)], [padded])
    graph.operator(
        "CONV_2D",
        [padded, w, b],
        [result],
        version=4,
        padding="VALID",
        stride_h=stride,
        stride_w=stride,
    )
    return True


def _fully_connected(graph: GraphBuilder, value: Value) -> bool:
    if len(value.shape) < 2:
        return False
    channels, depth = int(graph.rng.integers(1, 12)), value.shape[-1]
    if value.dtype != "FLOAT32":
        key = ("dense", channels, depth, value.dtype, value.scale)
        bias_key = ("bias", *key)
        w, b = graph.constants.get(key, -1), graph.constants.get(bias_key, -1)
        if w < 0:
            scale = 1 / np.sqrt(depth) / 64
            w = graph.model.tensor(
                (channels, depth),
                scale=scale,
                data=graph.rng.integers(-127, 128, (channels, depth)),
            )
            b = graph.model.tensor(
                (channels,),
                "INT64" if value.dtype == "INT16" else "INT32",
                scale=common.float32((value.scale or 0) * common.float32(scale)),
                data=graph.rng.integers(-5000, 5000, channels),
            )
            graph.constants[key], graph.constants[bias_key] = w, b
    else:
        w, b = graph.weights((channels, depth), value, 0, depth)
    result = graph.requantized(value, (*value.shape[:-1], channels))
    graph.operator("FULLY_CONNECTED", [value, w, b], [result], version=5, keep_num_dims=True)
    return True


def _pool(graph: GraphBuilder, value: Value) -> bool:
    if len(value.shape) != 4:
        return False
    size = (int(graph.rng.integers(1, 4)), int(graph.rng.integers(1, 4)))
    window = _window(graph, value)
    rows, columns = _extents(value, size, window)
    if min(rows, columns) < 1:
        return False
    result = graph.value(value, (value.shape[0], rows, columns, value.shape[3]))
    opcode = str(graph.rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"]))
    graph.operator(
        opcode, [value], [result], version=2, filter_height=size[0], filter_width=size[1], **window
    )
    return True


def _binary(graph: GraphBuilder, value: Value) -> bool:
    """A sum or product with another tensor of the shape, itself, or a constant that broadcasts."""
    rng = graph.rng
    opcode = str(rng.choice(["ADD", "SUB", "MUL"]))
    other: Value | int | None = None
    if common.chance(rng, 0.7):
        other = graph.pick(lambda v: v.shape == value.shape and v.dtype == value.dtype)
    if other is None:
        shape = tuple(1 if common.chance(rng, 0.4) else extent for extent in value.shape)
        if value.dtype == "FLOAT32":
            other = graph.constant(rng.uniform(-1, 1, shape).astype(np.float32), "FLOAT32")
        else:
            other = graph.model.tensor(
                shape,
                value.dtype,
                data=common.values(rng, shape, value.dtype),
                **graph.parameters(value.dtype),
            )
    result = graph.requantized(value)
    if opcode == "MUL" and value.dtype != "FLOAT32":
        result = graph.value(
            result, scale=max(result.scale or 0, 0.02 if value.dtype == "INT8" else 1e-3)
        )
    graph.operator(
        opcode,
        [value, other],
        [result],
        version=2,
        fused_activation_function=str(rng.choice(["NONE", "RELU"])),
    )
    return True


def _extremum(graph: GraphBuilder, value: Value) -> bool:
    other = graph.pick(
        lambda v: (
            (v.shape, v.dtype, v.quantization) == (value.shape, value.dtype, value.quantization)
        )
    )
    assert other is not None
    opcode = str(graph.rng.choice(["MAXIMUM", "MINIMUM"]))
    graph.operator(opcode, [value, other], [graph.value(value)])
    return True


def _unary(graph: GraphBuilder, value: Value) -> bool:
    choices = {
        "INT8": ["RELU", "RELU6", "LOGISTIC", "TANH", "ABS", "HARD_SWISH", "LEAKY_RELU"],
        "INT16": ["RELU", "TANH", "LOGISTIC"],
        "FLOAT32": ["RELU", "RELU6", "ABS", "NEG", "HARD_SWISH", "FLOOR", "SQUARE"],
    }
    opcode = str(graph.rng.choice(choices[value.dtype]))
    options = {"alpha": 0.3} if opcode == "LEAKY_RELU" else {}
    result = graph.value(value) if common.chance(graph.rng, 0.5) else graph.requantized(value)
    if opcode in ("LOGISTIC", "TANH"):
        bits = 8 if value.dtype == "INT8" else 16
        signed = opcode == "TANH" or bits == 16
        point = 0 if signed else -128
        scale = 2.0 ** (1 - bits) if signed else 2.0**-bits
        result = graph.value(value, scale=scale, zero_point=point)
    elif opcode in ("RELU6", "ABS"):
        result = graph.value(value)
    graph.operator(opcode, [value], [result], **options)
    return True


def _softmax(graph: GraphBuilder, value: Value) -> bool:
    if value.dtype != "INT8" or len(value.shape) < 2:
        return False
    result = graph.value(value, scale=1 / 256, zero_point=-128)
    graph.operator("SOFTMAX", [value], [result], beta=1.0)
    return True


def _reshape(graph: GraphBuilder, value: Value) -> bool:
    rng = graph.rng
    size = int(np.prod(value.shape))
    divisors = [d for d in range(1, size + 1) if size % d == 0]
    first = int(rng.choice(divisors))
    shapes = [(1, size), (first, size // first), (1, 1, first, size // first)]
    shape = shapes[int(rng.integers(len(shapes)))]
    graph.operator("RESHAPE", [value, graph.constant(shape)], [graph.value(value, shape)])
    return True


def _reshape_by_arithmetic(graph: GraphBuilder, value: Value) -> bool:
    """A RESHAPE whose shape is computed from that of the value."""
    if len(value.shape) < 2:
        return False
    plain = {"dtype": "INT32", "scale": None, "zero_point": 0}
    sizes = graph.value(value, (len(value.shape),), **plain)
    first = graph.value(value, (1,), **plain)
    target = graph.value(value, (2,), **plain)
    graph.operator("SHAPE", [value], [sizes], out_type="INT32")
    zero, one = graph.constant([0]), graph.constant([1])
    graph.operator("STRIDED_SLICE", [sizes, zero, one, one], [first])
    graph.operator("CONCATENATION", [first, graph.constant([-1])], [target], axis=0)
    rest = int(np.prod(value.shape[1:]))
    graph.operator("RESHAPE", [value, target], [graph.value(value, (value.shape[0], rest))])
    graph.values = [v for v in graph.values if v.dtype != "INT32"]
    return True


def _transposes(graph: GraphBuilder, value: Value) -> bool:
    """One TRANSPOSE, or two, which may undo each other."""
    rank = len(value.shape)
    if rank < 2:
        return False
    order = graph.rng.permutation(rank)
    turned = graph.value(value, [value.shape[axis] for axis in order])
    graph.operator("TRANSPOSE", [value, graph.constant(order)], [turned])
    if common.chance(graph.rng, 0.5):
        other = np.argsort(order) if common.chance(graph.rng, 0.6) else graph.rng.permutation(rank)
        back = graph.value(turned, [turned.shape[axis] for axis in other])
        graph.operator("TRANSPOSE", [turned, graph.constant(other)], [back])
    return True


def _slice(graph: GraphBuilder, value: Value) -> bool:
    rng = graph.rng
    begins = [int(rng.integers(0, extent)) for extent in value.shape]
    if common.chance(rng, 0.3):
        begins = [0] * len(begins)
    sizes = [int(rng.integers(1, e - b + 1)) for e, b in zip(value.shape, begins, strict=True)]
    if not any(begins) and common.chance(rng, 0.3):
        sizes = list(value.shape)
    begin, size = graph.constant(begins), graph.constant(sizes)
    graph.operator("SLICE", [value, begin, size], [graph.value(value, sizes)])
    return True


def _split(graph: GraphBuilder, value: Value) -> bool:
    axis = int(graph.rng.integers(len(value.shape)))
    counts = [n for n in (1, 2, 3) if value.shape[axis] % n == 0]
    count = int(graph.rng.choice(counts))
    shape = list(value.shape)
    shape[axis] //= count
    parts = [graph.value(value, shape) for _ in range(count)]
    graph.operator("SPLIT", [graph.constant(axis), value], parts, num_splits=count)
    return True


def _concatenation(graph: GraphBuilder, value: Value) -> bool:
    """Of tensors that agree but for one dimension, brought to the same scale where they differ."""
    rank = len(value.shape)
    axis = int(graph.rng.integers(rank))
    parts = [value]
    for _ in range(int(graph.rng.integers(1, 3))):
        other = graph.pick(
            lambda v: (
                v.dtype == value.dtype
                and len(v.shape) == rank
                and all(
                    a == b
                    for i, (a, b) in enumerate(zip(v.shape, value.shape, strict=True))
                    if i != axis
                )
            )
        )
        assert other is not None
        if other.quantization != value.quantization:
            rescaled = graph.value(value, other.shape)
            graph.operator("QUANTIZE", [other], [rescaled])
            other = rescaled
        parts.append(other)
    shape = list(value.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    graph.operator("CONCATENATION", parts, [graph.value(value, shape)], axis=axis)
    return True


def _mean(graph: GraphBuilder, value: Value) -> bool:
    if len(value.shape) != 4 or value.dtype == "INT16":
        return False
    result = graph.requantized(value, (value.shape[0], value.shape[3]))
    graph.operator("MEAN", [value, graph.constant([1, 2])], [result], keep_dims=False)
    return True


def _conversion(graph: GraphBuilder, value: Value) -> bool:
    """To another type or scale, to the same, or to another and back."""
    rng = graph.rng
    if value.dtype == "FLOAT32":
        dtype = str(rng.choice(["INT8", "INT16"]))
        result = graph.value(value, dtype=dtype, **graph.parameters(dtype))
        graph.operator("QUANTIZE", [value], [result])
        return True
    kind = rng.random()
    if kind < 0.25:
        graph.operator("QUANTIZE", [value], [graph.value(value)])
    elif kind < 0.5:
        graph.operator("QUANTIZE", [value], [graph.requantized(value)])
    elif kind < 0.7:
        dtype = "INT16" if value.dtype == "INT8" else "INT8"
        graph.operator(
            "QUANTIZE", [value], [graph.value(value, dtype=dtype, **graph.parameters(dtype))]
        )
    else:
        real = graph.value(value, dtype="FLOAT32", scale=None, zero_point=0)
        graph.operator("DEQUANTIZE", [value], [real])
        if kind < 0.9:
            graph.operator("QUANTIZE", [real], [graph.value(value)])
    return True


def _constant_sum(graph: GraphBuilder, value: Value) -> bool:
    """The value and a sum of two constants."""
    if value.dtype != "INT8":
        return False
    rng = graph.rng
    a, b = (
        graph.model.tensor(
            value.shape,
            data=common.values(rng, value.shape),
            **graph.parameters("INT8"),
        )
        for _ in range(2)
    )
    known, result = graph.requantized(value), graph.requantized(value)
    graph.operator("ADD", [a, b], [known], version=2)
    graph.operator("ADD", [value, known], [result], version=2)
    graph.values.remove(known)
    return True


_GROWTHS: Sequence[tuple[Growth, float]] = (
    (_convolution, 4),
    (_residual, 2),
    (_siblings, 1.5),
    (_padded_convolution, 1.5),
    (_fully_connected, 1.5),
    (_pool, 1.5),
    (_binary, 4),
    (_extremum, 1),
    (_unary, 3),
    (_softmax, 0.5),
    (_reshape, 1),
    (_reshape_by_arithmetic, 0.5),
    (_transposes, 1.5),
    (_slice, 1.5),
    (_split, 1.5),
    (_concatenation, 3),
    (_mean, 0.7),
    (_conversion, 2.5),
    (_constant_sum, 0.5),
)


def random_graph(seed: int, most_operators: int = 14) -> bytes:
    """Model number ``seed``: 1 to 3 inputs, about 3 to ``most_operators`` operators."""
    rng = np.random.default_rng([seed, *b"graph"])
    graph = GraphBuilder(rng)
    growths = [growth for growth, _ in _GROWTHS]
    weights = np.array([weight for _, weight in _GROWTHS])
    dtype = str(rng.choice(["INT8", "INT8", "INT8", "INT8", "INT16", "FLOAT32"]))
    nothing = Value(-1, (), dtype, None, 0)
    shape = (1, *(int(e) for e in rng.integers(2, 9, 2)), int(rng.integers(1, 7)))
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        if common.chance(rng, 0.2):
            shape = (1, *(int(e) for e in rng.integers(2, 9, 3)))
        graph.values.append(graph.value(nothing, shape, **graph.parameters(dtype)))
    inputs = list(graph.values)
    for _ in range(int(rng.integers(3, most_operators + 1))):
        value = graph.pick(lambda v: math.prod(v.shape) <= _MOST_ELEMENTS)
        assert value is not None
        fits = False
        while not fits:
            fits = growths[int(rng.choice(len(growths), p=weights / weights.sum()))](graph, value)
    read = [value for value in graph.values if value not in inputs]
    outputs = [value for value in read if value.index not in graph.read]
    inner = [value for value in read if value.index in graph.read and common.chance(rng, 0.1)]
    # Now and then nobody reads what an operator gives.
    if len(outputs) > 1 and common.chance(rng, 0.2):
        outputs.pop(int(rng.integers(len(outputs))))
    results = [*outputs, *inner]
    order: AnyArray = rng.permutation(len(results))
    used = [value.index for value in inputs if value.index in graph.read]
    return graph.model.inputs(*used).outputs(*(results[int(i)].index for i in order)).build()
