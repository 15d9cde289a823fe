# SPDX-License-Identifier: Apache-2.0
"""The reader against the schema's own object API, on real models and on built ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.conftest import SHARED_MODELS, shared_model
from tests.models.builder import (
    NEWER_FIELDS,
    ModelBuilder,
    SchemaObject,
    camel_case,
    names_of,
    packed,
)
from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir.graph import ABSENT, DType, Operator, Quantization, Tensor
from tinygen.tflite.options import options_tables
from tinygen.tflite.reader import read_model, read_model_bytes
from tinygen.tflite.schema import table_fields

MODELS = [
    "audio_preprocessor_int8.tflite",
    "hello_world_int8.tflite",
    "micro_speech.tflite",
    "mlperf_ad.tflite",
    "mlperf_ic.tflite",
    "mlperf_ic_float.tflite",
    "mlperf_kws.tflite",
    "mlperf_vww.tflite",
    "mnist_lstm_int8.tflite",
    "person_detect.tflite",
]


def text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def ints(value: SchemaObject) -> tuple[int, ...]:
    return () if value is None else tuple(int(item) for item in value)


def expect_tensor(tensor: Tensor, expected: SchemaObject, buffers: list[SchemaObject]) -> None:
    assert tensor.name == text(expected.name)
    assert (
        tensor.dtype is DType[{v: n for n, v in names_of(schema.TensorType).items()}[expected.type]]
    )
    assert tensor.shape == ints(expected.shape)
    assert tensor.is_variable == expected.isVariable
    assert tensor.open_dimensions == tuple(
        axis for axis, size in enumerate(ints(expected.shapeSignature)) if size == -1
    )
    details = expected.quantization
    if details is None or details.scale is None or not len(details.scale):
        assert tensor.quantization is None
    else:
        assert tensor.quantization == Quantization(
            scales=tuple(float(np.float32(scale)) for scale in details.scale),
            zero_points=ints(details.zeroPoint),
            axis=details.quantizedDimension,
        )
    data = buffers[expected.buffer].data
    if data is None or not len(data):
        assert tensor.data is None
    else:
        assert tensor.data is not None
        assert tensor.data.dtype == tensor.dtype.numpy
        assert tensor.data.shape == tensor.shape
        assert tensor.data.tobytes() == bytes(bytearray(data))


def expect_operator(operator: Operator, expected: SchemaObject, codes: list[SchemaObject]) -> None:
    code = codes[expected.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    assert names_of(schema.BuiltinOperator)[operator.opcode] == number
    assert operator.custom_code == text(code.customCode)
    assert operator.version == code.version
    assert operator.inputs == ints(expected.inputs)
    assert operator.outputs == ints(expected.outputs)
    assert operator.intermediates == ints(expected.intermediates)
    if operator.opcode == "CUSTOM":
        custom = bytes(bytearray(() if expected.customOptions is None else expected.customOptions))
        assert operator.options == {"custom_options": custom}
    else:
        expect_options(operator, expected.builtinOptions)


def expect_options(operator: Operator, expected: SchemaObject) -> None:
    table = options_tables().get(operator.opcode)
    if table is None:
        assert operator.options == {}
        return
    stored = vars(expected or getattr(schema, table + "T")())
    assert {camel_case(name) for name in operator.options} == set(stored) - NEWER_FIELDS
    for field in table_fields(table).values():
        value = operator.options[field.name]
        other = stored[camel_case(field.name)]
        if isinstance(value, str) and field.enum:
            assert names_of(getattr(schema, field.kind))[value] == other
        elif isinstance(value, tuple):
            assert value == ints(other)
        else:
            assert value == other
            assert type(value) is type(other)


def test_every_real_model_is_listed() -> None:
    if not SHARED_MODELS.exists():
        pytest.skip(f"{SHARED_MODELS} is not there")
    assert sorted(path.name for path in SHARED_MODELS.glob("*.tflite")) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_real_model_agrees_with_the_object_api(name: str) -> None:
    path = shared_model(name)
    data = path.read_bytes()
    graph = read_model(path)
    expected = schema.ModelT.InitFromPackedBuf(data)

    assert graph.source == str(path)
    assert graph.sha256 == hashlib.sha256(data).hexdigest()
    assert graph.file_bytes == len(data)
    assert graph.description == text(expected.description)
    assert graph.metadata == {
        text(item.name): bytes(bytearray(expected.buffers[item.buffer].data))
        for item in expected.metadata or ()
    }
    assert [signature.key for signature in graph.signatures] == [
        text(item.signatureKey) for item in expected.signatureDefs or ()
    ]
    for signature, item in zip(graph.signatures, expected.signatureDefs or (), strict=True):
        assert signature.subgraph == item.subgraphIndex
        assert signature.inputs == {text(t.name): t.tensorIndex for t in item.inputs}
        assert signature.outputs == {text(t.name): t.tensorIndex for t in item.outputs}
    assert len(graph.subgraphs) == len(expected.subgraphs)
    for subgraph, item in zip(graph.subgraphs, expected.subgraphs, strict=True):
        assert subgraph.name == text(item.name)
        assert subgraph.inputs == ints(item.inputs)
        assert subgraph.outputs == ints(item.outputs)
        assert [tensor.index for tensor in subgraph.tensors] == list(range(len(item.tensors)))
        for tensor, other in zip(subgraph.tensors, item.tensors, strict=True):
            expect_tensor(tensor, other, expected.buffers)
        assert [operator.index for operator in subgraph.operators] == list(
            range(len(item.operators))
        )
        for operator, other in zip(subgraph.operators, item.operators, strict=True):
            expect_operator(operator, other, expected.operatorCodes)


def test_quantized_dimension_out_of_range_is_kept() -> None:
    graph = read_model(shared_model("person_detect.tflite"))
    biases = [
        tensor
        for tensor in graph.main.tensors
        if tensor.quantization and tensor.quantization.axis >= max(len(tensor.shape), 1)
    ]
    assert biases
    assert all(tensor.quantization and tensor.quantization.per_axis for tensor in biases)


@pytest.mark.parametrize(
    ("deprecated", "extended", "opcode"),
    [(3, 0, "CONV_2D"), (0, 3, "CONV_2D"), (127, 150, "GELU"), (9, 9, "FULLY_CONNECTED")],
)
def test_the_larger_operator_code_counts(deprecated: int, extended: int, opcode: str) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator("RELU", [x], [y], version=2).inputs(x).outputs(y)
    (code,) = builder.model.operatorCodes
    code.deprecatedBuiltinCode, code.builtinCode = deprecated, extended
    operator = read_model_bytes(builder.build(), "m.tflite").main.operators[0]
    assert operator.opcode == opcode
    assert operator.version == 2


def test_operator_newer_than_the_schema() -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator("RELU", [x], [y]).inputs(x).outputs(y)
    builder.model.operatorCodes[0].builtinCode = 4711
    with pytest.raises(UnsupportedError, match="built-in operator 4711"):
        read_model_bytes(builder.build(), "m.tflite")


def test_custom_operator() -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.custom("MyOp", [x, ABSENT], [y], custom_options=b"\x01\x00\xfe", version=3)
    operator = read_model_bytes(builder.inputs(x).outputs(y).build(), "m.tflite").main.operators[0]
    assert operator.opcode == "CUSTOM"
    assert operator.custom_code == "MyOp"
    assert operator.version == 3
    assert operator.inputs == (0, ABSENT)
    assert operator.options == {"custom_options": b"\x01\x00\xfe"}
    assert operator.label == "operator 0 (CUSTOM 'MyOp')"


def test_custom_options_outside_the_flatbuffer() -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.custom("MyOp", [x], [y]).inputs(x).outputs(y)
    operator = builder.model.subgraphs[0].operators[0]
    operator.largeCustomOptionsSize = 5
    operator.largeCustomOptionsOffset = 1 << 20
    operator.largeCustomOptionsOffset = len(builder.build())
    model = builder.build() + b"hello"
    read = read_model_bytes(model, "m.tflite").main.operators[0]
    assert read.options == {"custom_options": b"hello"}
    with pytest.raises(ModelError, match="options of subgraph 0, operator 0 lies beyond"):
        read_model_bytes(model[:-1], "m.tflite")


def test_variable_tensor_and_intermediates() -> None:
    builder = ModelBuilder()
    x, state, y = builder.tensor((1,)), builder.tensor((1,), variable=True), builder.tensor((1,))
    builder.operator("SVDF", [x, state], [y], intermediates=[state, -1]).inputs(x).outputs(y)
    main = read_model_bytes(builder.build(), "m.tflite").main
    assert [tensor.is_variable for tensor in main.tensors] == [False, True, False]
    assert main.operators[0].intermediates == (state, -1)


def test_subgraphs_signatures_metadata_description() -> None:
    builder = ModelBuilder("a description")
    x, y = builder.tensor((2,), name="x"), builder.tensor((2,), name="y")
    builder.operator("RELU", [x], [y]).inputs(x).outputs(y)
    builder.signature("serving_default", {"in": x}, {"out": y}).metadata("note", b"\x00\x01")
    assert builder.subgraph("other") == 1
    z = builder.tensor((3,), "FLOAT32", name="z")
    builder.inputs(z).outputs(z).signature("identity", {"z": z}, {"z": z})
    graph = read_model_bytes(builder.build(), "m.tflite")
    assert graph.description == "a description"
    assert graph.metadata == {"note": b"\x00\x01"}
    assert [subgraph.name for subgraph in graph.subgraphs] == ["main", "other"]
    assert graph.main.inputs == (x,)
    assert graph.main.outputs == (y,)
    assert graph.subgraphs[1].tensors[0].dtype is DType.FLOAT32
    assert [(s.key, s.subgraph, s.inputs, s.outputs) for s in graph.signatures] == [
        ("serving_default", 0, {"in": x}, {"out": y}),
        ("identity", 1, {"z": z}, {"z": z}),
    ]


def test_name_that_is_not_utf8() -> None:
    builder = ModelBuilder()
    builder.tensor((1,), name="abc")
    model = builder.build().replace(b"abc\x00", b"a\xffc\x00")
    assert read_model_bytes(model, "m.tflite").main.tensors[0].name == "a\ufffdc"


def base_model() -> SchemaObject:
    builder = ModelBuilder()
    x, y = builder.tensor((1,), name="x", scale=1.0), builder.tensor((1,), name="y")
    builder.operator("RELU", [x], [y]).inputs(x).outputs(y).signature("s", {"x": x}, {"y": y})
    return builder.metadata("note", b"x").model


CONTRADICTIONS = [
    ("subgraphs.0.operators.0.inputs", [2], "operator 0 refers to tensor 2 of 2"),
    ("subgraphs.0.operators.0.inputs", [-2], "operator 0 refers to tensor -2 of 2"),
    ("subgraphs.0.operators.0.outputs", [-1], "operator 0 refers to tensor -1 of 2"),
    ("subgraphs.0.operators.0.intermediates", [5], "operator 0 refers to tensor 5 of 2"),
    ("subgraphs.0.operators.0.opcodeIndex", 1, "operator 0 refers to operator code 1 of 1"),
    ("subgraphs.0.inputs", [-1], "subgraph 0 refers to tensor -1 of 2"),
    ("subgraphs.0.outputs", [7], "subgraph 0 refers to tensor 7 of 2"),
    ("subgraphs.0.tensors.1.buffer", 9, r"tensor 1 \('y'\) refers to buffer 9 of 2"),
    ("subgraphs.0.tensors.1.type", 99, r"tensor 1 \('y'\) has type 99"),
    ("signatureDefs.0.subgraphIndex", 1, "signature 0 refers to subgraph 1 of 1"),
    ("signatureDefs.0.inputs.0.tensorIndex", 2, "signature 0, input 0 refers to tensor 2 of 2"),
    ("metadata.0.buffer", 2, "metadata 0 refers to buffer 2 of 2"),
    ("subgraphs", [], "contains no subgraph"),
]


@pytest.mark.parametrize(("place", "value", "message"), CONTRADICTIONS)
def test_contradiction_is_named(place: str, value: int | list[int], message: str) -> None:
    model = base_model()
    *path, field = place.split(".")
    target = model
    for step in path:
        target = target[int(step)] if step.isdigit() else getattr(target, step)
    setattr(target, field, value)
    with pytest.raises(ModelError, match=message):
        read_model_bytes(packed(model), "m.tflite")


def test_compressed_model_is_unsupported() -> None:
    model = base_model()
    model.metadata[0].name = "COMPRESSION_METADATA"
    with pytest.raises(UnsupportedError, match="compressed for TensorFlow Lite Micro"):
        read_model_bytes(packed(model), "m.tflite")


def test_reads_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(packed(base_model()))
    assert read_model(path).source == str(path)
