# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of ADD and MUL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Struct,
    TensorArgument,
)
from tinygen.kernels.overlap import same_place
from tinygen.kernels.portable.base import PortableKernel, int_array, requantization_struct
from tinygen.ops.binary import Add, Binary, Mul

_OUTER_AXES = 5
_ADD_CYCLES_PER_OUTPUT = 60.0
_MUL_CYCLES_PER_OUTPUT = 30.0


@dataclass(frozen=True)
class _Axis:
    """An axis of the output: its extent, and the operands' elements from one index to the next."""

    extent: int
    lhs_step: int
    rhs_step: int


def _steps(operand: tuple[int, ...], output: tuple[int, ...]) -> list[int]:
    """Elements of the operand from one index of each output axis to the next; 0 if repeated."""
    extents = (1,) * (len(output) - len(operand)) + operand
    return [
        0 if extent == 1 else math.prod(extents[axis + 1 :]) for axis, extent in enumerate(extents)
    ]


def _axes(layer: Binary) -> list[_Axis]:
    """The output's axes, those of extent 1 left out, and neighbours merged where both operands go on.

    Never empty: a single element is one axis of extent 1.
    """
    merged: list[_Axis] = []
    lhs_steps = _steps(layer.lhs.shape, layer.output_shape)
    rhs_steps = _steps(layer.rhs.shape, layer.output_shape)
    for extent, lhs, rhs in zip(layer.output_shape, lhs_steps, rhs_steps, strict=True):
        if extent == 1:
            continue
        if merged and (merged[-1].lhs_step, merged[-1].rhs_step) == (lhs * extent, rhs * extent):
            merged[-1] = _Axis(merged[-1].extent * extent, lhs, rhs)
        else:
            merged.append(_Axis(extent, lhs, rhs))
    return merged or [_Axis(1, 0, 0)]


def _broadcast_struct(layer: Binary) -> Struct:
    *outer, row = _axes(layer)
    outer = [_Axis(1, 0, 0)] * (_OUTER_AXES - len(outer)) + outer
    return Struct(
        "tinygen_broadcast",
        (
            ("rows", math.prod(axis.extent for axis in outer)),
            ("row_length", row.extent),
            ("lhs_step", row.lhs_step),
            ("rhs_step", row.rhs_step),
            ("extents", int_array([axis.extent for axis in outer])),
            ("lhs_steps", int_array([axis.lhs_step for axis in outer])),
            ("rhs_steps", int_array([axis.rhs_step for axis in outer])),
        ),
    )


def _too_many_axes(layer: Binary) -> str | None:
    axes = len(_axes(layer))
    return f"broadcasts along {axes} axes, of 6" if axes > _OUTER_AXES + 1 else None


def _binding(layer: Binary, name: str, parameters: Struct, arrays: tuple[Constant, ...]) -> Binding:
    remaining = iter(layer.inputs)
    arguments: list[Field] = [parameters]
    constants = list(arrays)
    for side, operand in (("lhs", layer.lhs), ("rhs", layer.rhs)):
        if operand.constant is None:
            arguments.append(TensorArgument(next(remaining)))
        else:
            arguments.append(ConstantArgument(side))
            constants.append(Constant(side, operand.constant))
    arguments.append(TensorArgument(layer.outputs[0], writable=True))
    runtime = [operand for operand in (layer.lhs, layer.rhs) if operand.constant is None]
    return Binding(
        calls=(Call(f"tinygen_{name}", tuple(arguments)),),
        headers=(f"portable/{name}.h",),
        constants=tuple(constants),
        overlaps=tuple(
            same_place(tensor, layer.outputs[0])
            for tensor, operand in zip(layer.inputs, runtime, strict=True)
            if math.prod(operand.shape) == math.prod(layer.output_shape)
        ),
    )


def _bind_add(layer: Add) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)

    def operand(zero_point: int, multiplier: int, shift: int) -> Struct:
        return Struct(
            "tinygen_add_operand",
            (("offset", -zero_point), ("multiplier", multiplier), ("shift", shift)),
        )

    parameters = Struct(
        "tinygen_add_s8_params",
        (
            ("broadcast", _broadcast_struct(layer)),
            ("lhs", operand(layer.lhs_zero_point, layer.lhs_multiplier, layer.lhs_shift)),
            ("rhs", operand(layer.rhs_zero_point, layer.rhs_multiplier, layer.rhs_shift)),
            ("left_shift", layer.left_shift),
            ("requantization", requantization),
        ),
    )
    return _binding(layer, "add_s8", parameters, arrays)


def _bind_mul(layer: Mul) -> Binding:
    requantization, arrays = requantization_struct(layer.requantization)
    parameters = Struct(
        "tinygen_mul_s8_params",
        (
            ("broadcast", _broadcast_struct(layer)),
            ("lhs_offset", -layer.lhs_zero_point),
            ("rhs_offset", -layer.rhs_zero_point),
            ("requantization", requantization),
        ),
    )
    return _binding(layer, "mul_s8", parameters, arrays)


def _add_cycles(layer: Add) -> float:
    return math.prod(layer.output_shape) * _ADD_CYCLES_PER_OUTPUT


def _mul_cycles(layer: Mul) -> float:
    return math.prod(layer.output_shape) * _MUL_CYCLES_PER_OUTPUT


KERNELS: Sequence[Kernel] = (
    PortableKernel("add_s8", Add, _bind_add, _add_cycles, _too_many_axes),
    PortableKernel("mul_s8", Mul, _bind_mul, _mul_cycles, _too_many_axes),
)
