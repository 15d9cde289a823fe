# SPDX-License-Identifier: Apache-2.0
"""The range of every activation, measured on samples.

TensorFlow's calibrator runs the float model and writes each tensor's smallest and largest value
into a copy of it; its quantizer takes the ranges from there. The other methods clip those ranges, in
that same copy, where fewer steps spent on rare extremes serve the rest better: so every method is
carried out by the same quantizer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from tinygen.errors import UnsupportedError
from tinygen.ir.graph import AnyArray, DType, Graph
from tinygen.quantization.data import Dataset
from tinygen.quantization.tensorflow_extra import guarded, quiet, require, tensorflow
from tinygen.tflite.reader import read_model_bytes

Range = tuple[float, float]

BINS = 2048
"""Resolution of a tensor's histogram between its smallest and largest value."""

LEVELS = 256
_RANGES_ARE_MEASURED_BY_TENSORFLOW = ("LSTM", "WHILE", "SVDF")
"""Operators whose state must share its range with others: their outputs keep smallest and largest."""


class Method(Enum):
    """How a range is chosen; the value is its name on the command line."""

    MIN_MAX = "min-max"
    PERCENTILE = "percentile"
    MSE = "mse"
    ENTROPY = "entropy"


@dataclass(frozen=True, eq=False)
class Histogram:
    """How often a tensor's values fell into equal steps from ``low`` to ``high``."""

    low: float
    high: float
    counts: AnyArray

    @property
    def centres(self) -> AnyArray:
        """The middle of each step."""
        step = (self.high - self.low) / len(self.counts)
        return self.low + step * (np.arange(len(self.counts)) + 0.5)


def min_max_model(tflite: bytes, calibration: Dataset) -> bytes:
    """A copy of a float model that holds the smallest and largest value of every activation.

    Tensors that fused operators keep inside (an LSTM's) are added first, as the converter does.

    Raises:
        UnsupportedError: TensorFlow cannot run the model on these samples.
    """
    tensorflow()
    calibrator = require("tensorflow.lite.python.optimize.calibrator", "calibration")
    feeds = calibration.feeds
    with guarded(UnsupportedError, "TensorFlow cannot calibrate the model"):
        prepared = calibrator.add_intermediate_tensors(tflite)
        return bytes(calibrator.Calibrator(prepared).calibrate(feeds))


def clipped_ranges(
    tflite: bytes, calibrated: bytes, calibration: Dataset, method: Method, percentile: float
) -> dict[str, Range]:
    """Ranges by tensor name, chosen by another method than the extremes, which ``calibrated`` holds.

    ``PERCENTILE`` keeps that share (50 to 100 %) of the values, as much cut at either end; ``MSE``
    minimizes the squared error of rounding and clipping (Banner et al., "Post-training 4-bit
    quantization of convolution networks", 2019, searched instead of solved); ``ENTROPY`` the
    Kullback-Leibler divergence of the quantized distribution from the real one (Migacz, "8-bit
    inference with TensorRT", 2017).
    """
    extremes = tensor_ranges(calibrated)
    histograms = _histograms(tflite, extremes, calibration)
    choose: Callable[[Histogram], Range] = {
        Method.PERCENTILE: lambda histogram: percentile_range(histogram, percentile),
        Method.MSE: mse_range,
        Method.ENTROPY: entropy_range,
    }[method]
    return {name: choose(histogram) for name, histogram in histograms.items()}


def percentile_range(histogram: Histogram, percentile: float) -> Range:
    """The range that keeps ``percentile`` % of the values, the rest cut equally at both ends."""
    share = np.cumsum(histogram.counts) / histogram.counts.sum()
    edges = np.linspace(histogram.low, histogram.high, len(histogram.counts) + 1)
    cut = (1 - percentile / 100) / 2
    low = edges[np.searchsorted(share, cut, side="right")] if cut else histogram.low
    high = edges[np.searchsorted(share, 1 - cut) + 1] if cut else histogram.high
    return _with_zero(float(low), float(high))


def mse_range(histogram: Histogram) -> Range:
    """The clipping of both ends by one factor whose squared error over the histogram is smallest."""
    values, weights = histogram.centres, histogram.counts

    def error(factor: float) -> float:
        low, high = _with_zero(histogram.low * factor, histogram.high * factor)
        step = (high - low) / (LEVELS - 1)
        if step == 0:
            return np.inf
        rounded = np.clip(np.rint((values - low) / step), 0, LEVELS - 1) * step + low
        return float(np.dot(weights, (values - rounded) ** 2))

    best = min(np.linspace(1.0, 0.2, 81), key=error)
    return _with_zero(histogram.low * float(best), histogram.high * float(best))


def entropy_range(histogram: Histogram) -> Range:
    """The threshold on the magnitude whose 8-bit distribution diverges least from the real one."""
    reach = max(-histogram.low, histogram.high)
    magnitudes = np.abs(histogram.centres)
    step = reach / BINS
    counts = np.bincount(
        np.minimum((magnitudes / step).astype(np.int64), BINS - 1),
        weights=histogram.counts,
        minlength=BINS,
    )
    one_sided = histogram.low >= 0 or histogram.high <= 0
    levels = LEVELS if one_sided else LEVELS // 2
    best = min(range(levels, BINS + 1, 8), key=lambda kept: _divergence(counts, kept, levels))
    limit = best * step
    return _with_zero(max(histogram.low, -limit), min(histogram.high, limit))


def _divergence(counts: AnyArray, kept: int, levels: int) -> float:
    """Kullback-Leibler divergence if the first ``kept`` of the bins are spread over ``levels``."""
    real = counts[:kept].copy()
    real[-1] += counts[kept:].sum()
    level = np.arange(kept) * levels // kept
    nonzero = counts[:kept] > 0
    sums = np.bincount(level, weights=counts[:kept], minlength=levels)
    filled = np.bincount(level, weights=nonzero, minlength=levels)
    spread = np.where(nonzero, (sums / np.maximum(filled, 1))[level], 0)
    if not spread.sum():
        return np.inf
    p, q = real / real.sum(), spread / spread.sum()
    inside = p > 0
    if (q[inside] == 0).any():
        q = (q + 1e-9) / (q + 1e-9).sum()
    return float(np.sum(p[inside] * np.log(p[inside] / q[inside])))


def _with_zero(low: float, high: float) -> Range:
    """Zero must be in every range: padding and ReLU need it exactly."""
    return min(low, 0.0), max(high, 0.0)


def _histograms(
    tflite: bytes, extremes: Mapping[str, Range], calibration: Dataset
) -> dict[str, Histogram]:
    interpreter = require("ai_edge_litert.interpreter", "calibration")
    with quiet():
        runner = interpreter.Interpreter(
            model_content=tflite,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
        )
        runner.allocate_tensors()
    graph = read_model_bytes(tflite, "the float model")
    watched = {
        tensor: extremes[graph.main.tensors[tensor].name]
        for tensor in _free_activations(graph)
        if graph.main.tensors[tensor].name in extremes
    }
    counts = {tensor: np.zeros(BINS) for tensor in watched}
    for sample in calibration.feeds():
        runner.reset_all_variables()
        for tensor, value in zip(graph.main.inputs, sample, strict=True):
            runner.set_tensor(tensor, value)
        runner.invoke()
        for tensor, extreme in watched.items():
            if extreme[0] < extreme[1]:
                value = np.clip(runner.get_tensor(tensor), *extreme)
                counts[tensor] += np.histogram(value, BINS, extreme)[0]
    return {
        graph.main.tensors[tensor].name: Histogram(*watched[tensor], count)
        for tensor, count in counts.items()
        if count.sum()
    }


def _free_activations(graph: Graph) -> list[int]:
    """Float tensors whose range may be chosen: the inputs, and outputs of stateless operators."""
    main = graph.main
    produced = [
        output
        for operator in main.operators
        if not any(word in operator.opcode for word in _RANGES_ARE_MEASURED_BY_TENSORFLOW)
        for output in operator.outputs
    ]
    return [
        index for index in (*main.inputs, *produced) if main.tensors[index].dtype is DType.FLOAT32
    ]


def tensor_ranges(calibrated: bytes) -> dict[str, Range]:
    """Smallest and largest value by tensor name, as ``min_max_model`` wrote them."""
    ranges = {}
    for tensor in unpacked(calibrated).subgraphs[0].tensors:
        record = tensor.quantization
        if record is not None and record.min is not None and len(record.min) == 1:
            ranges[tensor.name.decode()] = float(record.min[0]), float(record.max[0])
    return ranges


def with_ranges(calibrated: bytes, ranges: Mapping[str, Range]) -> bytes:
    """A copy of a calibrated model with other ranges, by tensor name."""
    model = unpacked(calibrated)
    for tensor in model.subgraphs[0].tensors:
        chosen = ranges.get(tensor.name.decode())
        if chosen is not None and tensor.quantization is not None:
            tensor.quantization.min = [chosen[0]]
            tensor.quantization.max = [chosen[1]]
    return packed(model)


def unpacked(tflite: bytes) -> Any:
    """The schema object of a file."""
    schema = require("ai_edge_litert.schema_py_generated", "quantization")
    return schema.ModelT.InitFromPackedBuf(tflite)


def packed(model: Any) -> bytes:
    """The file of a schema object."""
    flatbuffers = require("flatbuffers", "quantization")
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
