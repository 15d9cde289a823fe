# SPDX-License-Identifier: Apache-2.0
"""IF and WHILE as steps: the constants that they copy. Their statements are ``emit``'s."""

from __future__ import annotations

from collections.abc import Iterator

from tinygen.kernels.binding import Binding, Constant
from tinygen.ops.control_flow import ControlFlow, Loop


def operand_name(position: int) -> str:
    """The constant array of an operand that is known at compile time."""
    return f"operand_{position}"


def result_name(routine: str, number: int) -> str:
    """The constant array of a routine's result that is known at compile time."""
    return f"{routine}_{number}"


def _constants(layer: ControlFlow) -> Iterator[Constant]:
    copied = {position for routine in layer.routines for position, _ in routine.inputs}
    for position, operand in layer.operands.items():
        used = position in copied or position == 0 or isinstance(layer, Loop)
        if operand.constant is not None and used:
            yield Constant(operand_name(position), operand.constant, alignment=8)
    for routine in layer.routines:
        for number, result in enumerate(routine.results):
            if not isinstance(result, int):
                yield Constant(result_name(routine.name, number), result, alignment=8)


def bind_control_flow(layer: ControlFlow, scratch_bytes: int) -> Binding:
    """The binding of a step whose routines need so many bytes of memory, one at a time."""
    notes = (layer.turns.remark,) if isinstance(layer, Loop) else ()
    return Binding(
        calls=(), constants=tuple(_constants(layer)), scratch_bytes=scratch_bytes, notes=notes
    )
