# SPDX-License-Identifier: Apache-2.0
"""What an operator becomes once everything known before run time is folded: a Layer.

A frozen subclass in an operator's file of ``tinygen.ops`` holds shapes, offsets, multipliers and
constants, nothing left to compute; its ``reference`` is the operator's integer semantics in NumPy, the
truth that the C must equal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from tinygen.ir.graph import AnyArray, Operator, Tensor
from tinygen.ir.window import Axis


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer(ABC):
    """One operator, folded.

    ``inputs`` and ``outputs`` are indices of run-time tensors (constants are folded into the layer's
    own fields), in the order in which ``reference`` takes and returns them. A tensor that appears in
    both is state: read, and replaced. ``states`` are the tensors that keep their value from one
    inference to the next; their ``data`` is the value after a reset.
    """

    operator: Operator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: tuple[Tensor, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference; 0 for layers that do none."""
        return 0

    @property
    def row_axes(self) -> tuple[Axis, ...] | None:
        """For each run-time input the axis by which output rows read its rows.

        Rows are axis 1 of NHWC images of one sample. None if the rows cannot be computed in order, a
        few at a time. A layer that ``accumulates`` has one output row, which reads all.
        """
        return None

    @property
    def accumulates(self) -> bool:
        """Whether it reads each input row once, in order, and writes one output row at the end.

        The bands of such a layer are of *input* rows.
        """
        return False

    def one_row(self) -> Layer | None:
        """The same layer over a single row, if every row of the image is computed alike."""
        return None

    @property
    def has_effects(self) -> bool:
        """Whether its place among others of its kind is part of what the model computes."""
        return bool(self.states)

    @property
    def may_end(self) -> bool:
        """Whether some inferences end after this layer, by what ``ends`` says of its results."""
        return False

    def ends(self, results: tuple[AnyArray, ...]) -> bool:  # noqa: ARG002 - of layers that may end
        """Whether the inference ends after these results."""
        return False

    @property
    def tolerance_ulp(self) -> int:
        """How far float32 outputs may be from TFLM's, in units in the last place; 0 for the same bits.

        The generated C has the reference's bits in any case.
        """
        return 0

    @property
    def tolerance_from(self) -> float:
        """The magnitude whose last place counts for smaller values too; 0 if each has its own.

        Sums that cancel leave small values with the absolute error of their terms.
        """
        return 0.0

    @abstractmethod
    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """Compute the outputs from the inputs, both shaped and typed as their tensors are."""


def evaluate(layers: Iterable[Layer], values: MutableMapping[int, AnyArray]) -> None:
    """Compute layers in order over the values of tensors by index, which gain the outputs.

    Stops after a layer that ends the inference.
    """
    for layer in layers:
        results = layer.reference(*(values[index] for index in layer.inputs))
        values.update(zip(layer.outputs, results, strict=True))
        if layer.ends(results):
            break


def computed(layers: Iterable[Layer], values: Mapping[int, AnyArray]) -> Iterator[Layer]:
    """The layers that ``evaluate`` computed, given the values that it left."""
    for layer in layers:
        yield layer
        if layer.may_end and layer.ends(tuple(values[index] for index in layer.outputs)):
            break


@dataclass(frozen=True, eq=False)
class Operand:
    """An input that may also be a constant: its shape, and its value if it is one."""

    shape: tuple[int, ...]
    constant: AnyArray | None


def operand_values(operands: Sequence[Operand], inputs: Sequence[AnyArray]) -> list[AnyArray]:
    """The value of every operand: its constant, or the next of the layer's run-time ``inputs``."""
    remaining = iter(inputs)
    return [next(remaining) if o.constant is None else o.constant for o in operands]
