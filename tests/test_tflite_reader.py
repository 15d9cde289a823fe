# SPDX-License-Identifier: Apache-2.0
"""The reader against the schema's own object API, on real models and on built ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.conftest import SHARED_MODELS, shared_model
from tests.models.builder import ModelBuilder, SchemaObject, camel_case, packed
from tinygen.errors import ModelError, UnsupportedError
from tinygen.graph import ABSENT, AnyArray, DType, Operator, OptionValue, Quantization, Tensor
from tinygen.tflite_options import OPTIONS_OF_OPERATOR, option_fields
from tinygen.tflite_reader import read_model, read_model_bytes
from tinygen.tflite_schema import BUILTIN_OPERATORS, ENUMS, OPTIONS_UNION, OPTIONS_UNION_2

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

NEWER_FIELDS = {"quantSpec"}
"""Options fields of ai-edge-litert's schema that tflite-micro's does not have."""


def text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def ints(value: SchemaObject) -> tuple[int, ...]:
    return () if value is None else tuple(int(item) for item in value)


def names_of(enum: type) -> dict[str, int]:
    return {name: value for name, value in vars(enum).items() if not name.startswith("_")}


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
    table = OPTIONS_OF_OPERATOR.get(operator.opcode)
    if table is None:
        assert operator.options == {}
        return
    stored = vars(expected or getattr(schema, table + "T")())
    assert {camel_case(name) for name in operator.options} == set(stored) - NEWER_FIELDS
    for field in option_fields(table):
        value = operator.options[field.name]
        other = stored[camel_case(field.name)]
        if isinstance(value, str) and field.kind in ENUMS:
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


def test_schema_names_agree_with_the_schema() -> None:
    assert dict(zip(BUILTIN_OPERATORS, range(1000), strict=False)) == names_of(
        schema.BuiltinOperator
    )
    assert dict(zip(OPTIONS_UNION, range(1000), strict=False)) == names_of(schema.BuiltinOptions)
    assert dict(zip(OPTIONS_UNION_2, range(1000), strict=False)) == names_of(schema.BuiltinOptions2)
    for enum, names in ENUMS.items():
        assert dict(zip(names, range(1000), strict=False)) == names_of(getattr(schema, enum)), enum


def fields_of(table: str) -> dict[str, SchemaObject]:
    """Fields and defaults of an options table, without those that tflite-micro does not have yet."""
    fields = vars(getattr(schema, table + "T")())
    return {name: value for name, value in fields.items() if name not in NEWER_FIELDS}


def test_options_tables_agree_with_the_schema() -> None:
    for table in OPTIONS_UNION[1:] + OPTIONS_UNION_2[1:]:
        fields = fields_of(table)
        assert {camel_case(field.name) for field in option_fields(table)} == set(fields), table
        if fields:
            assert table in OPTIONS_OF_OPERATOR.values(), table


def sample(kind: str, *, is_vector: bool, default: int) -> OptionValue:
    """A value of an options field that differs from its default."""
    if kind in ENUMS and not is_vector:
        names = ENUMS[kind]
        return names[-1] if len(names) - 1 != default else names[0]
    if kind == "ubyte":
        return b"\x00\xff\x10"
    if is_vector:
        return (0.1, -2.5) if kind == "float" else (1, 0, 1)
    if kind == "string":
        return "größe"
    if kind == "float":
        return float(np.float32(0.3))
    return not default if kind == "bool" else {"int": -7, "uint": 1 << 31, "long": -(1 << 40)}[kind]


def one_operator(opcode: str, **options: SchemaObject) -> Operator:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator(opcode, [x], [y], **options).inputs(x).outputs(y)
    return read_model_bytes(builder.build(), "m.tflite").main.operators[0]


@pytest.mark.parametrize("opcode", sorted(OPTIONS_OF_OPERATOR))
def test_every_option_of_every_operator_is_read(opcode: str) -> None:
    options = {
        field.name: sample(field.kind, is_vector=field.is_vector, default=field.default)
        for field in option_fields(OPTIONS_OF_OPERATOR[opcode])
    }
    if OPTIONS_OF_OPERATOR[opcode] == "BucketizeOptions":
        options["boundaries"] = (0.5, -2.5)
    # "version" of STABLEHLO_COMPOSITE is an option the builder takes for the operator's version.
    read = one_operator(opcode, **{k: v for k, v in options.items() if k != "version"}).options
    assert set(read) == set(options)
    for name, value in options.items():
        if name != "version":
            assert read[name] == value


@pytest.mark.parametrize("opcode", sorted(OPTIONS_OF_OPERATOR))
def test_missing_options_have_the_schemas_defaults(opcode: str) -> None:
    table = OPTIONS_OF_OPERATOR[opcode]
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator(opcode, [x], [y]).inputs(x).outputs(y)
    operator = builder.model.subgraphs[0].operators[0]
    operator.builtinOptions = operator.builtinOptions2 = None
    operator.builtinOptionsType = operator.builtinOptions2Type = 0
    options = read_model_bytes(builder.build(), "m.tflite").main.operators[0].options
    defaults = {
        name: value if value is not None else {"ubyte": b"", "string": ""}.get(kind, ())
        for field in option_fields(table)
        for name, kind in [(field.name, field.kind)]
        for value in [fields_of(table)[camel_case(name)]]
    }
    assert {
        name: names_of(getattr(schema, field.kind))[str(options[name])]
        if field.kind in ENUMS and not field.is_vector
        else options[name]
        for field in option_fields(table)
        for name in [field.name]
    } == defaults


def test_options_meant_for_another_operator_count_as_missing() -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator("CONV_2D", [x], [y], stride_w=3).inputs(x).outputs(y)
    operator = builder.model.subgraphs[0].operators[0]
    operator.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    operator.builtinOptions = schema.SoftmaxOptionsT(beta=1.0)
    options = read_model_bytes(builder.build(), "m.tflite").main.operators[0].options
    assert options["stride_w"] == 0
    assert options["dilation_w_factor"] == 1


def test_unknown_enum_value_is_named() -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator("CONV_2D", [x], [y], padding=9).inputs(x).outputs(y)
    with pytest.raises(ModelError, match=r"operator 0 \(CONV_2D\) has padding = 9, which Padding"):
        read_model_bytes(builder.build(), "m.tflite")


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


def constant(dtype: str, value: AnyArray | bytes, shape: tuple[int, ...]) -> Tensor:
    builder = ModelBuilder()
    builder.tensor(shape, dtype, data=value, name="weights")
    return read_model_bytes(builder.build(), "m.tflite").main.tensors[0]


@pytest.mark.parametrize("dtype", [dtype.value for dtype in DType if dtype.numpy is not None])
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (2, 0, 3), (1, 2, 3, 2)])
def test_constants_of_all_types(dtype: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(7)
    numpy = DType[dtype].numpy
    assert numpy is not None
    limits = {"INT2": (-2, 2), "INT4": (-8, 8), "UINT4": (0, 16), "BOOL": (0, 2)}
    value = random.integers(*limits.get(dtype, (0, 128)), shape).astype(numpy)
    tensor = constant(dtype, value, shape)
    assert tensor.dtype.value == dtype
    assert tensor.data is not None
    assert tensor.data.dtype == numpy
    np.testing.assert_array_equal(tensor.data, value)
    assert not tensor.data.flags.writeable


def test_int4_low_nibble_first_and_signed() -> None:
    data = constant("INT4", bytes([0x8F, 0x70, 0x05]), (5,)).data
    assert data is not None
    assert data.tolist() == [-1, -8, 0, 7, 5]


def test_int2_low_bits_first_and_signed() -> None:
    data = constant("INT2", bytes([0b00_01_10_11, 0b10]), (5,)).data
    assert data is not None
    assert data.tolist() == [-1, -2, 1, 0, -2]


def test_any_nonzero_byte_of_a_bool_is_true() -> None:
    data = constant("BOOL", b"\x00\x01\x02\xff", (4,)).data
    assert data is not None
    assert data.tolist() == [False, True, True, True]


def test_string_constant_keeps_its_bytes() -> None:
    data = constant("STRING", b"\x01\x00\x00\x00", (1,)).data
    assert data is not None
    assert data.tobytes() == b"\x01\x00\x00\x00"


def test_unaligned_constant() -> None:
    """Data behind the flatbuffer starts wherever the offset says."""
    builder = ModelBuilder()
    builder.tensor((3,), "INT32", data=b"\x00" * 12)
    tensor = read_model_bytes(
        with_outside_buffer(builder, 1, np.array([1, -2, 3], "<i4").tobytes(), 3), "m.tflite"
    ).main.tensors[0]
    assert tensor.data is not None
    assert tensor.data.flags.aligned
    assert tensor.data.tolist() == [1, -2, 3]


@pytest.mark.parametrize(
    ("dtype", "given", "needed"), [("INT8", 5, 6), ("INT32", 6, 24), ("INT4", 4, 3)]
)
def test_constant_of_the_wrong_size_is_named(dtype: str, given: int, needed: int) -> None:
    with pytest.raises(
        ModelError,
        match=rf"m\.tflite: subgraph 0, tensor 0 \('weights'\) of type {dtype} and shape \(2, 3\) "
        rf"needs {needed} bytes of constant data, but its buffer has {given}\.",
    ):
        constant(dtype, bytes(given), (2, 3))


def test_tensor_without_elements_is_constant_unless_computed() -> None:
    builder = ModelBuilder()
    x, shape, y = builder.tensor((1,)), builder.tensor((0,), "INT32"), builder.tensor((0,))
    builder.operator("RESHAPE", [x, shape], [y]).inputs(x).outputs(y)
    tensors = read_model_bytes(builder.build(), "m.tflite").main.tensors
    assert [tensor.is_constant for tensor in tensors] == [False, True, False]


def with_outside_buffer(builder: ModelBuilder, buffer: int, content: bytes, gap: int = 0) -> bytes:
    """The model with the content of a buffer behind the flatbuffer, ``gap`` bytes after its end."""
    item = builder.model.buffers[buffer]
    item.data, item.offset, item.size = None, 1 << 20, len(content)
    item.offset = len(builder.build()) + gap
    return builder.build() + bytes(gap) + content


def test_constants_outside_the_flatbuffer() -> None:
    builder = ModelBuilder()
    value = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    builder.tensor((2, 3, 4), "INT16", data=value)
    builder.tensor((2, 3, 4), "INT16", data=value + 1)
    tensors = read_model_bytes(
        with_outside_buffer(builder, 1, value.tobytes()), "m.tflite"
    ).main.tensors
    for tensor, expected in zip(tensors, (value, value + 1), strict=True):
        assert tensor.data is not None
        np.testing.assert_array_equal(tensor.data, expected)


def test_constants_outside_a_truncated_file() -> None:
    builder = ModelBuilder()
    builder.tensor((64,), data=np.zeros(64, np.int8))
    model = with_outside_buffer(builder, 1, bytes(64))
    with pytest.raises(ModelError, match="buffer 1 lies beyond the end of the file"):
        read_model_bytes(model[:-1], "m.tflite")


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


def test_quantization_per_axis() -> None:
    builder = ModelBuilder()
    builder.tensor((2, 3), scale=[0.1, 0.2, 0.3], zero_point=[1, -2, 3], axis=1)
    builder.tensor((2, 3))
    per_axis, none = read_model_bytes(builder.build(), "m.tflite").main.tensors
    assert per_axis.quantization == Quantization(
        scales=tuple(float(np.float32(scale)) for scale in (0.1, 0.2, 0.3)),
        zero_points=(1, -2, 3),
        axis=1,
    )
    assert none.quantization is None


@pytest.mark.parametrize(
    ("stored", "read"), [([], (0, 0, 0)), ([4], (4, 0, 0)), ([4, 5, 6, 7], (4, 5, 6))]
)
def test_zero_points_have_the_length_of_the_scales(
    stored: list[int], read: tuple[int, ...]
) -> None:
    builder = ModelBuilder()
    builder.tensor((3,), scale=[0.1, 0.2, 0.3])
    builder.model.subgraphs[0].tensors[0].quantization.zeroPoint = np.array(stored, np.int64)
    quantization = read_model_bytes(builder.build(), "m.tflite").main.tensors[0].quantization
    assert quantization is not None
    assert quantization.zero_points == read


def test_scales_are_not_judged() -> None:
    builder = ModelBuilder()
    builder.tensor((1,), scale=0.0, zero_point=1 << 40)
    builder.tensor((1,), scale=float("nan"), axis=-3)
    zero, nan = (t.quantization for t in read_model_bytes(builder.build(), "m").main.tensors)
    assert zero == Quantization((0.0,), (1 << 40,))
    assert nan is not None
    assert np.isnan(nan.scales[0])
    assert nan.axis == -3


def test_open_dimensions() -> None:
    builder = ModelBuilder()
    builder.tensor((1, 4), shape_signature=(-1, 4))
    builder.tensor((1, 4), shape_signature=(1, 4))
    builder.tensor((4, -1))
    tensors = read_model_bytes(builder.build(), "m.tflite").main.tensors
    assert [tensor.open_dimensions for tensor in tensors] == [(0,), (), (1,)]
    assert [tensor.shape for tensor in tensors] == [(1, 4), (1, 4), (4, 1)]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((-2, 3), r"has shape \(-2, 3\)"),
        ((1 << 30, 1 << 30), "larger than any memory"),
        ((0, 1 << 30, 1 << 30), "larger than any memory"),
        ((1,) * 40, "has 40 dimensions"),
    ],
)
def test_impossible_shape(shape: tuple[int, ...], message: str) -> None:
    builder = ModelBuilder()
    builder.tensor(shape, name="huge")
    with pytest.raises(ModelError, match=r"tensor 0 \('huge'\).*" + message):
        read_model_bytes(builder.build(), "m.tflite")


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


def test_sparse_tensor_is_unsupported() -> None:
    model = base_model()
    model.subgraphs[0].tensors[0].sparsity = schema.SparsityParametersT(traversalOrder=[0])
    with pytest.raises(UnsupportedError, match=r"m.tflite: .*tensor 0 \('x'\) is sparse"):
        read_model_bytes(packed(model), "m.tflite")


def test_blockwise_quantization_is_unsupported() -> None:
    model = base_model()
    quantization = model.subgraphs[0].tensors[0].quantization
    quantization.scale = None
    quantization.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    quantization.details = schema.BlockwiseQuantizationT(blockSize=32)
    with pytest.raises(UnsupportedError, match=r"tensor 0 \('x'\) is quantized by blocks"):
        read_model_bytes(packed(model), "m.tflite")


def test_data_in_another_file_is_unsupported() -> None:
    model = base_model()
    model.subgraphs[0].tensors[0].externalBuffer = 1
    with pytest.raises(UnsupportedError, match=r"tensor 0 \('x'\) keeps its data in another file"):
        read_model_bytes(packed(model), "m.tflite")


def test_float8_is_unsupported() -> None:
    model = base_model()
    model.subgraphs[0].tensors[1].type = schema.TensorType.FLOAT8_E5M2
    with pytest.raises(UnsupportedError, match=r"tensor 1 \('y'\) is of type FLOAT8_E5M2"):
        read_model_bytes(packed(model), "m.tflite")


def test_compressed_model_is_unsupported() -> None:
    model = base_model()
    model.metadata[0].name = "COMPRESSION_METADATA"
    with pytest.raises(UnsupportedError, match="compressed for TensorFlow Lite Micro"):
        read_model_bytes(packed(model), "m.tflite")


def test_long_names_are_shortened_in_messages() -> None:
    builder = ModelBuilder()
    builder.tensor((-5,), name="n" * 100_000)
    with pytest.raises(ModelError) as caught:
        read_model_bytes(builder.build(), "m.tflite")
    assert len(caught.value.message) < 300


def test_reads_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(packed(base_model()))
    assert read_model(path).source == str(path)
