# SPDX-License-Identifier: Apache-2.0
"""Layer by layer, how much noise quantization adds: signal-to-quantization-noise ratios, in decibels.

For every layer two ratios. *Accumulated*: the quantized model's tensor against the float model's, so
with all that went wrong before. *Own*: the quantized layer is given the float model's inputs, rounded
to its scales; what differs then is its own doing. The own ratio tells where to act.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tinygen.ir import reference
from tinygen.ir.graph import AnyArray, Tensor
from tinygen.ir.network import Network
from tinygen.ir.progress import Progress
from tinygen.ops.quantized import INTEGER_RANGES
from tinygen.ops.registry import named
from tinygen.quantization.advice import advice_for
from tinygen.quantization.data import Dataset
from tinygen.quantization.inference import decoded, encoded, samples_of
from tinygen.quantization.matching import Matching, Pair, match

_KEPT_VALUES = 4096
"""Values of a layer that are kept of each sample, for its histogram."""

_BINS = 48
_WORST = 3
"""Layers that are named, with a histogram and advice."""

_CENTRAL = (0.5, 99.5)
"""Percentiles between which the bulk of a tensor's values lies."""

SILENCE_DB = 200.0
"""The ratio given where there is no noise at all."""


@dataclass(frozen=True)
class Histogram:
    """Counts of values in equal bins from ``low`` to ``high``, float and quantized."""

    low: float
    high: float
    baseline: tuple[int, ...]
    quantized: tuple[int, ...]


@dataclass(frozen=True)
class LayerNoise:
    """What quantization does to the output of one layer, whose operator in the model is ``index``.

    ``matched_by`` is ``name`` or ``order``, or why there is nothing to compare with. Signal to noise
    is ``accumulated_db`` with the noise of all layers before, ``own_db`` of this layer alone (None
    where its inputs have no counterpart). ``clipped`` is the share of the float values that the
    quantized range does not reach, 0 to 1; ``levels`` are the steps that their central 99 % span, of
    the type's ``range_levels``. Only the worst layers have ``advice`` and a ``histogram``.
    """

    index: int
    operator: str
    tensor: str
    matched_by: str
    accumulated_db: float | None = None
    own_db: float | None = None
    clipped: float = 0.0
    levels: float = 0.0
    range_levels: int = 0
    scale: float = 0.0
    advice: str = ""
    histogram: Histogram | None = None


@dataclass(frozen=True)
class Noise:
    """The layers of a quantized model, and which are worst (numbers of operators, worst first)."""

    layers: tuple[LayerNoise, ...]
    worst: tuple[int, ...]
    samples: int
    unmatched: tuple[str, ...]


@dataclass(eq=False)
class _Sums:
    """Energies of a layer's signal and noises, and a part of its values."""

    signal: float = 0.0
    noise: float = 0.0
    own_noise: float | None = None
    clipped: int = 0
    count: int = 0
    kept: list[tuple[AnyArray, AnyArray]] = field(default_factory=list)


def measure_noise(
    baseline: Network, other: Network, data: Dataset, progress: Progress, *, trained: bool = False
) -> Noise:
    """Run both networks on the data and compare them layer by layer.

    ``trained`` says that the other one's weights were trained on; noise is then not rounding alone.
    """
    matching = match(baseline, other)
    sums = {pair.layer.operator.index: _Sums() for pair in matching.pairs}
    pairs_of_samples = zip(samples_of(baseline, data), samples_of(other, data), strict=True)
    for number, (real, quantized) in enumerate(pairs_of_samples):
        progress(f"layers of sample {number + 1} of {data.count}")
        expected = reference.run(baseline, real)
        got = reference.run(other, quantized)
        for pair in matching.pairs:
            _add(sums[pair.layer.operator.index], pair, other, matching, expected, got)
    layers = [_layer_noise(pair, other, sums[pair.layer.operator.index]) for pair in matching.pairs]
    worst = _worst(layers)
    named = [
        _with_advice(layer, sums[layer.index], trained) if layer.index in worst else layer
        for layer in layers
    ]
    unmatched = tuple(
        f"{layer.operator.label} → {other.tensors[layer.outputs[0]].name}"
        for layer in matching.unmatched
    )
    return Noise(tuple(named), worst, data.count, unmatched)


def _add(
    sums: _Sums,
    pair: Pair,
    other: Network,
    matching: Matching,
    expected: Mapping[int, AnyArray],
    got: Mapping[int, AnyArray],
) -> None:
    output = pair.layer.outputs[0]
    tensor = other.tensors[output]
    real = expected[pair.baseline.outputs[0]].astype(np.float64).reshape(-1)
    values = decoded(tensor, got[output]).reshape(-1)
    sums.signal += float((real**2).sum())
    sums.noise += float(((values - real) ** 2).sum())
    low, high = _real_range(tensor)
    half = 0.5 * _scale(tensor)
    sums.clipped += int(((real < low - half) | (real > high + half)).sum())
    sums.count += real.size
    stride = max(1, real.size // _KEPT_VALUES)
    sums.kept.append((real[::stride], values[::stride]))
    if not pair.layer.states and all(index in matching.tensors for index in pair.layer.inputs):
        given = [
            encoded(other.tensors[index], expected[matching.tensors[index]]).reshape(
                other.tensors[index].shape
            )
            for index in pair.layer.inputs
        ]
        own = decoded(tensor, pair.layer.reference(*given)[0]).reshape(-1)
        sums.own_noise = (sums.own_noise or 0.0) + float(((own - real) ** 2).sum())


def _scale(tensor: Tensor) -> float:
    quantization = tensor.quantization
    return quantization.scales[0] if quantization and quantization.scales else 0.0


def _real_range(tensor: Tensor) -> tuple[float, float]:
    """The smallest and largest real value that the tensor can hold."""
    if tensor.dtype not in INTEGER_RANGES or not _scale(tensor):
        return -math.inf, math.inf
    low, high = decoded(tensor, np.array(INTEGER_RANGES[tensor.dtype]))
    return float(low), float(high)


def decibels(signal: float, noise: float) -> float:
    """10·log10 of the ratio; ``SILENCE_DB`` at most."""
    if signal <= 0:
        return 0.0 if noise > 0 else SILENCE_DB
    return min(SILENCE_DB, 10 * math.log10(signal / noise)) if noise > 0 else SILENCE_DB


def _layer_noise(pair: Pair, other: Network, sums: _Sums) -> LayerNoise:
    tensor = other.tensors[pair.layer.outputs[0]]
    scale = _scale(tensor)
    values = np.concatenate([real for real, _ in sums.kept])
    low, high = np.percentile(values, _CENTRAL)
    ends = INTEGER_RANGES.get(tensor.dtype)
    return LayerNoise(
        index=pair.layer.operator.index,
        operator=pair.layer.operator.custom_code or pair.layer.operator.opcode,
        tensor=tensor.name,
        matched_by=pair.by,
        accumulated_db=decibels(sums.signal, sums.noise),
        own_db=None if sums.own_noise is None else decibels(sums.signal, sums.own_noise),
        clipped=sums.clipped / sums.count,
        levels=float(high - low) / scale if scale else 0.0,
        range_levels=ends[1] - ends[0] + 1 if ends and scale else 0,
        scale=scale,
    )


def _worst(layers: Sequence[LayerNoise]) -> tuple[int, ...]:
    """The layers that add most noise themselves, which those that move elements do not."""
    movers = named(lambda kind: kind.moves)
    ranked = sorted(
        (layer for layer in layers if layer.operator not in movers and _ratio(layer) < SILENCE_DB),
        key=lambda layer: (_ratio(layer), layer.index),
    )
    return tuple(layer.index for layer in ranked[:_WORST])


def _ratio(layer: LayerNoise) -> float:
    ratio = layer.accumulated_db if layer.own_db is None else layer.own_db
    return SILENCE_DB if ratio is None else ratio


def _with_advice(layer: LayerNoise, sums: _Sums, trained: bool) -> LayerNoise:
    real = np.concatenate([kept for kept, _ in sums.kept])
    values = np.concatenate([kept for _, kept in sums.kept])
    edges = _edges(layer.scale, np.concatenate([real, values]))
    counts = [np.histogram(x, bins=edges)[0].tolist() for x in (real, values)]
    return replace(
        layer,
        advice=advice_for(
            layer.operator,
            _ratio(layer),
            layer.clipped,
            layer.levels,
            layer.range_levels,
            trained=trained,
        ),
        histogram=Histogram(float(edges[0]), float(edges[-1]), tuple(counts[0]), tuple(counts[1])),
    )


def _edges(scale: float, values: AnyArray) -> AnyArray:
    """Ends of bins; of a quantized tensor every bin holds the same number of steps, whole ones."""
    low, high = float(values.min()), float(values.max())
    if not high > low:
        high = low + 1.0
    if not scale:
        return np.linspace(low, high, _BINS + 1)
    first, last = math.floor(low / scale + 0.5), math.floor(high / scale + 0.5)
    steps = math.ceil((last - first + 1) / _BINS)
    bins = math.ceil((last - first + 1) / steps)
    edges: AnyArray = (first - 0.5 + steps * np.arange(bins + 1)) * scale
    return edges
