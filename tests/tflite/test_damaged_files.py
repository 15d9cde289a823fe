# SPDX-License-Identifier: Apache-2.0
"""Damaged files: whatever the bytes, the reader reads or says what is wrong, and soon."""

from __future__ import annotations

import random
import struct
import time

import flatbuffers  # type: ignore[import-untyped]
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.conftest import shared_model
from tests.models.builder import ModelBuilder
from tinygen.errors import ModelError, TinygenError
from tinygen.ir.graph import Graph
from tinygen.tflite.reader import read_model_bytes

MODELS = ["hello_world_int8", "mnist_lstm_int8", "audio_preprocessor_int8", "mlperf_kws"]
CASES = 300
SECONDS = 1.0
"""Bound on one reading: a hundred times what a sound file takes, so a loaded machine passes."""

NASTY_WORDS = [
    0,
    1,
    4,
    0xFF,
    0xFFFF,
    1 << 16,
    1 << 20,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFC,
    0xFFFFFFFF,
]


def read(data: bytes) -> Graph | None:
    """The graph, or None where the reader refuses; any other exception fails the test."""
    graph, refusal = None, ""
    start = time.perf_counter()
    try:
        graph = read_model_bytes(data, "m.tflite")
    except TinygenError as error:
        refusal = error.message
    assert time.perf_counter() - start < SECONDS
    assert graph is not None or "m.tflite" in refusal
    return graph


def spot(data: bytes, source: random.Random) -> int:
    """A position after the file identifier: anywhere, or at either end, where the tables are."""
    low, high = source.choice([(8, len(data)), (8, 2000), (len(data) - 4000, len(data))])
    return source.randrange(max(low, 8), min(high, len(data)))


def flipped(sound: bytes, source: random.Random) -> bytes:
    """The file with some bits flipped."""
    data = bytearray(sound)
    for _ in range(source.choice([1, 1, 4, 32])):
        data[spot(sound, source)] ^= 1 << source.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("name", MODELS)
def test_flipped_bits(name: str) -> None:
    sound = shared_model(f"{name}.tflite").read_bytes()
    source = random.Random(1)
    outcomes = {read(flipped(sound, source)) is None for _ in range(CASES)}
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", MODELS)
def test_nasty_words(name: str) -> None:
    sound = shared_model(f"{name}.tflite").read_bytes()
    source = random.Random(2)
    outcomes = set()
    for _ in range(CASES):
        data = bytearray(sound)
        position = min(spot(sound, source) & ~3, len(data) - 4)
        struct.pack_into("<I", data, position, source.choice(NASTY_WORDS))
        outcomes.add(read(bytes(data)) is None)
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", MODELS)
def test_truncated(name: str) -> None:
    sound = shared_model(f"{name}.tflite").read_bytes()
    source = random.Random(3)
    for length in [*range(64), *(source.randrange(len(sound)) for _ in range(CASES))]:
        graph = read(sound[:length])
        # The flatbuffer ends with its strings; cutting into the padding behind them does no harm.
        assert graph is None or length > len(sound) - 8


def test_random_bytes() -> None:
    source = random.Random(4)
    for _ in range(CASES):
        content = source.randbytes(source.randrange(2000))
        read(content)
        read(content[:4] + b"TFL3" + content[8:])
        read(struct.pack("<I", source.randrange(64)) + b"TFL3" + content)


def test_every_byte_of_a_small_model() -> None:
    builder = ModelBuilder("d")
    x, y = builder.tensor((2,), scale=0.5, name="x"), builder.tensor((2,), scale=0.5, name="y")
    builder.operator("SOFTMAX", [x], [y], beta=1.0).inputs(x).outputs(y)
    builder.signature("s", {"x": x}, {"y": y}).metadata("note", b"x")
    sound = builder.build()
    assert read(sound) is not None
    for position in range(len(sound)):
        for value in (0x00, 0x7F, 0x80, 0xFF):
            read(sound[:position] + bytes([value]) + sound[position + 1 :])


def overlapping(copies: int, dimensions: int) -> bytes:
    """A model whose tensor list names one tensor with a long shape many times."""
    builder = flatbuffers.Builder(1024)
    schema.TensorStartShapeVector(builder, dimensions)
    for _ in range(dimensions):
        builder.PrependInt32(1)
    shape = builder.EndVector()
    schema.TensorStart(builder)
    schema.TensorAddShapeSignature(builder, shape)
    tensor = schema.TensorEnd(builder)
    schema.BufferStart(builder)
    buffer = schema.BufferEnd(builder)
    schema.SubGraphStartTensorsVector(builder, copies)
    for _ in range(copies):
        builder.PrependUOffsetTRelative(tensor)
    tensors = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    subgraph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(subgraph)
    subgraphs = builder.EndVector()
    schema.ModelStartBuffersVector(builder, 1)
    builder.PrependUOffsetTRelative(buffer)
    buffers = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, subgraphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_work_is_linear_in_the_size_of_the_file() -> None:
    assert read(overlapping(2, 50)) is not None
    start = time.perf_counter()
    with pytest.raises(ModelError, match="its parts overlap each other"):
        read_model_bytes(overlapping(20_000, 20_000), "m.tflite")
    assert time.perf_counter() - start < SECONDS
