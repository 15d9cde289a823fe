# SPDX-License-Identifier: Apache-2.0
"""Many elements in, one out, without weights: pools, MEAN and SOFTMAX."""

from __future__ import annotations

from itertools import product

import numpy as np

from tinygen.explanation import integers
from tinygen.explanation.explain import work
from tinygen.explanation.explanation import Element, Line, Subject, Term, Work
from tinygen.ir.window import Axis
from tinygen.numerics.exponential import one_over_one_plus_x
from tinygen.numerics.fixed_point import rounding_divide_by_pot
from tinygen.ops.pooling import AveragePool2D, MaxPool2D, Pool2D
from tinygen.ops.quantized import INTEGER_RANGES
from tinygen.ops.reduce import Mean
from tinygen.ops.softmax import ACCUMULATION_INTEGER_BITS, Softmax

_RECIPROCAL_WITHIN = 64.0
"""Units of 2**-31 by which gemmlowp's Newton-Raphson reciprocal may be from the quotient."""


def _inside(layer: Pool2D, element: Element) -> list[Element]:
    """The input elements under the window, padding left out."""
    n, y, x, c = element
    places = product(_under(layer.window.height, y), _under(layer.window.width, x))
    return [(n, row, column, c) for row, column in places]


def _under(axis: Axis, position: int) -> range:
    first = position * axis.stride - axis.pad
    return range(max(first, 0), min(first + axis.size, axis.input))


def _plain_terms(subject: Subject, places: list[Element], zero_point: int = 0) -> list[Term]:
    values = [int(subject.inputs[0][where]) for where in places]
    return [
        Term(where, value, value - zero_point, 1, value - zero_point)
        for where, value in zip(places, values, strict=True)
    ]


@work.register
def _(layer: AveragePool2D, subject: Subject) -> Work:
    terms = _plain_terms(subject, _inside(layer, subject.element))
    total, count = sum(int(term.product) for term in terms), len(terms)
    average = (abs(total) + count // 2) // count
    sign = "-" if total < 0 else ""
    average = -average if total < 0 else average
    return Work(
        rule="output = Σ inputs / their number, halves away from zero; the scale stays",
        parameters={"count": count, "clamp_min": layer.clamp_min, "clamp_max": layer.clamp_max},
        lines=[
            Line("sum", "sum(products)", total),
            Line("average", f"{sign}(({abs(total)} + {count // 2}) // {count})", average),
            integers.clamped(average, 0, (layer.clamp_min, layer.clamp_max)),
        ],
        terms=terms,
    )


@work.register
def _(layer: MaxPool2D, subject: Subject) -> Work:
    terms = _plain_terms(subject, _inside(layer, subject.element))
    largest = max(int(term.value) for term in terms)
    return Work(
        rule="output = the largest input; the scale stays",
        parameters={"clamp_min": layer.clamp_min, "clamp_max": layer.clamp_max},
        lines=[
            Line("largest", "max(values)", largest),
            integers.clamped(largest, 0, (layer.clamp_min, layer.clamp_max)),
        ],
        terms=terms,
    )


@work.register
def _(layer: Mean, subject: Subject) -> Work:
    kept = [axis for axis in range(len(layer.input_shape)) if axis not in layer.axes]
    at = dict(zip(kept, subject.element, strict=False))
    if len(subject.element) == len(layer.input_shape):
        at = {axis: subject.element[axis] for axis in kept}
    along = [[at[axis]] if axis in at else range(n) for axis, n in enumerate(layer.input_shape)]
    terms = _plain_terms(subject, list(product(*along)), layer.input_zero_point)
    total = sum(int(term.product) for term in terms)
    real = subject.scale(0) / subject.output_scale / len(terms)
    line = integers.wrapped("accumulator", "sum(products)", total)
    return Work(
        rule=(
            "output = zero point + Σ (input - input zero point) × real multiplier, "
            "real multiplier = input scale / output scale / number of elements"
        ),
        parameters={
            "input_zero_point": layer.input_zero_point,
            "count": len(terms),
            **integers.folded_parameters(layer.requantization, real),
        },
        lines=[line, *integers.requantized(int(line.value), layer.requantization)],
        terms=terms,
    )


@work.register
def _(layer: Softmax, subject: Subject) -> Work:
    flat = int(np.ravel_multi_index(subject.element, layer.shape))
    row, column = divmod(flat, layer.depth)
    values = subject.inputs[0].reshape(layer.rows, layer.depth)[row].astype(np.int64)
    largest = int(values.max())
    table = np.zeros(256, dtype=np.int64)
    table[: layer.exponentials.size] = layer.exponentials
    weights = table[largest - values]
    parts = rounding_divide_by_pot(weights.astype(np.int32), ACCUMULATION_INTEGER_BITS)
    terms = [
        Term((row, position), value, largest - value, int(weights[position]), int(parts[position]))
        for position, value in enumerate(values.tolist())
    ]
    total = sum(int(term.product) for term in terms)
    headroom = 32 - total.bit_length()
    fraction = (total << headroom) - (1 << 31)
    reciprocal = int(one_over_one_plus_x(np.array([fraction], dtype=np.int32))[0])
    exponential = int(terms[column].weight)
    scaled = (exponential * reciprocal + (1 << 30)) >> 31
    low, high = INTEGER_RANGES[layer.output_dtype]
    exponent = ACCUMULATION_INTEGER_BITS - headroom + 31 - (high - low).bit_length()
    rounded = int(rounding_divide_by_pot(np.array(scaled, dtype=np.int32), exponent))
    beta = float(layer.operator.options["beta"])  # type: ignore[arg-type]
    real = subject.scale(0) * beta
    distance = int(terms[column].centred)
    return Work(
        rule=(
            "output = exp(-(largest - input) × scale × beta) / Σ of the row, in fixed point: "
            "exponentials (weights) in Q0.31 from a table, their sum in Q12.19"
        ),
        parameters={"multiplier": layer.multiplier, "shift": layer.shift, "beta": beta},
        lines=[
            Line("largest of the row", "max(values)", largest),
            Line(
                "exponential of the element",
                f"exp(-{distance} * {real!r}) * 2**31",
                exponential,
                2.0**31 * 1e-5,
            ),
            Line("sum of the row", "sum(products)", total),
            Line("normalized, less 1", f"{total} * 2**{headroom} - 2**31", fraction),
            Line("reciprocal", f"2**62 / (2**31 + {fraction})", reciprocal, _RECIPROCAL_WITHIN),
            Line("quotient", f"({exponential} * {reciprocal} + 2**30) >> 31", scaled),
            Line("quotient, scaled", integers.shifted_right(scaled, exponent), rounded),
            Line("output", f"min({rounded} + {low}, {high})", min(rounded + low, high)),
        ],
        terms=terms,
    )
