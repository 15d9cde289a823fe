# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of every operator that moves elements by a fixed pattern."""

from __future__ import annotations

import math

import numpy as np

from tinygen.kernels import binding as k
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.nest import nest_struct
from tinygen.kernels.operands import operand_arguments
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.strided import Copy, Move

_COSTS = Costs("portable.strided")


def _runs(copy: Copy, size: int) -> tuple[int, list[tuple[int, tuple[int, int]]]]:
    """Bytes that are contiguous on both sides, and the loops around them with steps in bytes."""
    loops = [
        (extent, (size * source, size * sink))
        for extent, source, sink in zip(
            copy.extents, copy.source_strides, copy.sink_strides, strict=True
        )
    ]
    if loops and loops[-1][1] == (size, size):
        return size * loops[-1][0], loops[:-1]
    return size, loops


def _overlaps(layer: Move, size: int) -> tuple[k.Overlap, ...]:
    """Where a part of an output is a run of an operand, it may stand in it, and is not copied.

    A copy must not write over what another reads of the same operand: of the copies of the operand or
    of those into the output it is the only one.
    """
    if layer.fill is not None:
        return ()
    runtime = iter(layer.inputs)
    tensors = [None if o.constant is not None else next(runtime) for o in layer.operands]
    found = []
    for copy in layer.copies:
        tensor = tensors[copy.source]
        _, loops = _runs(copy, size)
        sources = sum(1 for other in layer.copies if other.source == copy.source)
        sinks = sum(1 for other in layer.copies if other.sink == copy.sink)
        lead = (copy.sink_offset - copy.source_offset) * size
        if (
            tensor is not None
            and layer.inputs.count(tensor) == 1
            and not loops
            and min(sources, sinks) == 1
            and lead % k.ARENA_ALIGNMENT == 0
        ):
            found.append(k.Overlap(tensor, layer.outputs[copy.sink], lead, exact=True))
    return tuple(found)


def _bind(layer: Move) -> k.Binding:
    dtype = layer.dtype.numpy
    assert dtype is not None
    count = len(layer.operands)
    names = [f"operand_{number}" for number in range(count)]
    ctypes = ("uint8_t",) * count
    sources = operand_arguments(layer, layer.operands, names, (dtype,) * count, ctypes)
    sinks = [k.TensorArgument(i, writable=True, ctype="uint8_t") for i in layer.outputs]
    calls = []
    if layer.fill is not None:
        fill = k.Constant("fill", np.array([layer.fill], dtype=dtype), cast="const uint8_t *")
        for shape, sink in zip(layer.output_shapes, sinks, strict=True):
            calls.append(k.Call("tinygen_fill", (math.prod(shape), dtype.itemsize, fill, sink)))
    for copy in layer.copies:
        run, loops = _runs(copy, dtype.itemsize)
        parameters = struct(
            "tinygen_strided_copy_params",
            nest=nest_struct(loops),
            run_bytes=run,
            source_offset=copy.source_offset * dtype.itemsize,
            sink_offset=copy.sink_offset * dtype.itemsize,
        )
        calls.append(
            k.Call("tinygen_strided_copy", (parameters, sources[copy.source], sinks[copy.sink]))
        )
    return k.Binding(
        calls=tuple(calls),
        headers=("portable/strided_copy.h",),
        overlaps=_overlaps(layer, dtype.itemsize),
    )


@portable("strided_copy", Move)
def strided_copy(layer: Move) -> Offer:
    """Run by run, as long as source and sink both go on."""
    dtype = layer.dtype.numpy
    assert dtype is not None
    cycles = 0.0
    for copy in layer.copies:
        run, _ = _runs(copy, dtype.itemsize)
        moved = math.prod(copy.extents) * dtype.itemsize
        cycles += moved / run * _COSTS.per_run + moved * _COSTS.per_byte
    return Offer(cycles, lambda: _bind(layer))


KERNELS = (strided_copy,)
