# SPDX-License-Identifier: Apache-2.0
"""Builds small .tflite models in memory, in milliseconds.

Written with the schema that ships with ai-edge-litert, not with tinygen's, so that reading such a
model back tests the reader.

    builder = ModelBuilder()
    x = builder.tensor((1, 8, 8, 3), "INT8", scale=0.5, zero_point=-1)
    w = builder.tensor((4, 3, 3, 3), "INT8", scale=[0.1] * 4, axis=0, data=weights)
    b = builder.tensor((4,), "INT32", scale=[0.05] * 4, data=bias)
    y = builder.tensor((1, 8, 8, 4), "INT8", scale=0.25, zero_point=3)
    builder.operator("CONV_2D", [x, w, b], [y], padding="SAME", stride_w=1, stride_h=1)
    model: bytes = builder.inputs(x).outputs(y).build()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tinygen.ir.graph import AnyArray, DType
from tinygen.tflite.options import options_tables
from tinygen.tflite.schema import enum_named, table_fields

Option = int | float | bool | str | bytes | Sequence[int] | Sequence[float]

SchemaObject = Any
"""An object of the schema package, which is untyped."""

NEWER_FIELDS = {"quantSpec"}
"""Options fields of ai-edge-litert's schema that tflite-micro's does not have."""

_FILE_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3


class ModelBuilder:
    """Collects tensors and operators of one or several subgraphs; ``build`` gives the file."""

    def __init__(self, description: str = "") -> None:
        # Buffer 0 is the empty one of tensors without data.
        self._model = schema.ModelT(
            version=_SCHEMA_VERSION,
            description=description,
            operatorCodes=[],
            buffers=[schema.BufferT()],
            subgraphs=[],
            metadata=[],
            signatureDefs=[],
        )
        self._code_index: dict[tuple[int, str, int], int] = {}
        self.subgraph("main")

    def subgraph(self, name: str) -> int:
        """Start another subgraph, which everything after goes to; gives its index."""
        self._subgraph = schema.SubGraphT(
            name=name, tensors=[], operators=[], inputs=[], outputs=[]
        )
        self._model.subgraphs.append(self._subgraph)
        return len(self._model.subgraphs) - 1

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "INT8",
        *,
        scale: float | Sequence[float] | AnyArray | None = None,
        zero_point: int | Sequence[int] | AnyArray = 0,
        axis: int = 0,
        data: AnyArray | Sequence[Any] | int | float | bytes | None = None,
        name: str = "",
        variable: bool = False,
        shape_signature: Sequence[int] | None = None,
    ) -> int:
        """Add a tensor and give its index in the subgraph.

        Args:
            shape: its dimensions.
            dtype: TFLite's name of the type, such as ``"INT8"``.
            scale: one scale, or one an index of dimension ``axis``; None for no quantization.
            zero_point: one zero point, or one an index.
            axis: the quantized dimension.
            data: the constant's value (INT4 and INT2 one element an item), or its raw bytes.
            name: its name; ``tN`` by default.
            variable: whether it is a state that survives ``invoke``.
            shape_signature: the shape with -1 for open dimensions.
        """
        index = len(self._subgraph.tensors)
        tensor = schema.TensorT(
            shape=np.asarray(shape, np.int32),
            type=getattr(schema.TensorType, dtype),
            name=name or f"t{index}",
            buffer=0 if data is None else self._buffer(_packed(data, DType[dtype])),
            isVariable=variable,
            hasRank=True,
        )
        if shape_signature is not None:
            tensor.shapeSignature = np.asarray(shape_signature, np.int32)
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zero_points = np.atleast_1d(np.asarray(zero_point, np.int64))
            if zero_points.size == 1:
                zero_points = np.full(scales.size, zero_points[0], np.int64)
            tensor.quantization = schema.QuantizationParametersT(
                scale=scales, zeroPoint=zero_points, quantizedDimension=axis
            )
        self._subgraph.tensors.append(tensor)
        return index

    def operator(
        self,
        opcode: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        version: int = 1,
        intermediates: Sequence[int] = (),
        **options: Option,
    ) -> ModelBuilder:
        """Add a built-in operator.

        Args:
            opcode: TFLite's name, such as ``"CONV_2D"``.
            inputs: tensors it reads; -1 for an optional one left out.
            outputs: tensors it writes.
            version: version of the operator.
            intermediates: its intermediate tensors (LSTM).
            options: fields of its options table under their schema names (``stride_w=2``,
                ``padding="SAME"``), the schema's defaults for the others. (A field called
                ``version`` can not be set.)
        """
        operator = self._operator(
            getattr(schema.BuiltinOperator, opcode), "", version, inputs, outputs
        )
        if intermediates:
            operator.intermediates = np.asarray(intermediates, np.int32)
        table = options_tables().get(opcode)
        if table is None:
            assert not options, f"{opcode} has no options, got {sorted(options)}"
        elif table in enum_named("BuiltinOptions2").names.values():
            operator.builtinOptions2Type = getattr(schema.BuiltinOptions2, table)
            operator.builtinOptions2 = _options(table, options)
        else:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = _options(table, options)
        return self

    def custom(
        self,
        custom_code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        custom_options: bytes = b"",
        version: int = 1,
    ) -> ModelBuilder:
        """Add a custom operator with its raw options."""
        operator = self._operator(
            schema.BuiltinOperator.CUSTOM, custom_code, version, inputs, outputs
        )
        operator.customOptions = np.frombuffer(custom_options, np.uint8)
        return self

    def inputs(self, *tensors: int) -> ModelBuilder:
        """Set the subgraph's inputs."""
        self._subgraph.inputs = np.asarray(tensors, np.int32)
        return self

    def outputs(self, *tensors: int) -> ModelBuilder:
        """Set the subgraph's outputs."""
        self._subgraph.outputs = np.asarray(tensors, np.int32)
        return self

    def signature(
        self, key: str, inputs: Mapping[str, int], outputs: Mapping[str, int]
    ) -> ModelBuilder:
        """Add a named entry point to the present subgraph."""
        self._model.signatureDefs.append(
            schema.SignatureDefT(
                signatureKey=key,
                subgraphIndex=len(self._model.subgraphs) - 1,
                inputs=[schema.TensorMapT(name=n, tensorIndex=i) for n, i in inputs.items()],
                outputs=[schema.TensorMapT(name=n, tensorIndex=i) for n, i in outputs.items()],
            )
        )
        return self

    def metadata(self, name: str, content: bytes) -> ModelBuilder:
        """Add metadata."""
        buffer = self._buffer(np.frombuffer(content, np.uint8))
        self._model.metadata.append(schema.MetadataT(name=name, buffer=buffer))
        return self

    @property
    def model(self) -> SchemaObject:
        """The model in the schema's object API, for whatever this class has no word for."""
        return self._model

    def build(self) -> bytes:
        """The .tflite file."""
        return packed(self._model)

    def _buffer(self, content: AnyArray) -> int:
        self._model.buffers.append(schema.BufferT(data=content))
        return len(self._model.buffers) - 1

    def _operator(
        self,
        code: int,
        custom_code: str,
        version: int,
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> SchemaObject:
        key = (code, custom_code, version)
        if key not in self._code_index:
            self._code_index[key] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(
                schema.OperatorCodeT(
                    deprecatedBuiltinCode=min(
                        code, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES
                    ),
                    builtinCode=code,
                    customCode=custom_code or None,
                    version=version,
                )
            )
        operator = schema.OperatorT(
            opcodeIndex=self._code_index[key],
            inputs=np.asarray(inputs, np.int32),
            outputs=np.asarray(outputs, np.int32),
        )
        self._subgraph.operators.append(operator)
        return operator


def packed(model: SchemaObject) -> bytes:
    """Serialize a ``ModelT`` of the schema's object API."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    return bytes(builder.Output())


def _packed(data: AnyArray | Sequence[Any] | int | float | bytes, dtype: DType) -> AnyArray:
    """The bytes of a constant as the file stores them."""
    if isinstance(data, bytes):
        return np.frombuffer(data, np.uint8)
    values: AnyArray = np.ascontiguousarray(data, dtype.numpy).reshape(-1)
    if dtype.bits >= 8:
        return values.view(np.uint8)
    per_byte = 8 // dtype.bits
    groups = np.pad(values, (0, -values.size % per_byte)).astype(np.uint8).reshape(-1, per_byte)
    shifts = np.arange(0, 8, dtype.bits, dtype=np.uint8)
    shifted: AnyArray = (groups & np.uint8((1 << dtype.bits) - 1)) << shifts
    return np.asarray(np.bitwise_or.reduce(shifted, axis=1), np.uint8)


def _options(table: str, options: Mapping[str, Option]) -> SchemaObject:
    """The schema's object of an options table."""
    fields = table_fields(table)
    result = getattr(schema, table + "T")()
    for name, value in options.items():
        assert name in fields, f"{table} has no field {name!r}; it has {sorted(fields)}"
        if isinstance(value, str) and fields[name].enum:
            value = getattr(getattr(schema, fields[name].kind), value)  # noqa: PLW2901
        setattr(result, camel_case(name), value)
    return result


def camel_case(name: str) -> str:
    """The object API's name of a schema field: ``stride_w`` is ``strideW`` there."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def names_of(enum: type) -> dict[str, int]:
    """The values of one of the schema's enums by name."""
    return {name: value for name, value in vars(enum).items() if not name.startswith("_")}
