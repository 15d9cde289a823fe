# SPDX-License-Identifier: Apache-2.0
"""Portable kernels that move elements: CONCATENATION, PAD; RESHAPE needs none."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Overlap,
    Struct,
    TensorArgument,
)
from tinygen.kernels.portable.base import PortableKernel, int_array
from tinygen.ops.movement import Concatenation, Reshape
from tinygen.ops.pad import Pad

_CYCLES_PER_BYTE = 1.0
_CYCLES_PER_BLOCK = 30.0
_PAD_OUTER_AXES = 4


def _element_bytes(layer: Concatenation) -> int:
    return layer.dtype.bits // 8


def _bind_concatenation(layer: Concatenation) -> Binding:
    blocks = math.prod(layer.output_shape[: layer.axis])
    inner_bytes = math.prod(layer.output_shape[layer.axis + 1 :]) * _element_bytes(layer)
    remaining = iter(layer.inputs)
    calls, constants, overlaps = [], [], []
    offset = 0
    for position, operand in enumerate(layer.operands):
        block_bytes = operand.shape[layer.axis] * inner_bytes
        parameters = Struct(
            "tinygen_concatenate_params",
            (
                ("blocks", blocks),
                ("block_bytes", block_bytes),
                ("output_step", layer.output_shape[layer.axis] * inner_bytes),
                ("output_offset", offset),
            ),
            label=f"operand_{position}",
        )
        source: Field
        if operand.constant is None:
            tensor = next(remaining)
            source = TensorArgument(tensor, ctype="uint8_t")
            if blocks == 1 and layer.inputs.count(tensor) == 1:
                # Computed where it belongs, an operand is not copied.
                overlaps.append(Overlap(tensor, layer.outputs[0], offset, exact=True))
        else:
            source = ConstantArgument(f"operand_{position}", cast="const uint8_t *")
            constants.append(Constant(f"operand_{position}", operand.constant))
        target = TensorArgument(layer.outputs[0], writable=True, ctype="uint8_t")
        calls.append(Call("tinygen_concatenate", (parameters, source, target)))
        offset += block_bytes
    return Binding(
        calls=tuple(calls),
        headers=("portable/copy.h",),
        constants=tuple(constants),
        overlaps=tuple(overlaps),
    )


def _concatenation_cycles(layer: Concatenation) -> float:
    blocks = math.prod(layer.output_shape[: layer.axis]) * len(layer.operands)
    size = math.prod(layer.output_shape) * _element_bytes(layer)
    return blocks * _CYCLES_PER_BLOCK + size * _CYCLES_PER_BYTE


def _bind_reshape(layer: Reshape) -> Binding:  # noqa: ARG001 - whatever the shapes
    return Binding(calls=())


def _reshape_cycles(layer: Reshape) -> float:  # noqa: ARG001 - whatever the shapes
    return 0.0


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


def _bind_pad(layer: Pad) -> Binding:
    axes = _pad_axes(layer)
    outputs = [sum(axis) for axis in axes]
    steps = [math.prod(outputs[axis + 1 :]) for axis in range(len(axes))]
    parameters = Struct(
        "tinygen_pad_s8_params",
        (
            ("extents", int_array([extent for _, extent, _ in axes[:-1]])),
            ("steps", int_array(steps[:-1])),
            ("row_length", axes[-1][1]),
            (
                "output_offset",
                sum(before * step for (before, _, _), step in zip(axes, steps, strict=True)),
            ),
            ("output_length", math.prod(outputs)),
            ("value", layer.value),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_pad_s8",
                (
                    parameters,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                ),
            ),
        ),
        headers=("portable/copy.h",),
    )


def _pad_cycles(layer: Pad) -> float:
    rows = math.prod(extent for _, extent, _ in _pad_axes(layer)[:-1])
    size = math.prod(layer.input_shape) + math.prod(layer.output_shape)
    return rows * _CYCLES_PER_BLOCK + size * _CYCLES_PER_BYTE


KERNELS: Sequence[Kernel] = (
    PortableKernel("concatenate", Concatenation, _bind_concatenation, _concatenation_cycles),
    PortableKernel("view", Reshape, _bind_reshape, _reshape_cycles),
    PortableKernel("pad_s8", Pad, _bind_pad, _pad_cycles),
)
