# SPDX-License-Identifier: Apache-2.0
"""Reads the options of custom operators: a FlexBuffers map of numbers.

Source: FlatBuffers' ``flexbuffers.h``. Only what the signal operators write is understood: maps from
names to integers, floating-point numbers and booleans.
"""

from __future__ import annotations

import struct

from tinygen.errors import ModelError

_MAP = 9
_INT, _UINT, _FLOAT, _BOOL = 1, 2, 3, 26
_INTEGERS = {1: "<b", 2: "<h", 4: "<i", 8: "<q"}
_FLOATS = {4: "<f", 8: "<d"}

Value = int | float | bool


def read_flexbuffer_map(data: bytes, label: str) -> dict[str, Value]:
    """The map's entries; ModelError naming ``label`` if the bytes are no such map."""
    try:
        return _read(data)
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise ModelError(
            f"{label}: its custom options are no FlexBuffers map of numbers."
        ) from error


def _unsigned(data: bytes, position: int, width: int) -> int:
    if position < 0 or position + width > len(data):
        raise IndexError(position)
    return int.from_bytes(data[position : position + width], "little")


def _read(data: bytes) -> dict[str, Value]:
    root_width, root_type = data[-1], data[-2]
    position = len(data) - 2 - root_width
    if root_type >> 2 != _MAP:
        raise ValueError(root_type)
    width = 1 << (root_type & 3)
    start = position - _unsigned(data, position, root_width)
    count = _unsigned(data, start - width, width)
    keys = start - 3 * width - _unsigned(data, start - 3 * width, width)
    key_width = _unsigned(data, start - 2 * width, width)
    entries: dict[str, Value] = {}
    for number in range(count):
        place = keys + number * key_width
        name = place - _unsigned(data, place, key_width)
        key = data[name : data.index(b"\0", name)].decode()
        packed = data[start + count * width + number]
        entries[key] = _number(data, start + number * width, width, packed)
    return entries


def _number(data: bytes, position: int, width: int, packed: int) -> Value:
    kind = packed >> 2
    raw = data[position : position + width]
    if kind == _BOOL:
        return any(raw)
    if kind == _UINT:
        return int.from_bytes(raw, "little")
    if kind == _FLOAT:
        return float(struct.unpack(_FLOATS[width], raw)[0])
    if kind == _INT:
        return int(struct.unpack(_INTEGERS[width], raw)[0])
    raise ValueError(kind)
