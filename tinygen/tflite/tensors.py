# SPDX-License-Identifier: Apache-2.0
"""Tensors of a .tflite file: types, shapes, quantization, constant data.

Source of the semantics: ``schema.fbs`` and ``micro_allocator.cc`` of tflite-micro.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir.graph import AnyArray, DType, Quantization, Tensor
from tinygen.tflite.flatbuffer import DAMAGED_HINT, FlatBuffer, Table
from tinygen.tflite.schema import enum_named

_MAX_RANK = 32  # NumPy's limit before 2.0, far above what any operator takes
_MAX_BYTES = 1 << 48  # keeps products of sizes far from overflow; no machine holds such a tensor
_MAX_NAME = 80


class Buffers:
    """The file's buffers of constant data, in the flatbuffer or behind it.

    Args:
        file: the file.
        tables: its buffer tables.
    """

    def __init__(self, file: FlatBuffer, tables: Sequence[Table]) -> None:
        self.file = file
        self._spans = [self._span(table) for table in tables]

    def _span(self, table: Table) -> tuple[int, int]:
        offset = table.integer("offset")
        if offset <= 1:  # the schema: "only valid if > 1"
            return table.span("data")
        size = table.integer("size")
        self.file.check(offset, size, table.label)
        return offset, size

    def content(self, index: int, label: str) -> NDArray[np.uint8]:
        """The bytes of a buffer, a read-only view of the file; ``label`` names who refers to it."""
        if index >= len(self._spans):
            self.file.fail(f"{label} refers to buffer {index} of {len(self._spans)}")
        position, size = self._spans[index]
        return np.frombuffer(self.file.data, np.uint8, size, position)


def read_tensor(table: Table, index: int, buffers: Buffers, *, computed: bool) -> Tensor:
    """Read one tensor table.

    Args:
        table: where it is in the file.
        index: its index in the subgraph.
        buffers: the file's constant data.
        computed: whether the tensor is an input of its subgraph or an operator's output or
            intermediate. One without elements that is neither is a constant, though its buffer
            is empty.

    Raises:
        ModelError: the table is damaged, or the constant's size does not fit type and shape.
        UnsupportedError: sparse, blockwise quantized, stored in another file, or of a float8 type.
    """
    name = table.string("name")
    table.label = f"{table.label} ({_shortened(name)!r})"
    dtype = _dtype(table)
    shape, open_dimensions = _shape(table, dtype)
    if table.has("sparsity"):
        _refuse(table, "is sparse", "Export the model without sparse (pruned) tensor storage.")
    if table.integer("external_buffer"):
        _refuse(table, "keeps its data in another file", "Export the model as a single file.")
    content = buffers.content(table.integer("buffer"), table.label)
    is_constant = content.size > 0 or (0 in shape and not computed)
    return Tensor(
        index=index,
        name=name,
        dtype=dtype,
        shape=shape,
        quantization=_quantization(table),
        data=_constant(table, content, dtype, shape) if is_constant else None,
        is_variable=bool(table.integer("is_variable")),
        open_dimensions=open_dimensions,
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"


def _refuse(table: Table, what: str, hint: str) -> NoReturn:
    raise UnsupportedError(
        f"{table.buffer.source}: {table.label} {what}, which is not supported.", hint
    )


def _dtype(table: Table) -> DType:
    code = table.integer("type")
    names = enum_named("TensorType").names
    if code not in names:
        table.fail(f"has type {code}, which TFLite does not define")
    if names[code] not in DType.__members__:
        _refuse(table, f"is of type {names[code]}", "Quantize the model to int8.")
    return DType[names[code]]


def _shape(table: Table, dtype: DType) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The static shape, and the dimensions that the file leaves open."""
    stored: list[int] = table.array("shape").tolist()
    signature: list[int] = table.array("shape_signature").tolist()
    if len(stored) > _MAX_RANK:
        table.fail(f"has {len(stored)} dimensions")
    if any(size < -1 for size in stored):
        table.fail(f"has shape {tuple(stored)}")
    # Converters write 1 for an open dimension and -1 in the signature; old ones -1 in the shape.
    shape = tuple(1 if size == -1 else size for size in stored)
    if math.prod(max(size, 1) for size in shape) * max(dtype.bits, 8) > 8 * _MAX_BYTES:
        table.fail(f"has shape {shape}, larger than any memory")
    sizes = signature if len(signature) == len(stored) else stored
    return shape, tuple(i for i, pair in enumerate(zip(stored, sizes, strict=True)) if -1 in pair)


def _quantization(table: Table) -> Quantization | None:
    details = table.table("quantization", f"quantization of {table.label}")
    if details is None:
        return None
    scales = details.array("scale").tolist()
    zero_points = details.array("zero_point").tolist()
    if details.has("details") and not scales:
        _refuse(table, "is quantized by blocks or by a custom scheme", "Quantize it per axis.")
    if not scales:
        return None
    missing = len(scales) - len(zero_points)
    fill = zero_points[0] if zero_points else 0
    return Quantization(
        scales=tuple(scales),
        # TFLM takes the first zero point for every index of the axis.
        zero_points=tuple(zero_points[: len(scales)]) + (fill,) * max(missing, 0),
        axis=details.integer("quantized_dimension"),
    )


def _constant(
    table: Table, content: NDArray[np.uint8], dtype: DType, shape: tuple[int, ...]
) -> AnyArray:
    """The constant's value in its shape; the raw bytes for types without fixed-size elements."""
    if dtype.numpy is None:
        return content
    elements = math.prod(shape)
    needed = (elements * dtype.bits + 7) // 8
    if content.size != needed:
        raise ModelError(
            f"{table.buffer.source}: {table.label} of type {dtype.value} and shape {shape} needs "
            f"{needed} bytes of constant data, but its buffer has {content.size}.",
            DAMAGED_HINT,
        )
    if dtype.bits < 8:
        table.buffer.charge(elements, table.label)
        values = _unpacked(content, dtype, elements)
    elif dtype is DType.BOOL:
        table.buffer.charge(elements, table.label)
        values = content != 0
    else:
        values = content.view(dtype.numpy.newbyteorder("<"))
        if not values.flags.aligned:
            table.buffer.charge(needed, table.label)
            values = values.copy()
    values = values.reshape(shape)
    values.flags.writeable = False
    return values


def _unpacked(content: NDArray[np.uint8], dtype: DType, elements: int) -> NDArray[Any]:
    """One element a byte; the first element of each byte is in its low bits."""
    bits = dtype.bits
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    raw = (content[:, np.newaxis] >> shifts & ((1 << bits) - 1)).reshape(-1)[:elements]
    if dtype is DType.UINT4:
        return raw
    sign = 1 << (bits - 1)
    signed: NDArray[np.int8] = (raw.astype(np.int8) ^ np.int8(sign)) - np.int8(sign)
    return signed
