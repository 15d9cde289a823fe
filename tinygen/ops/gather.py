# SPDX-License-Identifier: Apache-2.0
"""Operators that pick elements by index: GATHER, GATHER_ND, EMBEDDING_LOOKUP, RESIZE_NEAREST_NEIGHBOR.

All are one layer: blocks of elements picked from a table of blocks. Semantics: the TFLM files of
those names. An index out of range, on which TFLM aborts or fails, is refused if it is constant, else
limited to the range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.ops.quantized import scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.strided import constant_integers
from tinygen.ops.view import OperatorView


@dataclass(frozen=True, eq=False, kw_only=True)
class Gather(Layer):
    """For each of ``batches``, for each of ``outer`` tables: blocks picked by the batch's indices.

    A table has ``extents`` blocks of ``inner`` elements, one an index tuple; each of the ``picks`` of
    a batch is a tuple of as many indices. ``operands`` are the tables and the indices. Int8 elements
    become float32 by ``scale`` where that is not 0.
    """

    operands: tuple[Operand, Operand]
    output_shape: tuple[int, ...]
    dtype: DType
    batches: int
    outer: int
    extents: tuple[int, ...]
    picks: int
    inner: int
    scale: float = 0.0

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        tables, indices = operand_values(self.operands, inputs)
        tuples = indices.reshape(self.batches, self.picks, len(self.extents)).astype(np.int64)
        limited = np.clip(tuples, 0, np.array(self.extents) - 1)
        strides = [math.prod(self.extents[i + 1 :]) for i in range(len(self.extents))]
        places = (limited * np.array(strides, dtype=np.int64)).sum(axis=2)
        blocks = tables.reshape(self.batches, self.outer, -1, self.inner)
        picked = np.stack([blocks[b][:, places[b]] for b in range(self.batches)])
        if self.scale:
            picked = picked.astype(np.float32) * np.float32(self.scale)
        return (np.ascontiguousarray(picked).reshape(self.output_shape),)


def _check_constant(view: OperatorView, indices: Tensor, extents: tuple[int, ...]) -> None:
    """That indices which are known already are in range; TFLM fails when it meets them."""
    if indices.data is None:
        return
    tuples = indices.data.reshape(-1, len(extents))
    for column, extent in enumerate(extents):
        outside = tuples[:, column][(tuples[:, column] < 0) | (tuples[:, column] >= extent)]
        if outside.size:
            view.invalid(
                f"tensor {indices.name!r} has the index {outside[0]}, but there are {extent} places"
            )


def _layer(
    view: OperatorView,
    operands: tuple[Tensor, Tensor],
    batches: int,
    outer: int,
    extents: tuple[int, ...],
    picks: int,
    inner: int,
    scale: float = 0.0,
) -> Layer:
    output = view.output()
    _check_constant(view, operands[1], extents)
    return Gather(
        operator=view.operator,
        inputs=tuple(tensor.index for tensor in operands if tensor.data is None),
        outputs=(output.index,),
        operands=(
            Operand(operands[0].shape, operands[0].data),
            Operand(operands[1].shape, operands[1].data),
        ),
        output_shape=output.shape,
        dtype=operands[0].dtype,
        batches=batches,
        outer=outer,
        extents=extents,
        picks=picks,
        inner=inner,
        scale=scale,
    )


def _tables(view: OperatorView, table: Tensor, indices: Tensor) -> None:
    view.require_dtype(table, DType.FLOAT32, DType.INT8)
    view.require_dtype(view.output(), table.dtype)
    view.require_dtype(indices, DType.INT32)


@operator("GATHER", moves=True)
def lower_gather(view: OperatorView) -> Layer:
    """Fold a GATHER along an axis, with leading batch dimensions."""
    view.counts((2,))
    table, indices = view.input(0), view.input(1)
    _tables(view, table, indices)
    rank = len(table.shape)
    axis, batch_dims = view.option("axis", int), view.option("batch_dims", int)
    axis = axis + rank if axis < 0 else axis
    batch_dims = batch_dims + len(indices.shape) if batch_dims < 0 else batch_dims
    if not 0 <= axis < rank or not 0 <= batch_dims <= min(axis, len(indices.shape)):
        view.invalid(f"axis {axis} and batch_dims {batch_dims} do not fit {rank} dimensions")
    if table.shape[:batch_dims] != indices.shape[:batch_dims]:
        view.invalid("its operands have different batches")
    view.require_shape(
        view.output(), table.shape[:axis] + indices.shape[batch_dims:] + table.shape[axis + 1 :]
    )
    return _layer(
        view,
        (table, indices),
        math.prod(table.shape[:batch_dims]),
        math.prod(table.shape[batch_dims:axis]),
        (table.shape[axis],),
        math.prod(indices.shape[batch_dims:]),
        math.prod(table.shape[axis + 1 :]),
    )


@operator("GATHER_ND", moves=True)
def lower_gather_nd(view: OperatorView) -> Layer:
    """Fold a GATHER_ND."""
    view.counts((2,))
    table, indices = view.input(0), view.input(1)
    _tables(view, table, indices)
    depth = indices.shape[-1] if indices.shape else 0
    if not 1 <= depth <= min(len(table.shape), 5):
        view.invalid(f"index tuples of {depth} do not fit {len(table.shape)} dimensions")
    view.require_shape(view.output(), indices.shape[:-1] + table.shape[depth:])
    return _layer(
        view,
        (table, indices),
        1,
        1,
        table.shape[:depth],
        math.prod(indices.shape[:-1]),
        math.prod(table.shape[depth:]),
    )


@operator("EMBEDDING_LOOKUP", typed_by=-1)
def lower_embedding_lookup(view: OperatorView) -> Layer:
    """Fold an EMBEDDING_LOOKUP whose output has the table's type, or is float32 of an int8 table."""
    view.counts((2,))
    indices, table = view.input(0), view.input(1)
    is_dequantized = table.dtype is DType.INT8 and view.output().dtype is DType.FLOAT32
    if is_dequantized:
        view.require_dtype(indices, DType.INT32)
        if zero_point(view, table) != 0:
            view.unsupported(f"tensor {table.name!r} has a zero point other than 0")
    else:
        _tables(view, table, indices)
    view.require_rank(indices, 1)
    if len(table.shape) < 2:
        view.invalid(f"tensor {table.name!r} has less than 2 dimensions")
    view.require_shape(view.output(), indices.shape + table.shape[1:])
    return _layer(
        view,
        (table, indices),
        1,
        1,
        table.shape[:1],
        indices.shape[0],
        math.prod(table.shape[1:]),
        scale(view, table) if is_dequantized else 0.0,
    )


def _nearest(count: int, size: int, align_corners: bool, half_pixel: bool) -> AnyArray:
    """The input position of each output one along an axis. TFLM ``GetNearestNeighbor``."""
    if align_corners and count > 1:
        factor = np.float32(size - 1) / np.float32(count - 1)
    else:
        factor = np.float32(size) / np.float32(count)
    offset = np.float32(0.5 if half_pixel else 0.0)
    positions = (np.arange(count, dtype=np.float32) + offset) * factor
    rounded = np.floor(positions + np.float32(0.5)) if align_corners else np.floor(positions)
    limited: AnyArray = np.clip(rounded.astype(np.int32), 0, size - 1)
    return limited


def resize_geometry(view: OperatorView) -> tuple[Tensor, tuple[int, int], bool, bool]:
    """The NHWC input of a resize, the output's height and width, and its two options."""
    view.counts((2,))
    values, output = view.input(0), view.output()
    view.require_dtype(output, values.dtype)
    view.require_rank(values, 4)
    size = constant_integers(view, 1)
    if len(size) != 2 or min(size) < 1:
        view.invalid(f"{size} is no height and width")
    view.require_shape(output, (values.shape[0], size[0], size[1], values.shape[3]))
    align, half = view.option("align_corners", bool), view.option("half_pixel_centers", bool)
    return values, (size[0], size[1]), align, half


@operator("RESIZE_NEAREST_NEIGHBOR", shares_scale=True)
def lower_resize_nearest_neighbor(view: OperatorView) -> Layer:
    """Fold a RESIZE_NEAREST_NEIGHBOR: pixels picked by constant (row, column) tuples."""
    values, (height, width), align, half = resize_geometry(view)
    view.require_dtype(values, DType.FLOAT32, DType.INT8, DType.INT16)
    batches, rows, columns, channels = values.shape
    y = _nearest(height, rows, align, half)
    x = _nearest(width, columns, align, half)
    tuples = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    spread = np.broadcast_to(tuples, (batches, *tuples.shape)).astype(np.int32)
    places = Tensor(-1, "positions", DType.INT32, spread.shape, data=np.ascontiguousarray(spread))
    return _layer(view, (values, places), batches, 1, (rows, columns), height * width, channels)
