# SPDX-License-Identifier: Apache-2.0
"""``schema.fbs`` against the code that flatc made of TensorFlow Lite's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.models.builder import names_of
from tinygen.tflite.options import OPTIONS_UNIONS, options_tables
from tinygen.tflite.schema import enum_named, table_fields

_TABLES = [
    *("Model", "SubGraph", "Tensor", "QuantizationParameters", "OperatorCode", "Operator"),
    *("Buffer", "Metadata", "TensorMap", "SignatureDef"),
]
_SLOTS = {
    "bool": "Bool",
    "byte": "Int8",
    "ubyte": "Uint8",
    "int": "Int32",
    "uint": "Uint32",
    "long": "Int64",
    "ulong": "Uint64",
    "float": "Float32",
}
"""What flatc calls the types of numbers."""


class Recorder:
    """A builder of flatbuffers that only remembers how it was asked to write a field."""

    def __getattr__(self, method: str) -> Callable[[int, int, int], None]:
        def slot(number: int, _: int, default: int) -> None:
            self.seen = (method, number, default)

        return slot


@pytest.mark.parametrize("table", sorted({*_TABLES, *options_tables().values()}))
def test_fields_have_the_schemas_numbers_types_and_defaults(table: str) -> None:
    for field in table_fields(table).values():
        recorder = Recorder()
        camel_case = "".join(word.capitalize() for word in field.name.split("_"))
        getattr(schema, f"{table}Add{camel_case}")(recorder, 0)
        slot = "UOffsetTRelative" if field.is_vector else _SLOTS.get(field.stored_kind)
        default = 0 if field.is_vector else field.default
        expected = (f"Prepend{slot or 'UOffsetTRelative'}Slot", field.number, default)
        assert recorder.seen == expected, field.name


def test_enums_have_the_schemas_values() -> None:
    fields = (
        field
        for table in (*_TABLES, *options_tables().values())
        for field in table_fields(table).values()
    )
    names = {field.kind for field in fields if field.enum}
    assert {"BuiltinOperator", "TensorType", "Padding"} < names
    for name in names | set(OPTIONS_UNIONS.values()):
        values = {value: name for name, value in names_of(getattr(schema, name)).items()}
        assert enum_named(name).names == values, name
