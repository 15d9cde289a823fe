# SPDX-License-Identifier: Apache-2.0
"""What an explanation is made of, and the lines that several operators share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen.ir.data import Result
from tinygen.ir.graph import AnyArray, Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.numerics.fixed_point import (
    FRACTION_BITS,
    INT32_MAX,
    INT32_MIN,
    Requantization,
    multiply_by_quantized_multiplier,
    multiply_rounding_once,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
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


def shifted_right(value: int, bits: int) -> str:
    """A division by 2**bits, halves away from zero, as an expression."""
    magnitude = f"(({abs(value)} + 2**{bits - 1}) >> {bits})"
    return f"-{magnitude}" if value < 0 else magnitude


def wrapped_line(name: str, formula: str, exact: int) -> Line:
    """A value of 32 bits; where the exact one does not fit, the formula says how it wraps."""
    if INT32_MIN <= exact <= INT32_MAX:
        return Line(name, formula, exact)
    wrapped = int(wrap_int32(np.array(exact % 2**32, dtype=np.int64)))
    return Line(name, f"({formula} + 2**31) % 2**32 - 2**31", wrapped)


def scaled_lines(name: str, value: int, multiplier: int, shift: int) -> list[Line]:
    """``value`` × multiplier × 2**(shift - 31) with gemmlowp's two roundings.

    The high half of the doubled product is the nearest integer, halves up; the right shift rounds
    halves away from zero.
    """
    lines = []
    if shift > 0:
        lines.append(wrapped_line(f"{name}, shifted", f"{value} * 2**{shift}", value << shift))
        value = int(lines[-1].value)
    high = int(saturating_rounding_doubling_high_mul(np.array(value, dtype=np.int32), multiplier))
    lines.append(Line(f"{name} × multiplier", f"({value} * {multiplier} + 2**30) >> 31", high))
    if shift < 0:
        result = int(
            multiply_by_quantized_multiplier(np.array(value, dtype=np.int32), multiplier, shift)
        )
        lines.append(Line(f"{name}, scaled", shifted_right(high, -shift), result))
    return lines


def clamped_line(value: int, zero_point: int, clamp: tuple[int, int], name: str = "output") -> Line:
    """The zero point added, and the range of the type or activation kept to."""
    low, high = clamp
    return Line(
        name,
        f"min(max({value} + {zero_point}, {low}), {high})",
        min(max(value + zero_point, low), high),
    )


def requantized_lines(accumulator: int, folded: Requantization, channel: int = 0) -> list[Line]:
    """From an accumulator to the output element."""
    at = channel if folded.multipliers.size > 1 else 0
    multiplier, shift = int(folded.multipliers[at]), int(folded.shifts[at])
    if folded.fractions is None:
        lines = scaled_lines("accumulator", accumulator, multiplier, shift)
    else:
        fraction = int(folded.fractions[at])
        bits = 31 + FRACTION_BITS - shift
        whole = f"({abs(accumulator)} * ({multiplier} * 2**{FRACTION_BITS} + {fraction})"
        text = f"({whole} + 2**{bits - 1}) >> {bits})"
        exact = multiply_rounding_once(
            np.array([accumulator], dtype=np.int32),
            folded.multipliers[at : at + 1],
            folded.fractions[at : at + 1],
            folded.shifts[at : at + 1],
        )
        sign = "-" if accumulator < 0 else ""
        lines = [Line("accumulator, scaled", sign + text, int(exact[0]))]
    clamp = folded.clamp_min, folded.clamp_max
    return [*lines, clamped_line(int(lines[-1].value), folded.zero_point, clamp)]


def folded_parameters(folded: Requantization, real: float, channel: int = 0) -> dict[str, Number]:
    """The numbers of a requantization by name; ``real`` is the factor that they stand for."""
    at = channel if folded.multipliers.size > 1 else 0
    return {
        "real_multiplier": real,
        "multiplier": int(folded.multipliers[at]),
        "shift": int(folded.shifts[at]),
        "output_zero_point": folded.zero_point,
        "clamp_min": folded.clamp_min,
        "clamp_max": folded.clamp_max,
    }
