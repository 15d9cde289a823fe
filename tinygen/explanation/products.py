# SPDX-License-Identifier: Apache-2.0
"""Sums of products: CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED in int8, int16 and float32."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinygen.explanation import explanation as ex
from tinygen.explanation import integers
from tinygen.explanation.explain import work
from tinygen.ir.graph import AnyArray
from tinygen.ir.window import Window
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.ops.wide_convolution import FloatConv2D, Int16Conv2D, scale_wide

_RULE = (
    "output = clamp(zero point + (bias + Σ (input - input zero point) × weight) × real multiplier), "
    "real multiplier = input scale × weight scale / output scale ≈ multiplier × 2**(shift - 31)"
)
_FLOAT_EPSILON = float(np.finfo(np.float32).eps)


def _terms(
    image: AnyArray, taps: Iterable[tuple[ex.Element | None, ex.Number]], zero_point: int
) -> list[ex.Term]:
    """The terms of taps: where an input element is (None: padding), and its weight."""
    terms = []
    for where, weight in taps:
        value: ex.Number = zero_point if where is None else image[where].item()
        centred = value - zero_point
        terms.append(ex.Term(where, value, centred, weight, centred * weight))
    return terms


def _window_terms(
    window: Window,
    image: AnyArray,
    element: ex.Element,
    weights: AnyArray,
    first: int,
    zero_point: int,
) -> list[ex.Term]:
    """``weights`` are (height, width, channels from ``first`` on) of one output channel."""
    n, y, x, _ = element
    taps = []
    for ky, kx, c in np.ndindex(*weights.shape):
        row = y * window.height.stride - window.height.pad + ky * window.height.dilation
        column = x * window.width.stride - window.width.pad + kx * window.width.dilation
        inside = 0 <= row < image.shape[1] and 0 <= column < image.shape[2]
        taps.append(((n, row, column, first + c) if inside else None, weights[ky, kx, c].item()))
    return _terms(image, taps, zero_point)


def _convolved(
    layer: Conv2D | FloatConv2D | Int16Conv2D,
    image: AnyArray,
    element: ex.Element,
    zero_point: int = 0,
) -> list[ex.Term]:
    channel = element[3]
    first = channel // (layer.weights.shape[0] // layer.groups) * layer.weights.shape[3]
    return _window_terms(layer.window, image, element, layer.weights[channel], first, zero_point)


def _real_lines(subject: ex.Subject, accumulator: int, output: int, channel: int) -> list[ex.Line]:
    """The same in real numbers, for comparison."""
    scales = subject.scale(0), subject.scale(1, channel)
    step = subject.output_scale
    zero_point = ex.zero_point_of(subject.output_tensor)
    formulas = (
        f"{accumulator} * {scales[0]!r} * {scales[1]!r}",
        f"({output} - {zero_point}) * {step!r}",
    )
    return [
        ex.Line("real value of the sum", formulas[0], accumulator * scales[0] * scales[1]),
        ex.Line("real value of the output", formulas[1], (output - zero_point) * step),
    ]


def _worked(
    layer: Conv2D | DepthwiseConv2D | FullyConnected | Int16Conv2D,
    subject: ex.Subject,
    terms: list[ex.Term],
    channel: int,
    zero_point: int = 0,
) -> ex.Work:
    folded = layer.requantization
    bias = int(layer.bias[channel])
    total = sum(int(term.product) for term in terms)
    raw = sum(int(term.value) * int(term.weight) for term in terms)
    folded_bias = bias - zero_point * sum(int(term.weight) for term in terms)
    accumulator = integers.wrapped("accumulator", f"{total} + {bias}", total + bias)
    value = int(accumulator.value)
    lines = [
        ex.Line("sum", "sum(products)", total),
        accumulator,
        ex.Line("folded bias", f"{bias} - {zero_point} * sum(weights)", folded_bias),
        ex.Line("sum without zero points", "sum(v * w for v, w in zip(values, weights))", raw),
        integers.wrapped(
            "accumulator, as the C has it", f"{raw} + {folded_bias}", raw + folded_bias
        ),
    ]
    final = integers.requantized(value, folded, channel)
    real = subject.scale(0) * subject.scale(1, channel) / subject.output_scale
    return ex.Work(
        rule=_RULE,
        parameters={
            "input_zero_point": zero_point,
            "bias": bias,
            "folded_bias": folded_bias,
            **integers.folded_parameters(folded, real, channel),
        },
        lines=[*lines, *final, *_real_lines(subject, value, int(final[-1].value), channel)],
        terms=terms,
    )


@work.register
def _(layer: Conv2D, subject: ex.Subject) -> ex.Work:
    terms = _convolved(layer, subject.inputs[0], subject.element, layer.input_zero_point)
    return _worked(layer, subject, terms, subject.element[3], layer.input_zero_point)


@work.register
def _(layer: DepthwiseConv2D, subject: ex.Subject) -> ex.Work:
    channel = subject.element[3]
    terms = _window_terms(
        layer.window,
        subject.inputs[0],
        subject.element,
        layer.weights[:, :, channel : channel + 1],
        channel // layer.depth_multiplier,
        layer.input_zero_point,
    )
    return _worked(layer, subject, terms, channel, layer.input_zero_point)


@work.register
def _(layer: FullyConnected, subject: ex.Subject) -> ex.Work:
    flat = int(np.ravel_multi_index(subject.element, layer.output_shape))
    row, channel = divmod(flat, int(layer.weights.shape[0]))
    rows = subject.inputs[0].reshape(layer.batches, -1)
    taps = [((row, i), weight) for i, weight in enumerate(layer.weights[channel].tolist())]
    terms = _terms(rows, taps, layer.input_zero_point)
    return _worked(layer, subject, terms, channel, layer.input_zero_point)


def _wide_terms(layer: FloatConv2D | Int16Conv2D, subject: ex.Subject) -> tuple[list[ex.Term], int]:
    """The terms, and the output channel."""
    flat = int(np.ravel_multi_index(subject.element, layer.tensor_shape))
    element = tuple(int(i) for i in np.unravel_index(flat, layer.output_shape))
    return _convolved(layer, subject.inputs[0].reshape(layer.input_shape), element), element[3]


@work.register
def _(layer: Int16Conv2D, subject: ex.Subject) -> ex.Work:
    terms, channel = _wide_terms(layer, subject)
    if layer.narrow:
        return _worked(layer, subject, terms, channel)
    bias = int(layer.bias[channel])
    folded = layer.requantization
    total = sum(int(term.product) for term in terms)
    at = channel if folded.multipliers.size > 1 else 0
    multiplier, shift = int(folded.multipliers[at]), int(folded.shifts[at])
    reduced = min((multiplier + (1 << 15)) >> 16, 0x7FFF)
    accumulator = total + bias
    wide = np.array([accumulator])
    scaled = int(scale_wide(wide, folded.multipliers[at : at + 1], folded.shifts[at])[0])
    output = integers.clamped(scaled, folded.zero_point, (folded.clamp_min, folded.clamp_max))
    real = subject.scale(0) * subject.scale(1, channel) / subject.output_scale
    return ex.Work(
        rule=_RULE.replace("2**(shift - 31)", "2**(shift - 31), reduced to 16 bits"),
        parameters={
            "input_zero_point": 0,
            "bias": bias,
            **integers.folded_parameters(folded, real, channel),
        },
        lines=[
            ex.Line("sum", "sum(products)", total),
            ex.Line("accumulator", f"{total} + {bias}", accumulator),
            ex.Line(
                "multiplier of 16 bits", f"min(({multiplier} + 2**15) >> 16, 2**15 - 1)", reduced
            ),
            ex.Line(
                "accumulator, scaled",
                f"({accumulator} * {reduced} + 2**{14 - shift}) >> {15 - shift}",
                scaled,
            ),
            output,
            *_real_lines(subject, accumulator, int(output.value), channel),
        ],
        terms=terms,
    )


@work.register
def _(layer: FloatConv2D, subject: ex.Subject) -> ex.Work:
    terms, channel = _wide_terms(layer, subject)
    total = sum(float(term.product) for term in terms)
    bias = float(layer.bias[channel])
    output = float(subject.output[subject.element])
    magnitude = abs(bias) + sum(abs(float(term.product)) for term in terms)
    within = (len(terms) + 2) * _FLOAT_EPSILON * magnitude
    return ex.Work(
        rule="output = clamp(bias + Σ input × weight), in float32: nothing is quantized here",
        parameters={"bias": bias, "clamp_min": layer.clamp_min, "clamp_max": layer.clamp_max},
        lines=[
            ex.Line("sum", "sum(products)", total, 1e-12 * magnitude),
            ex.Line(
                "output",
                f"min(max({total!r} + {bias!r}, {layer.clamp_min!r}), {layer.clamp_max!r})",
                output,
                within,
            ),
        ],
        terms=terms,
    )
