# SPDX-License-Identifier: Apache-2.0
"""The operators there are, as each says of itself where it is lowered.

@operator("LEAKY_RELU", types={DType.FLOAT32: lower_float_leaky_relu}, may_clamp=True)
def lower_int8_leaky_relu(view: OperatorView) -> Layer: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType

from tinygen.ir.graph import DType, Operator
from tinygen.ir.layer import Layer
from tinygen.ops.view import OperatorView

Lowering = Callable[[OperatorView], Layer]


@dataclass(frozen=True)
class Kind:
    """What is known of an operator before it is folded.

    Args:
        default: how it is lowered, but for the types of its first input in ``types``.
        types: how it is lowered with a first input of those types.
        typed_by: which of its inputs and outputs, one after the other, has the type that it goes by.
        moves: whether it moves elements and computes nothing.
        may_clamp: whether what it does to each element may come to a clamp, or to nothing.
        ends_in_clamp: whether its last act is the clamp of its ``fused_activation_function``.
        shares_scale: whether its int8 form has one scale for inputs and outputs (TFLite's
            quantization spec).
        stateful: whether it keeps something from one inference to the next.
    """

    default: Lowering
    types: Mapping[DType, Lowering]
    typed_by: int = 0
    moves: bool = False
    may_clamp: bool = False
    ends_in_clamp: bool = False
    shares_scale: bool = False
    stateful: bool = False

    def lower(self, view: OperatorView) -> Layer:
        """Check and fold the operator."""
        lowering = self.types.get(view.input(0).dtype, self.default) if self.types else self.default
        return lowering(view)


OPERATORS: dict[str, Kind] = {}
"""By TFLite's name; complete once ``tinygen.ops`` is imported."""

CUSTOM_OPERATORS: dict[str, Kind] = {}
"""By custom code."""

OF_THE_USER: ContextVar[Mapping[str, Kind]] = ContextVar(
    "of_the_user", default=MappingProxyType({})
)
"""By custom code, those that the model which is being compiled may have beside ours."""


def operator(
    *names: str,
    custom: bool = False,
    types: Mapping[DType, Lowering] | None = None,
    **facts: bool | int,
) -> Callable[[Lowering], Lowering]:
    """Register the decorated lowering for operators of these names; ``facts`` are those of a Kind.

    The names of ``custom`` ones are their custom codes.
    """

    def register(default: Lowering) -> Lowering:
        kind = Kind(default, types or {}, **facts)  # type: ignore[arg-type]
        (CUSTOM_OPERATORS if custom else OPERATORS).update(dict.fromkeys(names, kind))
        return default

    return register


def kind_of(operator: Operator) -> Kind | None:
    """What is known of an operator; None if it cannot be compiled."""
    if operator.opcode == "CUSTOM":
        code = operator.custom_code
        return OF_THE_USER.get().get(code) or CUSTOM_OPERATORS.get(code)
    return OPERATORS.get(operator.opcode)


def named(condition: Callable[[Kind], bool]) -> frozenset[str]:
    """The names of the operators of which a condition holds."""
    return frozenset(
        name
        for kinds in (OPERATORS, CUSTOM_OPERATORS)
        for name, kind in kinds.items()
        if condition(kind)
    )
