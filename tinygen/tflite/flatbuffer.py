# SPDX-License-Identifier: Apache-2.0
"""Bounds-checked reading of flatbuffers: tables, strings, vectors.

Knows the wire format (https://flatbuffers.dev/internals); fields and their types are the schema's.
Every offset is checked against the buffer before it is followed. A damaged file can make many
references share one large part, so the bytes handed out are counted: reading stops once they exceed
a small multiple of the file, which keeps the time linear in its size.
"""

from __future__ import annotations

import struct
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tinygen.errors import ModelError
from tinygen.tflite.schema import table_fields

_KINDS = {
    "bool": "?",
    "byte": "b",
    "ubyte": "B",
    "short": "h",
    "ushort": "H",
    "int": "i",
    "uint": "I",
    "long": "q",
    "ulong": "Q",
    "float": "f",
}
_SCALARS = {kind: struct.Struct("<" + code) for kind, code in _KINDS.items()}
_DTYPES = {kind: np.dtype("<" + code) for kind, code in _KINDS.items()}
_DTYPES["bool"] = np.dtype(
    "u1"
)  # any byte is a valid one, and not every byte is a valid NumPy bool

# A sound file is read about once; parts shared on purpose (strings, shapes) add little.
_READS_OF_FILE = 4
_READS_ALWAYS = 1 << 16
_TABLE_OVERHEAD = 8

DAMAGED_HINT = "The file is truncated or corrupted: copy, download or convert it again."


class FlatBuffer:
    """The bytes of a file, with the name that messages give it.

    Args:
        data: the whole file; the root offset is at byte 0.
        source: the file's name for messages.
    """

    def __init__(self, data: bytes, source: str) -> None:
        self.data = data
        self.source = source
        self._allowance = _READS_OF_FILE * len(data) + _READS_ALWAYS

    def fail(self, what: str) -> NoReturn:
        """Raise the ``ModelError`` that says the file is damaged, and how."""
        raise ModelError(f"{self.source} is damaged: {what}.", DAMAGED_HINT)

    def charge(self, nbytes: int, label: str) -> None:
        """Count bytes handed out; fails when the file cannot be sound any more."""
        self._allowance -= nbytes
        if self._allowance < 0:
            self.fail(f"its parts overlap each other (seen at {label})")

    def check(self, position: int, size: int, label: str) -> None:
        """Fail unless ``size`` bytes at ``position`` lie in the file."""
        if position < 0 or position + size > len(self.data):
            self.fail(f"{label} lies beyond the end of the file ({len(self.data)} bytes)")

    def scalar(self, kind: str, position: int, label: str) -> int | float:
        """The little-endian number of schema type ``kind`` at ``position``."""
        scalar = _SCALARS[kind]
        self.check(position, scalar.size, label)
        value: int | float = scalar.unpack_from(self.data, position)[0]
        return value

    def integer(self, kind: str, position: int, label: str) -> int:
        """The integer of schema type ``kind`` at ``position``."""
        return int(self.scalar(kind, position, label))

    def follow(self, position: int, label: str) -> int:
        """Where the forward offset stored at ``position`` leads."""
        return position + self.integer("uint", position, label)

    def root(self, kind: str, label: str) -> Table:
        """The root table, which is a ``kind`` of the schema."""
        return Table(self, kind, self.follow(0, label), label)


class Table:
    """One table of the file; its fields have the schema's names and types.

    Absent fields give the default: the schema's, an empty string, an empty array, None or no tables.

    Args:
        buffer: the file.
        kind: which table of the schema it is.
        position: where the table starts.
        label: what messages call the table, such as ``subgraph 0, tensor 3``.
    """

    __slots__ = ("_fields", "_vtable", "_vtable_size", "buffer", "label", "position")

    def __init__(self, buffer: FlatBuffer, kind: str, position: int, label: str) -> None:
        self._fields = table_fields(kind)
        self.buffer = buffer
        self.position = position
        self.label = label
        self._vtable = position - buffer.integer("int", position, label)
        self._vtable_size = buffer.integer("ushort", self._vtable, label)
        buffer.check(self._vtable, self._vtable_size, label)
        size = buffer.integer("ushort", self._vtable + 2, label)
        buffer.check(position, size, label)
        buffer.charge(size + _TABLE_OVERHEAD, label)

    def fail(self, what: str) -> NoReturn:
        """Raise the ``ModelError`` that says what is wrong with this table."""
        self.buffer.fail(f"{self.label} {what}")

    def _position(self, field: str) -> int | None:
        entry = 4 + 2 * self._fields[field].number
        if entry + 2 > self._vtable_size:
            return None
        offset = self.buffer.integer("ushort", self._vtable + entry, self.label)
        return self.position + offset if offset else None

    def has(self, field: str) -> bool:
        """Whether the field is present."""
        return self._position(field) is not None

    def integer(self, field: str) -> int:
        """A field that is an integer, an enum or a boolean."""
        declared = self._fields[field]
        position = self._position(field)
        if position is None:
            return declared.default
        return self.buffer.integer(declared.stored_kind, position, self.label)

    def real(self, field: str) -> float:
        """A float field: the float32 value, exactly."""
        position = self._position(field)
        return 0.0 if position is None else float(self.buffer.scalar("float", position, self.label))

    def _vector(self, field: str, item_size: int) -> tuple[int, int]:
        """Position of the first item and number of items; ``(0, 0)`` for an absent vector."""
        reference = self._position(field)
        if reference is None:
            return 0, 0
        position = self.buffer.follow(reference, self.label)
        length = self.buffer.integer("uint", position, self.label)
        self.buffer.check(position + 4, length * item_size, self.label)
        return position + 4, length

    def string(self, field: str) -> str:
        """A string field; bytes that are not UTF-8 become U+FFFD, as names carry no meaning."""
        position, length = self._vector(field, 1)
        self.buffer.charge(length, self.label)
        return self.buffer.data[position : position + length].decode("utf-8", errors="replace")

    def array(self, field: str) -> NDArray[Any]:
        """A vector of numbers: a read-only view of the file."""
        dtype = _DTYPES[self._fields[field].stored_kind]
        position, length = self._vector(field, dtype.itemsize)
        self.buffer.charge(length * dtype.itemsize, self.label)
        return np.frombuffer(self.buffer.data, dtype, length, position)

    def span(self, field: str) -> tuple[int, int]:
        """Position and length of a vector of bytes, without reading it."""
        return self._vector(field, 1)

    def table(self, field: str, label: str, kind: str = "") -> Table | None:
        """A field that is a table, to be called ``label`` in messages; ``kind`` says of a union's."""
        reference = self._position(field)
        if reference is None:
            return None
        kind = kind or self._fields[field].kind
        return Table(self.buffer, kind, self.buffer.follow(reference, label), label)

    def tables(self, field: str, label: str) -> list[Table]:
        """A vector of tables; item ``i`` is called ``label i`` in messages."""
        kind = self._fields[field].kind
        position, length = self._vector(field, 4)
        self.buffer.charge(4 * length, self.label)
        return [
            Table(self.buffer, kind, self.buffer.follow(item, name), name)
            for item, name in (
                (position + 4 * index, f"{label} {index}") for index in range(length)
            )
        ]
