# SPDX-License-Identifier: Apache-2.0
"""Which layer of a quantized model is which layer of the float model it was made from.

The converter keeps tensor names where it can, so names decide. Where it did not (quantization-aware
training renames), layers of the same operator and output shape are paired in order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from tinygen.ir.layer import Layer
from tinygen.ir.network import Network

_SUFFIXES = re.compile(r"(_int8|_int16|_quantized|_requantized|_dequantize|:0)+$")
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two layers that compute the same; ``by`` says how that is known: ``name`` or ``order``."""

    baseline: Layer
    layer: Layer
    by: str


@dataclass(frozen=True, eq=False)
class Matching:
    """The pairs in the order of the quantized model, and its layers without a counterpart.

    ``tensors`` gives the baseline's tensor for each of the quantized model's that has one.
    """

    pairs: tuple[Pair, ...]
    unmatched: tuple[Layer, ...]
    tensors: Mapping[int, int]


def match(baseline: Network, other: Network) -> Matching:
    """Pair the layers of two networks."""
    named = _by_name(baseline, other)
    found = dict(named)
    taken = set(found.values())
    for ours, theirs in _by_order(baseline, other).items():
        if ours not in found and theirs not in taken:
            found[ours] = theirs
            taken.add(theirs)
    pairs = tuple(
        Pair(baseline.layers[found[position]], layer, "name" if position in named else "order")
        for position, layer in enumerate(other.layers)
        if position in found
    )
    tensors = dict(zip(other.inputs, baseline.inputs, strict=False))
    for pair in pairs:
        tensors[pair.layer.outputs[0]] = pair.baseline.outputs[0]
    for layer in other.layers:
        if layer.operator.opcode in _CONVERSIONS and layer.inputs[0] in tensors:
            tensors.setdefault(layer.outputs[0], tensors[layer.inputs[0]])
    unmatched = tuple(
        layer
        for position, layer in enumerate(other.layers)
        if position not in found and layer.operator.opcode not in _CONVERSIONS
    )
    return Matching(pairs, unmatched, tensors)


def _key(network: Network, layer: Layer) -> tuple[str, int]:
    tensor = network.tensors[layer.outputs[0]]
    return _SUFFIXES.sub("", tensor.name), tensor.elements


def _by_name(baseline: Network, other: Network) -> dict[int, int]:
    """Positions in ``other`` → positions in ``baseline`` of layers whose outputs are called alike."""
    positions: dict[tuple[str, int], list[int]] = {}
    for position, layer in enumerate(baseline.layers):
        positions.setdefault(_key(baseline, layer), []).append(position)
    found: dict[int, int] = {}
    for position, layer in enumerate(other.layers):
        named = positions.get(_key(other, layer), [])
        if len(named) == 1 and named[0] not in found.values():
            same = baseline.layers[named[0]].operator.opcode == layer.operator.opcode
            if same:
                found[position] = named[0]
    return found


def _by_order(baseline: Network, other: Network) -> dict[int, int]:
    """The same by the longest common run of operators with their output shapes."""
    ours, theirs = (
        [
            (layer.operator.opcode, network.tensors[layer.outputs[0]].shape)
            for layer in network.layers
        ]
        for network in (other, baseline)
    )
    found = {}
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            if ours[block.a + offset][0] not in _CONVERSIONS:
                found[block.a + offset] = block.b + offset
    return found
