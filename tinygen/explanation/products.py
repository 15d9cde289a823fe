# SPDX-License-Identifier: Apache-2.0
"""Sums of products: CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED in int8, int16 and float32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinygen.explanation import integers
from tinygen.explanation.explain import work
from tinygen.explanation.explanation import (
    Element,
    Line,
    Number,
    Subject,
    Term,
    Work,
    zero_point_of,
)
from tinygen.ir.graph import AnyArray
from tinygen.ir.window import Window
from tinygen.numerics.fixed_point import Requantization
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.ops.wide_convolution import FloatConv2D, Int16Conv2D, scale_wide

_RULE = (
    "output = clamp(zero point + (bias + Σ (input - input zero point) × weight) × real multiplier), "
    "real multiplier = input scale × weight scale / output scale ≈ multiplier × 2**(shift - 31)"
)
_FLOAT_EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class _Tap:
    """Where an input element is (None: padding), and its weight."""

    where: Element | None
    weight: Number


def _window_taps(
    window: Window, input_shape: Element, element: Element, weights: AnyArray, channel: int
) -> Iterator[_Tap]:
    """``weights`` are (height, width, channels from ``channel`` on) of one output channel."""
    n, y, x, _ = element
    for ky, kx, c in np.ndindex(*weights.shape):
        row = y * window.height.stride - window.height.pad + ky * window.height.dilation
        column = x * window.width.stride - window.width.pad + kx * window.width.dilation
        inside = 0 <= row < input_shape[1] and 0 <= column < input_shape[2]
        where = (n, row, column, channel + c) if inside else None
        yield _Tap(where, weights[ky, kx, c].item())


def _terms(image: AnyArray, taps: Iterator[_Tap], zero_point: int) -> list[Term]:
    terms = []
    for tap in taps:
        value: Number = zero_point if tap.where is None else image[tap.where].item()
        centred = value - zero_point
        terms.append(Term(tap.where, value, centred, tap.weight, centred * tap.weight))
    return terms


def _real_lines(subject: Subject, accumulator: int, output: int, channel: int) -> list[Line]:
    """The same in real numbers, for comparison."""
    scales = subject.scale(0), subject.scale(1, channel)
    step = subject.output_scale
    zero_point = zero_point_of(subject.output_tensor)
    return [
        Line(
            "real value of the sum",
            f"{accumulator} * {scales[0]!r} * {scales[1]!r}",
            accumulator * scales[0] * scales[1],
        ),
        Line(
            "real value of the output",
            f"({output} - {zero_point}) * {step!r}",
            (output - zero_point) * step,
        ),
    ]


def _worked(
    subject: Subject,
    terms: list[Term],
    bias: int,
    zero_point: int,
    folded: Requantization,
    channel: int,
) -> Work:
    total = sum(int(term.product) for term in terms)
    raw = sum(int(term.value) * int(term.weight) for term in terms)
    folded_bias = bias - zero_point * sum(int(term.weight) for term in terms)
    accumulator = integers.wrapped("accumulator", f"{total} + {bias}", total + bias)
    value = int(accumulator.value)
    lines = [
        Line("sum", "sum(products)", total),
        accumulator,
        Line("folded bias", f"{bias} - {zero_point} * sum(weights)", folded_bias),
        Line("sum without zero points", "sum(v * w for v, w in zip(values, weights))", raw),
        integers.wrapped(
            "accumulator, as the C has it", f"{raw} + {folded_bias}", raw + folded_bias
        ),
    ]
    final = integers.requantized(value, folded, channel)
    real = subject.scale(0) * subject.scale(1, channel) / subject.output_scale
    return Work(
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
def _(layer: Conv2D, subject: Subject) -> Work:
    channel = subject.element[3]
    depth = int(layer.weights.shape[3])
    first = channel // (layer.weights.shape[0] // layer.groups) * depth
    taps = _window_taps(
        layer.window, layer.input_shape, subject.element, layer.weights[channel], first
    )
    terms = _terms(subject.inputs[0], taps, layer.input_zero_point)
    bias = int(layer.bias[channel])
    return _worked(subject, terms, bias, layer.input_zero_point, layer.requantization, channel)


@work.register
def _(layer: DepthwiseConv2D, subject: Subject) -> Work:
    channel = subject.element[3]
    taps = _window_taps(
        layer.window,
        layer.input_shape,
        subject.element,
        layer.weights[:, :, channel : channel + 1],
        channel // layer.depth_multiplier,
    )
    terms = _terms(subject.inputs[0], taps, layer.input_zero_point)
    bias = int(layer.bias[channel])
    return _worked(subject, terms, bias, layer.input_zero_point, layer.requantization, channel)


@work.register
def _(layer: FullyConnected, subject: Subject) -> Work:
    depth = int(layer.weights.shape[1])
    flat = int(np.ravel_multi_index(subject.element, layer.output_shape))
    row, channel = divmod(flat, int(layer.weights.shape[0]))
    rows = subject.inputs[0].reshape(layer.batches, depth)
    taps = (_Tap((row, i), layer.weights[channel, i].item()) for i in range(depth))
    terms = _terms(rows, taps, layer.input_zero_point)
    bias = int(layer.bias[channel])
    return _worked(subject, terms, bias, layer.input_zero_point, layer.requantization, channel)


def _wide_terms(layer: FloatConv2D | Int16Conv2D, subject: Subject) -> tuple[list[Term], int]:
    """The terms, and the output channel."""
    flat = int(np.ravel_multi_index(subject.element, layer.tensor_shape))
    element = tuple(int(i) for i in np.unravel_index(flat, layer.output_shape))
    channel = element[3]
    depth = int(layer.weights.shape[3])
    first = channel // (layer.weights.shape[0] // layer.groups) * depth
    image = subject.inputs[0].reshape(layer.input_shape)
    taps = _window_taps(layer.window, layer.input_shape, element, layer.weights[channel], first)
    return _terms(image, taps, 0), channel


@work.register
def _(layer: Int16Conv2D, subject: Subject) -> Work:
    terms, channel = _wide_terms(layer, subject)
    bias = int(layer.bias[channel])
    folded = layer.requantization
    if layer.narrow:
        return _worked(subject, terms, bias, 0, folded, channel)
    total = sum(int(term.product) for term in terms)
    at = channel if folded.multipliers.size > 1 else 0
    multiplier, shift = int(folded.multipliers[at]), int(folded.shifts[at])
    reduced = min((multiplier + (1 << 15)) >> 16, 0x7FFF)
    accumulator = total + bias
    scaled = int(
        scale_wide(np.array([accumulator]), folded.multipliers[at : at + 1], folded.shifts[at])[0]
    )
    clamp = folded.clamp_min, folded.clamp_max
    output = integers.clamped(scaled, folded.zero_point, clamp)
    real = subject.scale(0) * subject.scale(1, channel) / subject.output_scale
    return Work(
        rule=_RULE.replace("2**(shift - 31)", "2**(shift - 31), reduced to 16 bits"),
        parameters={
            "input_zero_point": 0,
            "bias": bias,
            **integers.folded_parameters(folded, real, channel),
        },
        lines=[
            Line("sum", "sum(products)", total),
            Line("accumulator", f"{total} + {bias}", accumulator),
            Line("multiplier of 16 bits", f"min(({multiplier} + 2**15) >> 16, 2**15 - 1)", reduced),
            Line(
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
def _(layer: FloatConv2D, subject: Subject) -> Work:
    terms, channel = _wide_terms(layer, subject)
    total = sum(float(term.product) for term in terms)
    bias = float(layer.bias[channel])
    output = float(subject.output[subject.element])
    magnitude = abs(bias) + sum(abs(float(term.product)) for term in terms)
    within = (len(terms) + 2) * _FLOAT_EPSILON * magnitude
    return Work(
        rule="output = clamp(bias + Σ input × weight), in float32: nothing is quantized here",
        parameters={"bias": bias, "clamp_min": layer.clamp_min, "clamp_max": layer.clamp_max},
        lines=[
            Line("sum", "sum(products)", total, 1e-12 * magnitude),
            Line(
                "output",
                f"min(max({total!r} + {bias!r}, {layer.clamp_min!r}), {layer.clamp_max!r})",
                output,
                within,
            ),
        ],
        terms=terms,
    )
