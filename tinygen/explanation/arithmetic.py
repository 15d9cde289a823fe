# SPDX-License-Identifier: Apache-2.0
"""One or two elements in, one out: ADD, SUB, MUL, QUANTIZE, DEQUANTIZE, RELU, and tables."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinygen.explanation import integers
from tinygen.explanation.explain import UNWORKED, work
from tinygen.explanation.explanation import Line, Number, Subject, Work, real_value, zero_point_of
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Operand, operand_values
from tinygen.numerics.fixed_point import Requantization, Rounding
from tinygen.ops.arithmetic import Add, Mul
from tinygen.ops.elementwise import Elementwise
from tinygen.ops.lookup import Lookup
from tinygen.ops.requantize import Clamp, Dequantize, Quantize, Requantize

_SUM_RULE = (
    "both operands, less their zero points and shifted left for headroom, are brought to twice the "
    "larger of their scales; output = zero point + (lhs ± rhs) × real multiplier"
)
_PRODUCT_RULE = (
    "output = zero point + (lhs - zero point) × (rhs - zero point) × real multiplier, "
    "real multiplier = lhs scale × rhs scale / output scale"
)


def _pair(subject: Subject, operands: tuple[Operand, ...]) -> tuple[int, int]:
    """Both operands at the element, broadcast."""
    values = operand_values(operands, subject.inputs)
    lhs, rhs = (np.broadcast_to(v, subject.output.shape)[subject.element].item() for v in values)
    return lhs, rhs


def _sum_work(subject: Subject, pair: tuple[int, int], p: dict[str, int], sign: int) -> Work:
    """``p`` are the fields of ``tinygen_arithmetic_params``; offsets are zero points negated."""
    lines: list[Line] = []
    scaled = []
    for side, value in zip(("lhs", "rhs"), pair, strict=True):
        zero_point = -p[f"{side}_offset"]
        centred = value - zero_point
        formula = f"({value} - {zero_point}) * 2**{p['left_shift']}"
        shifted = integers.wrapped(f"{side} with headroom", formula, centred << p["left_shift"])
        multiplier, shift = p[f"{side}_multiplier"], p[f"{side}_shift"]
        lines += [shifted, *integers.scaled(side, int(shifted.value), multiplier, shift)]
        scaled.append(int(lines[-1].value))
    total = scaled[0] + sign * scaled[1]
    symbol = "+" if sign > 0 else "-"
    lines.append(Line("accumulator", f"{scaled[0]} {symbol} {scaled[1]}", total))
    larger = 2 * max(subject.scale(0), subject.scale(1))
    folded = _folded(p)
    real = larger / (2 ** p["left_shift"] * subject.output_scale)
    return Work(
        rule=_SUM_RULE,
        parameters={**p, **integers.folded_parameters(folded, real)},
        lines=[*lines, *integers.requantized(total, folded)],
    )


def _product_work(
    subject: Subject, pair: tuple[int, int], zero_points: tuple[int, int], folded: Requantization
) -> Work:
    (lhs, rhs), (lhs_zero, rhs_zero) = pair, zero_points
    product = (lhs - lhs_zero) * (rhs - rhs_zero)
    formula = f"({lhs} - {lhs_zero}) * ({rhs} - {rhs_zero})"
    line = integers.wrapped("accumulator", formula, product)
    real = subject.scale(0) * subject.scale(1) / subject.output_scale
    return Work(
        rule=_PRODUCT_RULE,
        parameters={
            "lhs_zero_point": lhs_zero,
            "rhs_zero_point": rhs_zero,
            **integers.folded_parameters(folded, real),
        },
        lines=[line, *integers.requantized(int(line.value), folded)],
    )


def _folded(p: dict[str, int]) -> Requantization:
    return Requantization(
        multipliers=np.array([p["output_multiplier"]], dtype=np.int32),
        shifts=np.array([p["output_shift"]], dtype=np.int32),
        zero_point=p["output_offset"],
        clamp_min=p["clamp_min"],
        clamp_max=p["clamp_max"],
        rounding=Rounding.DOUBLE,
    )


@work.register
def _(layer: Add, subject: Subject) -> Work:
    folded = layer.requantization
    parameters = {
        "left_shift": layer.left_shift,
        "lhs_offset": -layer.lhs_zero_point,
        "lhs_multiplier": layer.lhs_multiplier,
        "lhs_shift": layer.lhs_shift,
        "rhs_offset": -layer.rhs_zero_point,
        "rhs_multiplier": layer.rhs_multiplier,
        "rhs_shift": layer.rhs_shift,
        "output_offset": folded.zero_point,
        "output_multiplier": int(folded.multipliers[0]),
        "output_shift": int(folded.shifts[0]),
        "clamp_min": folded.clamp_min,
        "clamp_max": folded.clamp_max,
    }
    return _sum_work(subject, _pair(subject, (layer.lhs, layer.rhs)), parameters, 1)


@work.register
def _(layer: Mul, subject: Subject) -> Work:
    pair = _pair(subject, (layer.lhs, layer.rhs))
    zero_points = layer.lhs_zero_point, layer.rhs_zero_point
    return _product_work(subject, pair, zero_points, layer.requantization)


_ELEMENTWISE = {"ADD": ("lhs + rhs", "+"), "SUB": ("lhs - rhs", "-"), "MUL": ("lhs × rhs", "*")}


@work.register
def _(layer: Elementwise, subject: Subject) -> Work:
    opcode = layer.operator.opcode
    if opcode not in _ELEMENTWISE:
        return Work(UNWORKED)
    rule, symbol = _ELEMENTWISE[opcode]
    pair = _pair(subject, layer.operands)
    if "lhs_offset" not in layer.parameters:
        output: Number = subject.output[subject.element].item()
        low, high = (layer.parameters[f"clamp_{end}"] for end in ("min", "max"))
        formula = f"min(max({pair[0]!r} {symbol} {pair[1]!r}, {low!r}), {high!r})"
        return Work(
            f"output = {rule}: nothing is quantized here",
            {"clamp_min": low, "clamp_max": high},
            [Line("output", formula, output, 0.0 if isinstance(output, int) else _near(output))],
        )
    p = {name: int(value) for name, value in layer.parameters.items()}
    if opcode == "MUL":
        return _product_work(subject, pair, (-p["lhs_offset"], -p["rhs_offset"]), _folded(p))
    return _sum_work(subject, pair, p, 1 if opcode == "ADD" else -1)


def _near(value: float) -> float:
    """By how much float32 may be from a value of Python's."""
    return 1e-6 * (abs(value) + 1e-30)


def _only_value(subject: Subject) -> Number:
    value: Number = subject.inputs[0][subject.element].item()
    return value


@work.register
def _(layer: Quantize, subject: Subject) -> Work:
    value = float(_only_value(subject))
    steps = float(np.float32(value) / np.float32(layer.scale))
    info = np.iinfo(layer.output_dtype.value.lower())
    rounded = int(math.copysign(math.floor(abs(steps) + 0.5), steps))
    sign = "-" if steps < 0 else ""
    return Work(
        rule="output = clamp(zero point + input / scale, rounded, halves away from zero)",
        parameters={"scale": layer.scale, "zero_point": layer.zero_point},
        lines=[
            Line("steps", f"{value!r} / {layer.scale!r}", steps, _near(steps)),
            Line("rounded", f"{sign}int({abs(steps)!r} + 0.5)", rounded),
            integers.clamped(rounded, layer.zero_point, (int(info.min), int(info.max))),
        ],
    )


@work.register
def _(layer: Dequantize, subject: Subject) -> Work:
    value = _only_value(subject)
    output = float(subject.output[subject.element])
    formula = f"({value} - {layer.zero_point}) * {layer.scale!r}"
    return Work(
        rule="output = (input - zero point) × scale, in float32",
        parameters={"scale": layer.scale, "zero_point": layer.zero_point},
        lines=[Line("output", formula, output, _near(output))],
    )


@work.register
def _(layer: Requantize, subject: Subject) -> Work:
    value, zero_point = int(_only_value(subject)), layer.input_zero_point
    line = Line("accumulator", f"{value} - {zero_point}", value - zero_point)
    real = subject.scale(0) / subject.output_scale
    return Work(
        rule="output = clamp(zero point + (input - input zero point) × input scale / output scale)",
        parameters={
            "input_zero_point": zero_point,
            **integers.folded_parameters(layer.requantization, real),
        },
        lines=[line, *integers.requantized(value - zero_point, layer.requantization)],
    )


@work.register
def _(layer: Clamp, subject: Subject) -> Work:
    line = integers.clamped(int(_only_value(subject)), 0, (layer.clamp_min, layer.clamp_max))
    return Work(
        rule="output = input, clamped to the activation's range in quantized values",
        parameters={"clamp_min": layer.clamp_min, "clamp_max": layer.clamp_max},
        lines=[line],
    )


_FUNCTIONS: dict[str, tuple[str, Callable[[float], float]]] = {
    "ABS": ("abs({x})", abs),
    "LOGISTIC": ("1 / (1 + exp(-({x})))", lambda x: 1 / (1 + math.exp(-x))),
    "TANH": ("tanh({x})", math.tanh),
}
_TABLE_WITHIN = 1.51
"""Steps by which a table's entry may be from the real function: TFLM's fixed-point arithmetic."""


@work.register
def _(layer: Lookup, subject: Subject) -> Work:
    value = int(_only_value(subject))
    table: AnyArray = layer.table
    entry = int(table[value + 128])
    source, output = subject.tensor(0), subject.output_tensor
    x = real_value(source, value)
    lines = [Line("table index", f"{value} + 128", value + 128)]
    rule = f"output = table[input + 128]; the table holds {layer.operator.opcode} of all 256 inputs"
    if layer.operator.opcode in _FUNCTIONS:
        text, function = _FUNCTIONS[layer.operator.opcode]
        argument = f"({value} - {zero_point_of(source)}) * {subject.scale(0)!r}"
        steps = f"{function(x)!r} / {subject.output_scale!r} + {zero_point_of(output)}"
        lines += [
            Line("real input", argument, x),
            Line("real output", text.format(x=repr(x)), function(x)),
            Line("output", f"min(max({steps}, -128), 127)", entry, _TABLE_WITHIN),
        ]
    else:
        lines.append(Line("output", f"{entry}", entry))
    return Work(rule=rule, lines=lines)
