# SPDX-License-Identifier: Apache-2.0
"""What an explanation is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tinygen.ir.data import Result
from tinygen.ir.graph import AnyArray, Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.reporting.console import in_html
from tinygen.reporting.explanation import print_explanations

Number = int | float
Element = tuple[int, ...]


@dataclass(frozen=True)
class Term:
    """One contribution to an output element.

    Attributes:
        where: the element of the input; None for padding, which has the input's zero point.
        value: the input, quantized.
        centred: less its zero point; of a softmax, its distance from the largest of the row.
        weight: what multiplies it; 1 where nothing does.
        product: what is added up.
    """

    where: Element | None
    value: Number
    centred: Number
    weight: Number
    product: Number


@dataclass(frozen=True)
class Line:
    """One line of the calculation: ``name = formula = value``.

    ``formula`` is a Python expression over numbers, and over ``products``, ``values`` and
    ``weights``, which are the columns of the terms. Its value is ``value``, but for up to ``within``
    where the formula is in real numbers and the network's arithmetic is not.
    """

    name: str
    formula: str
    value: Number
    within: float = 0.0


@dataclass(frozen=True)
class Work:
    """How an operator computes one element.

    Attributes:
        rule: the whole calculation in one line, in words and symbols.
        parameters: the numbers that are folded before run time, by name.
        lines: the calculation; the one named ``output`` is the element.
        terms: what a sum is made of; empty where there is none.
    """

    rule: str
    parameters: Mapping[str, Number] = field(default_factory=dict)
    lines: Sequence[Line] = ()
    terms: Sequence[Term] = ()


@dataclass(frozen=True)
class QuantizedTensor:
    """A tensor's meaning: real value = (q - zero point) × scale.

    ``scale`` and ``zero_point`` are those of ``channel`` where there is one a channel (``scales`` of
    them), and None for tensors without quantization.
    """

    role: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int | None
    scales: int = 0
    channel: int | None = None


@dataclass(frozen=True)
class Explanation(Result):
    """One output element of a layer, worked.

    Attributes:
        index: of the operator in the model.
        operator: its TFLite name, or custom code.
        tensors: its inputs, constants and outputs.
        element: which element of the output.
        work: how it comes about; no lines for an operator that is not worked by hand.
        expected: the reference's value of the element.
        expected_real: what that stands for.
    """

    index: int
    operator: str
    tensors: tuple[QuantizedTensor, ...]
    element: Element
    work: Work
    expected: Number
    expected_real: float

    def to_dict(self) -> dict[str, Any]:
        """The calculation beside what it is of; ``worked`` says whether there is one."""
        data = super().to_dict()
        return {**data, **data.pop("work"), "worked": bool(self.work.lines)}


@dataclass(frozen=True)
class Explanations(Result):
    """Layers of a model, each with one element worked by hand."""

    model: str
    layers: tuple[Explanation, ...]

    def _repr_html_(self) -> str:
        return in_html(print_explanations, self.to_dict())


@dataclass(frozen=True, eq=False)
class Subject:
    """What is explained: a layer, the values of its run-time inputs, and one element of its output."""

    network: Network
    layer: Layer
    inputs: tuple[AnyArray, ...]
    output: AnyArray
    element: Element

    def tensor(self, position: int) -> Tensor:
        """The operator's input tensor at a position, constant or not."""
        return self.network.graph.main.tensors[self.layer.operator.inputs[position]]

    @property
    def output_tensor(self) -> Tensor:
        """The tensor that the element is of."""
        return self.network.tensors[self.layer.outputs[0]]

    def scale(self, position: int, channel: int = 0) -> float:
        """The scale of an input tensor."""
        return scale_of(self.tensor(position), channel)

    @property
    def output_scale(self) -> float:
        """The scale of the output tensor."""
        return scale_of(self.output_tensor)


def scale_of(tensor: Tensor, channel: int = 0) -> float:
    """The scale of a channel, or the only one; 1 for a tensor that is not quantized."""
    quantization = tensor.quantization
    if quantization is None or not quantization.scales:
        return 1.0
    return quantization.scales[channel if quantization.per_axis else 0]


def zero_point_of(tensor: Tensor) -> int:
    """The (first) zero point; 0 for a tensor that is not quantized."""
    quantization = tensor.quantization
    return quantization.zero_points[0] if quantization and quantization.zero_points else 0


def real_value(tensor: Tensor, value: Number, channel: int = 0) -> float:
    """What a quantized value stands for."""
    return float((value - zero_point_of(tensor)) * scale_of(tensor, channel))
