# SPDX-License-Identifier: Apache-2.0
"""Operators that move blocks of pixels between the spatial axes and the batch or the channels.

SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND, SPACE_TO_DEPTH, DEPTH_TO_SPACE. Semantics: the TFLM files of those
names. Each lowering says with NumPy views what goes where.
"""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import Tensor
from tinygen.ir.layer import Layer
from tinygen.ops.dtypes import F32, I8
from tinygen.ops.quantized import zero_point
from tinygen.ops.registry import operator
from tinygen.ops.strided import Canvas, constant_integers, move_layer, rearranged
from tinygen.ops.view import OperatorView


def _blocks(view: OperatorView, rank: int) -> tuple[list[int], list[list[int]]]:
    """The block shape and the two ends of each spatial axis of a SPACE_TO_BATCH_ND or its inverse."""
    blocks = constant_integers(view, 1)
    ends = constant_integers(view, 2)
    if len(blocks) != rank - 2 or len(ends) != 2 * len(blocks):
        view.invalid(f"the block shape {blocks} does not fit {rank} dimensions")
    if any(block < 1 for block in blocks) or any(end < 0 for end in ends):
        view.invalid(f"a block shape {blocks} with ends {ends} is impossible")
    return blocks, [ends[2 * i : 2 * i + 2] for i in range(len(blocks))]


@operator("SPACE_TO_BATCH_ND", moves=True)
def lower_space_to_batch_nd(view: OperatorView) -> Layer:
    """Fold a SPACE_TO_BATCH_ND.

    The padding is the zero point, as in LiteRT: TFLM leaves its value to uninitialized memory.
    """
    values, output = view.in_and_out(F32, I8, inputs=(3,))
    view.require_rank(values, 3, 4)
    blocks, ends = _blocks(view, len(values.shape))
    padded = [extent + sum(e) for extent, e in zip(values.shape[1:-1], ends, strict=True)]
    if any(extent % block for extent, block in zip(padded, blocks, strict=True)):
        view.invalid(f"padded extents {padded} are no multiples of the blocks {blocks}")
    batches = values.shape[0]
    space = tuple(extent // block for extent, block in zip(padded, blocks, strict=True))
    view.require_shape(output, (batches * int(np.prod(blocks)), *space, values.shape[-1]))
    canvas = Canvas([values.shape], [output.shape])
    for number, shifts in enumerate(np.ndindex(*blocks)):
        part = slice(number * batches, (number + 1) * batches)
        source_cut, sink_cut = [slice(None)], [part]
        for axis, shift in enumerate(shifts):
            block, before = blocks[axis], ends[axis][0]
            first = max(0, -(-(before - shift) // block))
            start = first * block + shift - before
            count = len(range(start, values.shape[1 + axis], block))
            source_cut.append(slice(start, None, block) if count else slice(0))
            sink_cut.append(slice(first, first + count))
        canvas.copy(canvas.sources[0][tuple(source_cut)], canvas.sinks[0][tuple(sink_cut)])
    fill = zero_point(view, output) if output.dtype is I8 else 0
    return move_layer(view, canvas, [values], fill=fill if any(map(any, ends)) else None)


@operator("BATCH_TO_SPACE_ND", moves=True)
def lower_batch_to_space_nd(view: OperatorView) -> Layer:
    """Fold a BATCH_TO_SPACE_ND."""
    values, output = view.in_and_out(F32, I8, inputs=(3,))
    view.require_rank(values, 3, 4)
    blocks, crops = _blocks(view, len(values.shape))
    count = int(np.prod(blocks))
    if values.shape[0] % count:
        view.invalid(f"a batch of {values.shape[0]} does not fill blocks of {blocks}")
    batches = values.shape[0] // count
    space = tuple(
        extent * block - sum(crop)
        for extent, block, crop in zip(values.shape[1:-1], blocks, crops, strict=True)
    )
    view.require_shape(output, (batches, *space, values.shape[-1]))
    canvas = Canvas([values.shape], [output.shape])
    for number, shifts in enumerate(np.ndindex(*blocks)):
        part = slice(number * batches, (number + 1) * batches)
        source_cut, sink_cut = [part], [slice(None)]
        for axis, shift in enumerate(shifts):
            block, before = blocks[axis], crops[axis][0]
            first = max(0, -(-(before - shift) // block))
            start = first * block + shift - before
            taken = min(len(range(start, space[axis], block)), values.shape[1 + axis] - first)
            source_cut.append(slice(first, first + max(0, taken)))
            sink_cut.append(slice(start, start + max(0, taken) * block, block))
        canvas.copy(canvas.sources[0][tuple(source_cut)], canvas.sinks[0][tuple(sink_cut)])
    return move_layer(view, canvas, [values])


_BLOCKS_APART = (0, 1, 3, 2, 4, 5)
"""Swaps the axes of blocks and of columns."""


def _depth_blocks(view: OperatorView) -> tuple[Tensor, Tensor, int]:
    values, output = view.in_and_out(F32, I8)
    view.require_rank(values, 4)
    block = view.option("block_size", int)
    if block < 1:
        view.invalid(f"the block size {block} is not positive")
    return values, output, block


@operator("SPACE_TO_DEPTH", moves=True)
def lower_space_to_depth(view: OperatorView) -> Layer:
    """Fold a SPACE_TO_DEPTH."""
    values, output, block = _depth_blocks(view)
    batches, height, width, depth = values.shape
    if height % block or width % block:
        view.invalid(f"an image of {height} × {width} does not split into blocks of {block}")
    rows, columns = height // block, width // block
    view.require_shape(output, (batches, rows, columns, depth * block * block))
    pixels = (batches, rows, block, columns, block, depth)
    return rearranged(view, values, lambda source: source.reshape(pixels).transpose(_BLOCKS_APART))


@operator("DEPTH_TO_SPACE", moves=True)
def lower_depth_to_space(view: OperatorView) -> Layer:
    """Fold a DEPTH_TO_SPACE."""
    values, output, block = _depth_blocks(view)
    batches, height, width, channels = values.shape
    if channels % (block * block):
        view.invalid(f"{channels} channels do not split into blocks of {block} × {block}")
    depth = channels // (block * block)
    view.require_shape(output, (batches, height * block, width * block, depth))
    pixels = (batches, height, width, block, block, depth)
    return rearranged(view, values, lambda source: source.reshape(pixels).transpose(_BLOCKS_APART))
