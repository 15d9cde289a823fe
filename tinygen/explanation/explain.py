# SPDX-License-Identifier: Apache-2.0
"""A layer and an input → Explanation: the element is chosen, its operator's work is written down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import singledispatch

import numpy as np

from tinygen.errors import InputError
from tinygen.explanation import explanation as ex
from tinygen.ir import reference
from tinygen.ir.graph import ABSENT, AnyArray, Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.ops.registry import kind_of

UNWORKED = "not worked by hand: see the operator's reference in tinygen/ops"
"""Rule of an operator that has no worked calculation."""
_DIGITS = 64
"""Base of the numbers by which elements are followed through a layer."""

_MOVED = "elements are moved, not computed: no scale is involved"
_ROLES = dict.fromkeys(
    ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), ("input", "weights", "bias")
)


@singledispatch
def work(layer: Layer, subject: ex.Subject) -> ex.Work:
    """How the layer computes ``subject.element``.

    This is for operators without a function of their own: of those that move elements it says where
    this one comes from, others get no lines.
    """
    kind = kind_of(layer.operator)
    if kind is None or not kind.moves:
        return ex.Work(UNWORKED)
    found = _source(layer, subject)
    if found is None:
        return ex.Work(_MOVED)
    position, where = found
    value = subject.inputs[position][where].item()
    terms = [ex.Term(where, value, value, 1, value)]
    return ex.Work(_MOVED, terms=terms, lines=[ex.Line("output", "values[0]", value)])


def _source(layer: Layer, subject: ex.Subject) -> tuple[int, ex.Element] | None:
    """Which element of which input is moved here; None for padding or a constant.

    The layer is given every element's number in the place of its value, a digit at a time: small
    values are what every element type holds.
    """
    shapes = [values.shape for values in subject.inputs]
    kind = subject.output.dtype
    if any(values.dtype != kind for values in subject.inputs):
        return None

    def moved(numbers: AnyArray) -> int:
        """What arrives in the element if the inputs are ``numbers``, one after the other."""
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        parts = np.split(numbers.astype(kind), ends)
        given = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return int(layer.reference(*given)[0][subject.element])

    total = sum(values.size for values in subject.inputs)
    if (moved(np.full(total, 1)), moved(np.full(total, 2))) != (1, 2):
        return None
    number, weight = 0, 1
    while weight < total:
        number += weight * moved(np.arange(total) // weight % _DIGITS)
        weight *= _DIGITS
    for position, shape in enumerate(shapes):
        if number < math.prod(shape):
            return position, tuple(int(i) for i in np.unravel_index(number, shape))
        number -= math.prod(shape)
    return None


def explain(
    network: Network,
    inputs: Sequence[AnyArray],
    layers: Sequence[int] | None = None,
    element: ex.Element | None = None,
) -> ex.Explanations:
    """Work one output element of the layers of one inference.

    Args:
        network: the model.
        inputs: of the inference, quantized, as for ``reference.run``.
        layers: numbers of operators; None for all of them.
        element: index into the (first) output; chosen if None.

    Raises:
        InputError: there is no such operator or element.
    """
    numbers = [layer.operator.index for layer in network.layers]
    for wanted in layers or ():
        if wanted not in numbers:
            raise InputError(
                f"{network.graph.source}: there is no layer {wanted}.",
                f"The layers are numbered {numbers[0]} to {numbers[-1]}, see `tinygen analyze`.",
            )
    values: Mapping[int, AnyArray] = {**network.states, **reference.run(network, inputs)}
    explained = (
        _explain(network, layer, values, element)
        for layer in network.layers
        if layers is None or layer.operator.index in layers
    )
    return ex.Explanations(network.graph.source, tuple(explained))


def _explain(
    network: Network, layer: Layer, values: Mapping[int, AnyArray], element: ex.Element | None
) -> ex.Explanation:
    output = values[layer.outputs[0]]
    chosen = _typical_element(output) if element is None else element
    if len(chosen) != output.ndim or any(
        not 0 <= i < n for i, n in zip(chosen, output.shape, strict=True)
    ):
        raise InputError(
            f"{layer.operator.label} has no output element {','.join(map(str, chosen))}.",
            f"Its output has the shape {list(output.shape)}.",
        )
    subject = ex.Subject(network, layer, tuple(values[i] for i in layer.inputs), output, chosen)
    expected: ex.Number = output[chosen].item()
    return ex.Explanation(
        index=layer.operator.index,
        operator=layer.operator.custom_code or layer.operator.opcode,
        tensors=tuple(_tensors(subject)),
        element=chosen,
        work=work(layer, subject),
        expected=expected,
        expected_real=ex.real_value(subject.output_tensor, expected),
    )


def _typical_element(output: AnyArray) -> ex.Element:
    """The element nearest to the middle of those inside the range, or of the largest ones."""
    inside = (output > output.min()) & (output < output.max())
    largest = (output == output.max()) | np.isnan(output)
    candidates = np.argwhere(inside if inside.any() else largest)
    middle = (np.array(output.shape) - 1) / 2
    nearest = np.abs(candidates - middle).sum(axis=1).argmin() if output.ndim else 0
    return tuple(int(i) for i in candidates[nearest])


def _tensors(subject: ex.Subject) -> list[ex.QuantizedTensor]:
    operator = subject.layer.operator
    tensors = subject.network.graph.main.tensors
    found = [
        _quantized(_role(operator.opcode, position), tensors[index], subject.element)
        for position, index in enumerate(operator.inputs)
        if index != ABSENT
    ]
    return [*found, _quantized("output", subject.output_tensor, subject.element)]


def _role(opcode: str, position: int) -> str:
    roles = _ROLES.get(opcode, ())
    return roles[position] if position < len(roles) else f"input {position}"


def _quantized(role: str, tensor: Tensor, element: ex.Element) -> ex.QuantizedTensor:
    quantization = tensor.quantization
    scales = quantization.scales if quantization else ()
    channel = None
    if quantization is not None and quantization.per_axis:
        channel = element[-1] if element[-1] < len(scales) else 0
    return ex.QuantizedTensor(
        role=role,
        name=tensor.name,
        dtype=tensor.dtype.value,
        shape=tensor.shape,
        scale=scales[channel or 0] if scales else None,
        zero_point=quantization.zero_points[channel or 0] if quantization and scales else None,
        scales=len(scales),
        channel=channel,
    )
