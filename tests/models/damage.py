# SPDX-License-Identifier: Apache-2.0
"""Sound files of nonsense: shapes, types, operands and options that do not go together."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.models.builder import SchemaObject, packed

_EXTENTS = (0, 1, 2, 3, 5, 7, 64, 1000, 65536, 2**31 - 1, -1)
_NUMBERS = (0, 1, 2, 3, 4, 7, 255, -1, -2, -128, 2**31 - 1, -(2**31))
_SCALES = (0.0, -1.0, float("nan"), float("inf"), 1e-45, 1e-30, 1e30, 0.5, 1.0)
_ZERO_POINTS = (0, 1, -128, 127, 128, -129, 32767, 2**31, -(2**40))

Mutation = Callable[[random.Random, SchemaObject], None]
"""Changes one thing of a ``ModelT``."""


def _some_tensor(source: random.Random, model: SchemaObject) -> Any:
    return source.choice([tensor for subgraph in model.subgraphs for tensor in subgraph.tensors])


def _some_operator(source: random.Random, model: SchemaObject) -> Any:
    return source.choice([operator for s in model.subgraphs for operator in s.operators])


def _shape(source: random.Random, model: SchemaObject) -> None:
    tensor = _some_tensor(source, model)
    shape = [int(extent) for extent in tensor.shape]
    kind = source.random()
    if shape and kind < 0.6:
        shape[source.randrange(len(shape))] = source.choice(_EXTENTS)
    elif shape and kind < 0.8:
        shape.pop(source.randrange(len(shape)))
    else:
        shape.insert(source.randrange(len(shape) + 1), source.choice((1, 1, 2)))
    tensor.shape = np.array(shape, np.int64).astype(np.int32)


def _type(source: random.Random, model: SchemaObject) -> None:
    _some_tensor(source, model).type = source.randrange(20)


def _quantization(source: random.Random, model: SchemaObject) -> None:
    tensor = _some_tensor(source, model)
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or source.random() < 0.2:
        tensor.quantization = None if quantization is not None else _new_quantization(source)
        return
    scales = np.array(quantization.scale, np.float32)
    kind = source.random()
    if kind < 0.4 and scales.size:
        scales[source.randrange(scales.size)] = source.choice(_SCALES)
        quantization.scale = scales
    elif kind < 0.6:
        quantization.scale = np.repeat(scales, source.choice((0, 2, 3)))
    elif kind < 0.8:
        quantization.zeroPoint = np.array([source.choice(_ZERO_POINTS)], np.int64)
    else:
        quantization.quantizedDimension = source.choice((-1, 0, 1, 3, 4, 100))


def _new_quantization(source: random.Random) -> Any:
    return schema.QuantizationParametersT(
        scale=np.array([source.choice(_SCALES)], np.float32), zeroPoint=np.array([0], np.int64)
    )


def _data(source: random.Random, model: SchemaObject) -> None:
    """Other content, or none, or one where there was none."""
    tensor = _some_tensor(source, model)
    if tensor.buffer == 0 or source.random() < 0.2:
        tensor.buffer = source.randrange(len(model.buffers))
        return
    buffer = model.buffers[tensor.buffer]
    if buffer.data is None or not len(buffer.data):
        return
    words = np.array(buffer.data, np.uint8)
    size = min(4, words.size)
    start = source.randrange(words.size - size + 1)
    number = np.array([source.choice(_NUMBERS)], np.int64).astype(np.int32)
    words[start : start + size] = number.view(np.uint8)[:size]
    buffer.data = words


def _operands(source: random.Random, model: SchemaObject) -> None:
    subgraph = source.choice([s for s in model.subgraphs if s.operators and s.tensors])
    operator = source.choice(subgraph.operators)
    which = source.choice(("inputs", "inputs", "outputs"))
    values = [] if getattr(operator, which) is None else [int(i) for i in getattr(operator, which)]
    kind = source.random()
    if values and kind < 0.5:
        values[source.randrange(len(values))] = source.randrange(len(subgraph.tensors))
    elif values and kind < 0.6 and which == "inputs":
        values[source.randrange(len(values))] = -1
    elif values and kind < 0.8:
        values.pop(source.randrange(len(values)))
    else:
        values.append(source.randrange(len(subgraph.tensors)))
    setattr(operator, which, np.array(values, np.int32))


def _option(source: random.Random, model: SchemaObject) -> None:
    options = _some_operator(source, model).builtinOptions
    if options is None:
        return
    fields = [name for name, value in vars(options).items() if isinstance(value, int | float)]
    if not fields:
        return
    name = source.choice(fields)
    if isinstance(getattr(options, name), bool):
        setattr(options, name, not getattr(options, name))
    elif isinstance(getattr(options, name), float):
        setattr(options, name, source.choice(_SCALES))
    else:
        # Enumerations are one byte.
        setattr(options, name, source.choice((0, 1, 2, 3, 4, 5, 100)))


def _operator_code(source: random.Random, model: SchemaObject) -> None:
    operator = _some_operator(source, model)
    operator.opcodeIndex = source.randrange(len(model.operatorCodes))
    if source.random() < 0.3:
        code = source.randrange(160)
        model.operatorCodes[operator.opcodeIndex].builtinCode = code
        model.operatorCodes[operator.opcodeIndex].deprecatedBuiltinCode = min(code, 127)


def _interface(source: random.Random, model: SchemaObject) -> None:
    subgraph = source.choice([s for s in model.subgraphs if s.tensors])
    which = source.choice(("inputs", "outputs"))
    count = source.choice((0, 1, 1, 2, 3))
    chosen = [source.randrange(len(subgraph.tensors)) for _ in range(count)]
    setattr(subgraph, which, np.array(chosen, np.int32))


def _order(source: random.Random, model: SchemaObject) -> None:
    source.shuffle(source.choice(model.subgraphs).operators)


_MUTATIONS: tuple[Mutation, ...] = (
    _shape,
    _shape,
    _type,
    _quantization,
    _quantization,
    _data,
    _data,
    _operands,
    _operands,
    _option,
    _option,
    _operator_code,
    _interface,
    _order,
)


def damaged(model: bytes, source: random.Random) -> bytes:
    """The model with one to three changes; each leaves a file that can be read, most no sound model."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    for _ in range(source.choice((1, 1, 2, 3))):
        source.choice(_MUTATIONS)(source, parsed)
    return packed(parsed)
