# SPDX-License-Identifier: Apache-2.0
"""Portable kernels that move elements: CONCATENATION, PAD; RESHAPE needs none."""

from __future__ import annotations

import math

from tinygen.kernels.binding import Binding, Call, Overlap, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.operands import in_and_out, operand_arguments
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.movement import Concatenation, Reshape
from tinygen.ops.pad import Pad

_COSTS = Costs("portable.movement")
_PAD_OUTER_AXES = 4


def _bind_concatenation(layer: Concatenation) -> Binding:
    blocks = math.prod(layer.output_shape[: layer.axis])
    inner_bytes = math.prod(layer.output_shape[layer.axis + 1 :]) * layer.dtype.bits // 8
    count = len(layer.operands)
    names = [f"operand_{position}" for position in range(count)]
    sources = operand_arguments(layer, layer.operands, names, ctypes=("uint8_t",) * count)
    target = TensorArgument(layer.outputs[0], writable=True, ctype="uint8_t")
    calls, overlaps = [], []
    offset = 0
    for name, operand, source in zip(names, layer.operands, sources, strict=True):
        block_bytes = operand.shape[layer.axis] * inner_bytes
        parameters = struct(
            "tinygen_concatenate_params",
            None,
            name,
            blocks=blocks,
            block_bytes=block_bytes,
            output_step=layer.output_shape[layer.axis] * inner_bytes,
            output_offset=offset,
        )
        calls.append(Call("tinygen_concatenate", (parameters, source, target)))
        tensor = source.tensor if isinstance(source, TensorArgument) else None
        if tensor is not None and blocks == 1 and layer.inputs.count(tensor) == 1:
            # Computed where it belongs, an operand is not copied.
            overlaps.append(Overlap(tensor, layer.outputs[0], offset, exact=True))
        offset += block_bytes
    return Binding(calls=tuple(calls), headers=("portable/copy.h",), overlaps=tuple(overlaps))


@portable("concatenate", Concatenation)
def concatenate(layer: Concatenation) -> Offer:
    """One call an operand."""
    blocks = math.prod(layer.output_shape[: layer.axis]) * len(layer.operands)
    size = math.prod(layer.output_shape) * layer.dtype.bits // 8
    cycles = blocks * _COSTS.per_block + size * _COSTS.per_byte
    return Offer(cycles, lambda: _bind_concatenation(layer))


@portable("view", Reshape)
def view(layer: Reshape) -> Offer:  # noqa: ARG001 - whatever the shapes
    """Nothing to do: the output is the input."""
    return Offer(0.0, lambda: Binding(calls=()))


def _pad_axes(layer: Pad) -> list[tuple[int, int, int]]:
    """(before, extent, after) of each axis; trailing axes merged up to the last one padded.

    Five axes: those missing in front have extent 1.
    """
    axes = [
        (before, extent, after)
        for extent, (before, after) in zip(layer.input_shape, layer.paddings, strict=True)
    ]
    while len(axes) > 1 and axes[-1][0] == axes[-1][2] == 0:
        _, inner, _ = axes.pop()
        before, extent, after = axes.pop()
        axes.append((before * inner, extent * inner, after * inner))
    return [(0, 1, 0)] * (_PAD_OUTER_AXES + 1 - len(axes)) + axes


@portable("pad_s8", Pad)
def pad(layer: Pad) -> Offer:
    """Fills the output, then copies the rows."""
    axes = _pad_axes(layer)
    extents = [extent for _, extent, _ in axes]

    def bind() -> Binding:
        outputs = [sum(axis) for axis in axes]
        steps = [math.prod(outputs[axis + 1 :]) for axis in range(len(axes))]
        parameters = struct(
            "tinygen_pad_s8_params",
            layer,
            extents=extents[:-1],
            steps=steps[:-1],
            row_length=extents[-1],
            output_offset=sum(
                before * step for (before, _, _), step in zip(axes, steps, strict=True)
            ),
            output_length=math.prod(outputs),
        )
        return Binding(
            calls=(Call("tinygen_pad_s8", (parameters, *in_and_out(layer))),),
            headers=("portable/copy.h",),
        )

    size = math.prod(layer.input_shape) + math.prod(layer.output_shape)
    return Offer(math.prod(extents[:-1]) * _COSTS.per_block + size * _COSTS.per_byte, bind)


KERNELS = (concatenate, view, pad)
