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
from tinygen.tflite.options import OPTIONS_OF_OPERATOR, option_fields
from tinygen.tflite.reader import read_model_bytes
from tinygen.tflite.schema import BUILTIN_OPERATORS, ENUMS, OPTIONS_UNION, OPTIONS_UNION_2


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
        return (0.5, -2.5) if kind == "float" else (1, 0, 1)
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
    defaults = fields_of(table)
    assert {camel_case(name) for name in options} == set(defaults)
    for field in option_fields(table):
        value, default = options[field.name], defaults[camel_case(field.name)]
        if default is None:  # a vector or string
            assert value in ((), b"", "")
        elif field.kind in ENUMS:
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
