# SPDX-License-Identifier: Apache-2.0
"""An operator as its lowering sees it: tensors and options at hand, and the errors that name it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypedDict, TypeVar

from tinygen.errors import ModelError, UnsupportedError
from tinygen.ir.graph import (
    ABSENT,
    AnyArray,
    DType,
    Graph,
    Numerics,
    Operator,
    OptionValue,
    Subgraph,
    Tensor,
)
from tinygen.ir.layer import Operand
from tinygen.ir.network import Network

MAX_STATES = 8
"""States of its own that one operator may have."""

OptionT = TypeVar("OptionT", int, float, bool, str, bytes)


@dataclass(frozen=True)
class StateNumbers:
    """Where the indices of a subgraph's kept tensors begin, so that no two of a model are the same.

    ``tensors`` is added to the index of a variable tensor, ``operators`` is that of the first state of
    operator 0's own.
    """

    tensors: int
    operators: int


LowerSubgraph = Callable[
    [int, Mapping[int, AnyArray], Mapping[int, Tensor]],
    tuple[Network, tuple[int | AnyArray, ...]],
]
"""Lowers a subgraph, given what is constant of its inputs and which variables they refer to.

Beside the Network, it gives a run-time tensor or a constant for each of the subgraph's outputs.
"""


class Ports(TypedDict):
    """What every layer begins with."""

    operator: Operator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: tuple[Tensor, ...]


@dataclass(frozen=True)
class OperatorView:
    """An operator with its tensors and options at hand, and the errors that name it.

    ``resources`` are the variables of the model, by the tensor that refers to each. ``graph`` and
    ``lower_subgraph`` are for control flow, and missing where an operator is looked at by itself.
    """

    operator: Operator
    subgraph: Subgraph
    numerics: Numerics = Numerics.TFLM
    resources: Mapping[int, Tensor] = field(default_factory=dict)
    numbers: StateNumbers | None = None
    graph: Graph | None = None
    lower_subgraph: LowerSubgraph | None = None

    def variable(self, tensor: Tensor, initial: AnyArray) -> Tensor:
        """The state that a variable tensor of the file is, with its value after a reset."""
        if not tensor.is_variable:
            self.invalid(f"tensor {tensor.name!r} must be a variable")
        base = 0 if self.numbers is None else self.numbers.tensors
        return replace(tensor, index=base + tensor.index, data=initial)

    def state(self, name: str, initial: AnyArray, number: int = 0) -> Tensor:
        """A state of the operator's own, which no tensor of the file stands for.

        ``number`` tells apart several of one operator (at most ``MAX_STATES``).
        """
        assert number < MAX_STATES
        base = len(self.subgraph.tensors) if self.numbers is None else self.numbers.operators
        index = base + self.operator.index * MAX_STATES + number
        dtype = DType(initial.dtype.name.upper())
        return Tensor(
            index=index,
            name=f"{name} of operator {self.operator.index}",
            dtype=dtype,
            shape=initial.shape,
            data=initial,
            is_variable=True,
        )

    def has_input(self, position: int) -> bool:
        """Whether the (optional) input is there."""
        inputs = self.operator.inputs
        return position < len(inputs) and inputs[position] != ABSENT

    def input(self, position: int) -> Tensor:
        """The tensor at an input position; ModelError if it is absent."""
        if not self.has_input(position):
            raise ModelError(f"{self.operator.label} lacks its input {position}.")
        return self.subgraph.tensors[self.operator.inputs[position]]

    def output(self, position: int = 0) -> Tensor:
        """The tensor at an output position; ModelError if it is absent."""
        outputs = self.operator.outputs
        if position >= len(outputs):
            raise ModelError(f"{self.operator.label} lacks its output {position}.")
        return self.subgraph.tensors[outputs[position]]

    def option(self, name: str, kind: type[OptionT]) -> OptionT:
        """An option by its schema name; ModelError if it is missing, of another kind, or not finite."""
        value: OptionValue | None = self.operator.options.get(name)
        if not isinstance(value, kind):
            raise ModelError(f"{self.operator.label} lacks its option {name!r}.")
        if isinstance(value, float) and not math.isfinite(value):
            self.invalid(f"its option {name!r} is {value}")
        return value

    @property
    def activation(self) -> str:
        """The fused activation function."""
        return self.option("fused_activation_function", str)

    def counts(self, inputs: Sequence[int], outputs: int = 1) -> None:
        """Check the number of inputs (one of ``inputs``) and of outputs."""
        have = len(self.operator.inputs)
        if have not in inputs:
            wanted = " or ".join(str(count) for count in inputs)
            raise ModelError(f"{self.operator.label} has {have} inputs, not {wanted}.")
        if len(self.operator.outputs) != outputs:
            raise ModelError(
                f"{self.operator.label} has {len(self.operator.outputs)} outputs, not {outputs}."
            )

    def require_dtype(self, tensor: Tensor, *allowed: DType) -> None:
        """UnsupportedError unless the tensor's element type is one of ``allowed``."""
        if tensor.dtype not in allowed:
            wanted = " or ".join(dtype.value for dtype in allowed)
            self.unsupported(
                f"tensor {tensor.name!r} is {tensor.dtype.value}, and this needs {wanted}",
                "Quantize the model to full integer int8 (inputs and outputs too).",
            )

    def in_and_out(self, *dtypes: DType, inputs: Sequence[int] = (1,)) -> tuple[Tensor, Tensor]:
        """The first input, of one of ``dtypes``, and the only output, of the same one.

        ``inputs`` are how many inputs there may be; what follows the first is for the caller to check.
        """
        self.counts(inputs)
        values, output = self.input(0), self.output()
        self.require_dtype(values, *dtypes)
        self.require_dtype(output, values.dtype)
        return values, output

    def require_shape(self, tensor: Tensor, expected: tuple[int, ...]) -> None:
        """ModelError unless the tensor has the shape that the operator's semantics give."""
        if tensor.shape != expected:
            raise ModelError(
                f"{self.operator.label}: tensor {tensor.name!r} has shape "
                f"{list(tensor.shape)}, but {list(expected)} follows from its operands."
            )

    def require_rank(self, tensor: Tensor, *ranks: int) -> None:
        """UnsupportedError unless the tensor has one of these ranks."""
        if len(tensor.shape) not in ranks:
            wanted = " or ".join(str(rank) for rank in ranks)
            self.unsupported(
                f"tensor {tensor.name!r} has {len(tensor.shape)} dimensions, and this needs {wanted}"
            )

    def require_constant(self, tensor: Tensor) -> AnyArray:
        """The constant's value; UnsupportedError if it is computed at run time."""
        if tensor.data is None:
            self.unsupported(f"tensor {tensor.name!r} must be a constant, but is computed")
        return tensor.data

    def require_activation(self, tensor: Tensor) -> int:
        """The index of a run-time tensor; UnsupportedError if it is a constant."""
        if tensor.data is not None:
            self.unsupported(f"tensor {tensor.name!r} is a constant where data is expected")
        return tensor.index

    def ports(self, *data: Tensor, states: tuple[Tensor, ...] = ()) -> Ports:
        """Those of a layer that reads ``data`` (no constants) and ``states``; it writes all outputs."""
        kept = tuple(state.index for state in states)
        return {
            "operator": self.operator,
            "inputs": (*(self.require_activation(tensor) for tensor in data), *kept),
            "outputs": (*self.operator.outputs, *kept),
            "states": states,
        }

    def operands(self) -> tuple[tuple[Operand, ...], tuple[int, ...]]:
        """All inputs as operands, and the indices of those that are computed at run time."""
        tensors = [self.input(position) for position in range(len(self.operator.inputs))]
        return (
            tuple(Operand(tensor.shape, tensor.data) for tensor in tensors),
            tuple(tensor.index for tensor in tensors if tensor.data is None),
        )

    def unsupported(self, reason: str, hint: str = "") -> NoReturn:
        """Raise UnsupportedError naming the operator."""
        raise UnsupportedError(f"{self.operator.label}: {reason}.", hint)

    def invalid(self, reason: str, hint: str = "") -> NoReturn:
        """Raise ModelError naming the operator."""
        raise ModelError(f"{self.operator.label}: {reason}.", hint)
