# SPDX-License-Identifier: Apache-2.0
"""Options of every operator, read back from models built with the schema's own object API."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.models.builder import (
    NEWER_FIELDS,
    ModelBuilder,
    SchemaObject,
    camel_case,
    names_of,
)
from tinygen.errors import ModelError
from tinygen.ir.graph import Operator, OptionValue
from tinygen.tflite.options import OPTIONS_UNIONS, options_tables
from tinygen.tflite.reader import read_model_bytes
from tinygen.tflite.schema import Field, enum_named, table_fields


def fields_of(table: str) -> dict[str, SchemaObject]:
    """Fields and defaults of an options table, without those that tflite-micro does not have yet."""
    fields = vars(getattr(schema, table + "T")())
    return {name: value for name, value in fields.items() if name not in NEWER_FIELDS}


def test_options_tables_agree_with_the_schema() -> None:
    for union in OPTIONS_UNIONS.values():
        for table in list(enum_named(union).names.values())[1:]:
            fields = fields_of(table)
            assert {camel_case(name) for name in table_fields(table)} == set(fields), table
            if fields:
                assert table in options_tables().values(), table


def sample(field: Field) -> OptionValue:
    """A value of an options field that differs from its default."""
    if field.enum and not field.is_vector:
        others = [name for value, name in field.enum.names.items() if value != field.default]
        return others[-1] if others else field.enum.names[field.default]
    if field.kind == "ubyte":
        return b"\x00\xff\x10"
    if field.is_vector:
        return (0.5, -2.5) if field.kind == "float" else (1, 0, 1)
    if field.kind == "string":
        return "größe"
    if field.kind == "float":
        return float(np.float32(0.3))
    integers = {"int": -7, "uint": 1 << 31, "long": -(1 << 40)}
    return not field.default if field.kind == "bool" else integers[field.kind]


def one_operator(opcode: str, **options: SchemaObject) -> Operator:
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator(opcode, [x], [y], **options).inputs(x).outputs(y)
    return read_model_bytes(builder.build(), "m.tflite").main.operators[0]


@pytest.mark.parametrize("opcode", sorted(options_tables()))
def test_every_option_of_every_operator_is_read(opcode: str) -> None:
    options = {
        name: sample(field) for name, field in table_fields(options_tables()[opcode]).items()
    }
    # "version" of STABLEHLO_COMPOSITE is an option the builder takes for the operator's version.
    read = one_operator(opcode, **{k: v for k, v in options.items() if k != "version"}).options
    assert set(read) == set(options)
    for name, value in options.items():
        if name != "version":
            assert read[name] == value


@pytest.mark.parametrize("opcode", sorted(options_tables()))
def test_missing_options_have_the_schemas_defaults(opcode: str) -> None:
    table = options_tables()[opcode]
    builder = ModelBuilder()
    x, y = builder.tensor((1,)), builder.tensor((1,))
    builder.operator(opcode, [x], [y]).inputs(x).outputs(y)
    operator = builder.model.subgraphs[0].operators[0]
    operator.builtinOptions = operator.builtinOptions2 = None
    operator.builtinOptionsType = operator.builtinOptions2Type = 0
    options = read_model_bytes(builder.build(), "m.tflite").main.operators[0].options
    defaults = fields_of(table)
    assert {camel_case(name) for name in options} == set(defaults)
    for field in table_fields(table).values():
        value, default = options[field.name], defaults[camel_case(field.name)]
        if default is None:  # a vector or string
            assert value in ((), b"", "")
        elif field.enum:
            assert names_of(getattr(schema, field.kind))[str(value)] == default
        else:
            assert value == default


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
