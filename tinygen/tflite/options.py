# SPDX-License-Identifier: Apache-2.0
"""Which options table each built-in operator has, and how one is read into ``Operator.options``.

Source: ``flatbuffer_conversions.cc`` of tflite-micro for which operator reads which table.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tinygen.ir.graph import OptionValue
from tinygen.tflite.flatbuffer import Table
from tinygen.tflite.schema import Field, enum_named, table_fields

OPTIONS_UNIONS = {"builtin_options": "BuiltinOptions", "builtin_options_2": "BuiltinOptions2"}
"""By field of ``Operator``: the union of the tables that it may hold."""

_SHARED = {
    "Pool2DOptions": "AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D",
    "Conv3DOptions": "CONV_3D CONV_3D_TRANSPOSE",
    "ReducerOptions": "MEAN SUM REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY REDUCE_ALL",
    "RandomOptions": "RANDOM_STANDARD_NORMAL RANDOM_UNIFORM MULTINOMIAL",
    "SequenceRNNOptions": "UNIDIRECTIONAL_SEQUENCE_RNN",
    "L2NormOptions": "L2_NORMALIZATION",
}
"""The operators of the tables that are not called as their one operator is."""


@cache
def options_tables() -> Mapping[str, str]:
    """The options table each operator reads; operators without options are absent."""
    tables = {
        _letters(table.removesuffix("Options")): table
        for union in OPTIONS_UNIONS.values()
        for table in enum_named(union).names.values()
        if table != "NONE" and table_fields(table)
    }
    named_alike = {
        operator: tables[_letters(operator)]
        for operator in enum_named("BuiltinOperator").names.values()
        if _letters(operator) in tables
    }
    shared = {name: table for table, operators in _SHARED.items() for name in operators.split()}
    return named_alike | shared


def _letters(name: str) -> str:
    return name.replace("_", "").upper()


def read_options(table_name: str, table: Table | None) -> dict[str, OptionValue]:
    """Every field of an options table under its schema name, enums by name, defaults filled in.

    Args:
        table_name: the table's name in the schema, such as ``Conv2DOptions``.
        table: where it is in the file, or None for one that is not there.

    Raises:
        ModelError: an enum has a value the schema does not define, or the table is damaged.
    """
    return {name: _value(field, table) for name, field in table_fields(table_name).items()}


def _value(field: Field, table: Table | None) -> OptionValue:
    """The field's value in ``table``; its default where the table or the field is absent."""
    if field.kind == "ubyte" and field.is_vector:
        return table.array(field.name).tobytes() if table else b""
    if field.is_vector:
        return tuple(table.array(field.name).tolist()) if table else ()
    if field.kind == "string":
        return table.string(field.name) if table else ""
    if field.kind == "float":
        return table.real(field.name) if table else 0.0
    value = table.integer(field.name) if table else field.default
    if field.kind == "bool":
        return bool(value)
    if field.enum is None:
        return value
    if table and value not in field.enum.names:
        table.fail(f"has {field.name} = {value}, which {field.kind} does not define")
    return field.enum.names[value]
