# SPDX-License-Identifier: Apache-2.0
"""The layer of every operator that moves elements by a fixed pattern: a list of strided copies.

TRANSPOSE, SLICE, SPLIT, PACK, PAD and their like differ only in which elements go where, and that is
known at compile time. A lowering says it with NumPy views of its operands and outputs (``Canvas``);
the strides of those views are the copies, which the reference and the C kernel both carry out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.ops.dtypes import I32
from tinygen.ops.view import OperatorView

MAX_DIMENSIONS = 6
"""Loops of the C kernel around its contiguous run; no TFLM operator needs more."""


@dataclass(frozen=True)
class Copy:
    """One nest of loops: element i of ``extents`` goes from the source to the sink.

    ``source`` and ``sink`` number the layer's operands and outputs; offsets and strides count
    elements. Neighbouring loops that walk contiguous memory are merged.
    """

    source: int
    sink: int
    source_offset: int
    sink_offset: int
    extents: tuple[int, ...]
    source_strides: tuple[int, ...]
    sink_strides: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Move(Layer):
    """Copies in order, after every output has been filled with ``fill`` if there is one.

    All operands and outputs have the element type ``dtype``. ``operands`` may be constants.
    """

    operands: tuple[Operand, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    dtype: DType
    copies: tuple[Copy, ...]
    fill: int | float | None = None

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        sources = [np.ascontiguousarray(v) for v in operand_values(self.operands, inputs)]
        sinks = [
            np.full(shape, 0 if self.fill is None else self.fill, dtype=self.dtype.numpy)
            for shape in self.output_shapes
        ]
        for copy in self.copies:
            source = _strided(
                sources[copy.source], copy.source_offset, copy.extents, copy.source_strides
            )
            _strided(sinks[copy.sink], copy.sink_offset, copy.extents, copy.sink_strides)[...] = (
                source
            )
        return tuple(sinks)


def _strided(
    array: AnyArray, offset: int, extents: tuple[int, ...], strides: tuple[int, ...]
) -> AnyArray:
    size = array.itemsize
    return as_strided(array.reshape(-1)[offset:], extents, [size * stride for stride in strides])


class Canvas:
    """Collects the copies of one operator.

    ``sources`` and ``sinks`` are arrays shaped as the operands and outputs; views of them (slices,
    transpositions, reshapes that copy nothing, broadcasts) are what ``copy`` takes.
    """

    def __init__(
        self, sources: Sequence[tuple[int, ...]], sinks: Sequence[tuple[int, ...]]
    ) -> None:
        self.sources = [np.zeros(shape, dtype=np.int8) for shape in sources]
        self.sinks = [np.zeros(shape, dtype=np.int8) for shape in sinks]
        self.copies: list[Copy] = []

    def copy(self, source: AnyArray, sink: AnyArray) -> None:
        """Copy a view of one of the sources to a view of one of the sinks, of the same shape."""
        assert source.shape == sink.shape, (source.shape, sink.shape)
        if source.size == 0:
            return
        from_index, from_offset = _place(source, self.sources)
        to_index, to_offset = _place(sink, self.sinks)
        loops = _merged(source, sink)
        self.copies.append(
            Copy(
                from_index,
                to_index,
                from_offset,
                to_offset,
                tuple(extent for extent, _, _ in loops),
                tuple(stride for _, stride, _ in loops),
                tuple(stride for _, _, stride in loops),
            )
        )


def _place(array: AnyArray, bases: Sequence[AnyArray]) -> tuple[int, int]:
    """Which of the base arrays a view belongs to, and the offset of its first element."""
    address = array.__array_interface__["data"][0]
    for number, base in enumerate(bases):
        start = base.__array_interface__["data"][0]
        if start <= address < start + base.size:
            return number, address - start
    raise AssertionError("the view copies its base")


def _merged(source: AnyArray, sink: AnyArray) -> list[tuple[int, int, int]]:
    """Loops (extent, source stride, sink stride), outermost first, contiguous neighbours merged."""
    loops: list[tuple[int, int, int]] = []
    for extent, from_stride, to_stride in zip(
        source.shape, source.strides, sink.strides, strict=True
    ):
        if extent == 1:
            continue
        if loops and loops[-1][1] == extent * from_stride and loops[-1][2] == extent * to_stride:
            loops[-1] = (loops[-1][0] * extent, from_stride, to_stride)
        else:
            loops.append((extent, from_stride, to_stride))
    return loops or [(1, 1, 1)]


def move_layer(
    view: OperatorView,
    canvas: Canvas,
    operands: Sequence[Tensor],
    fill: int | float | None = None,
) -> Move:
    """The layer of an operator whose copies are on the canvas."""
    outputs = [view.output(position) for position in range(len(view.operator.outputs))]
    if any(len(copy.extents) > MAX_DIMENSIONS for copy in canvas.copies):
        view.unsupported(f"it moves elements along more than {MAX_DIMENSIONS} dimensions")
    return Move(
        operator=view.operator,
        inputs=tuple(tensor.index for tensor in operands if tensor.data is None),
        outputs=tuple(tensor.index for tensor in outputs),
        operands=tuple(Operand(tensor.shape, tensor.data) for tensor in operands),
        output_shapes=tuple(tensor.shape for tensor in outputs),
        dtype=outputs[0].dtype,
        copies=tuple(canvas.copies),
        fill=fill,
    )


def rearranged(view: OperatorView, values: Tensor, pick: Callable[[AnyArray], AnyArray]) -> Move:
    """The layer of an operator whose output has, in order, what ``pick`` views of its input."""
    canvas = Canvas([values.shape], [view.output().shape])
    picked = pick(canvas.sources[0])
    canvas.copy(picked, canvas.sinks[0].reshape(picked.shape))
    return move_layer(view, canvas, [values])


def constant_integers(view: OperatorView, position: int, *dtypes: DType) -> list[int]:
    """The elements of a constant int32 operand (or of the types given), flattened."""
    tensor = view.input(position)
    view.require_dtype(tensor, *(dtypes or (I32,)))
    return [int(value) for value in view.require_constant(tensor).reshape(-1).tolist()]


def constant_integer(view: OperatorView, position: int) -> int:
    """The only element of a constant int32 operand."""
    values = constant_integers(view, position)
    if len(values) != 1:
        view.invalid(f"tensor {view.input(position).name!r} has {len(values)} elements, not one")
    return values[0]


def checked_axis(view: OperatorView, axis: int, rank: int) -> int:
    """The axis counted from 0; a negative one counts from behind."""
    if not -rank <= axis < rank:
        view.invalid(f"the axis {axis} is outside the {rank} dimensions")
    return axis % rank
