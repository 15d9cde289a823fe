# SPDX-License-Identifier: Apache-2.0
"""Tensors: constants of all types and places, shapes, quantization."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.models.builder import ModelBuilder, SchemaObject, packed
from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir.graph import AnyArray, DType, Quantization, Tensor
from tinygen.tflite.reader import read_model_bytes


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
    ("stored", "read"), [([], (0, 0, 0)), ([4], (4, 4, 4)), ([4, 5, 6, 7], (4, 5, 6))]
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


def one_tensor() -> SchemaObject:
    builder = ModelBuilder()
    builder.tensor((1,), name="x", scale=1.0)
    return builder.model


def test_sparse_tensor_is_unsupported() -> None:
    model = one_tensor()
    model.subgraphs[0].tensors[0].sparsity = schema.SparsityParametersT(traversalOrder=[0])
    with pytest.raises(UnsupportedError, match=r"m.tflite: .*tensor 0 \('x'\) is sparse"):
        read_model_bytes(packed(model), "m.tflite")


def test_blockwise_quantization_is_unsupported() -> None:
    model = one_tensor()
    quantization = model.subgraphs[0].tensors[0].quantization
    quantization.scale = None
    quantization.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    quantization.details = schema.BlockwiseQuantizationT(blockSize=32)
    with pytest.raises(UnsupportedError, match=r"tensor 0 \('x'\) is quantized by blocks"):
        read_model_bytes(packed(model), "m.tflite")


def test_data_in_another_file_is_unsupported() -> None:
    model = one_tensor()
    model.subgraphs[0].tensors[0].externalBuffer = 1
    with pytest.raises(UnsupportedError, match=r"tensor 0 \('x'\) keeps its data in another file"):
        read_model_bytes(packed(model), "m.tflite")


def test_float8_is_unsupported() -> None:
    model = one_tensor()
    model.subgraphs[0].tensors[0].type = schema.TensorType.FLOAT8_E5M2
    with pytest.raises(UnsupportedError, match=r"tensor 0 \('x'\) is of type FLOAT8_E5M2"):
        read_model_bytes(packed(model), "m.tflite")


def test_long_names_are_shortened_in_messages() -> None:
    builder = ModelBuilder()
    builder.tensor((-5,), name="n" * 100_000)
    with pytest.raises(ModelError) as caught:
        read_model_bytes(builder.build(), "m.tflite")
    assert len(caught.value.message) < 300
