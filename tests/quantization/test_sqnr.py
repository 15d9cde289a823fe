# SPDX-License-Identifier: Apache-2.0
"""Noise by layer: against a calculation of its own, and on models that are spoilt on purpose."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.models.builder import packed
from tests.models.float_twin import float_twin
from tinygen.ir import reference
from tinygen.ir.network import Network
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.quantization.data import Dataset, dataset_of, signature_of
from tinygen.quantization.matching import match
from tinygen.quantization.sqnr import SILENCE_DB, Noise, measure_noise
from tinygen.tflite.reader import read_model_bytes

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = (DIGITS / "digits.tflite").read_bytes()


def network(content: bytes) -> Network:
    return lower(rewrite(read_model_bytes(content, "model")))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    images = np.load(DIGITS / "digits_test.npz")["images"][:12]
    return dataset_of(images, signature_of(network(float_twin(MODEL)).graph), "digits")


def _silent(text: str) -> None:
    """Tell nobody."""


def noise(baseline: bytes, other: bytes, data: Dataset) -> Noise:
    return measure_noise(network(baseline), network(other), data, _silent)


def rescaled(operator: int, factor: float) -> bytes:
    """The digits model with a wrong scale for the output of an operator."""
    model = schema.ModelT.InitFromPackedBuf(MODEL, 0)
    graph = model.subgraphs[0]
    tensor = graph.tensors[graph.operators[operator].outputs[0]]
    tensor.quantization.scale = np.asarray(tensor.quantization.scale * factor, np.float32)
    return packed(model)


def test_a_model_compared_with_itself_has_no_noise(digits: Dataset) -> None:
    twin = float_twin(MODEL)
    found = noise(twin, twin, digits)
    assert [layer.accumulated_db for layer in found.layers] == [SILENCE_DB] * len(found.layers)
    assert found.worst == ()
    assert found.unmatched == ()


def test_ratios_equal_their_definition(digits: Dataset) -> None:
    ours, real = network(MODEL), network(float_twin(MODEL))
    found = noise(float_twin(MODEL), MODEL, digits)
    position = 5
    layer = ours.layers[position]
    (source,), (result,) = layer.inputs, layer.outputs
    into, out = ours.tensors[source].quantization, ours.tensors[result].quantization
    first = ours.tensors[ours.inputs[0]].quantization
    assert into is not None
    assert out is not None
    assert first is not None
    signal = own = accumulated = 0.0
    (images,) = digits.inputs.values()
    for image in images:
        expected = reference.run(real, [image])
        quantized = np.clip(np.rint(image / first.scales[0]) + first.zero_points[0], -128, 127)
        got = reference.run(ours, [quantized.astype(np.int8)])
        x = expected[real.layers[position].inputs[0]].astype(np.float64)
        y = expected[real.layers[position].outputs[0]].astype(np.float64)
        steps = np.clip(np.rint(x / into.scales[0]) + into.zero_points[0], -128, 127)
        alone = layer.reference(steps.astype(np.int8))[0]
        signal += float((y**2).sum())
        for values, total in ((alone, "own"), (got[result], "accumulated")):
            error = (values.astype(np.float64) - out.zero_points[0]) * out.scales[0] - y
            if total == "own":
                own += float((error**2).sum())
            else:
                accumulated += float((error**2).sum())
    assert found.layers[position].own_db == pytest.approx(10 * math.log10(signal / own), abs=0.05)
    assert found.layers[position].accumulated_db == pytest.approx(
        10 * math.log10(signal / accumulated), abs=0.05
    )


def test_too_coarse_a_scale_is_named_with_its_layer(digits: Dataset) -> None:
    good = noise(float_twin(MODEL), MODEL, digits)
    bad = noise(float_twin(MODEL), rescaled(2, 16.0), digits)
    assert bad.worst[0] == 2
    before, after = good.layers[2].own_db, bad.layers[2].own_db
    assert before is not None
    assert after is not None
    # 16 times coarser: 4 bits, at 6.02 dB each.
    assert before - after == pytest.approx(24.1, abs=3)
    assert "Outliers stretch its range" in bad.layers[2].advice
    histogram = bad.layers[2].histogram
    assert histogram is not None
    assert sum(histogram.baseline) == sum(histogram.quantized) > 0


def test_too_narrow_a_range_is_called_clipping(digits: Dataset) -> None:
    bad = noise(float_twin(MODEL), rescaled(2, 1 / 8), digits)
    assert bad.worst[0] == 2
    assert bad.layers[2].clipped > 0.05
    assert "clipped" in bad.layers[2].advice


def test_layers_are_matched_in_order_where_names_tell_nothing() -> None:
    real, ours = network(float_twin(MODEL, rename="other/")), network(MODEL)
    matching = match(real, ours)
    assert [pair.by for pair in matching.pairs] == ["order"] * len(ours.layers)
    for pair in matching.pairs:
        assert pair.baseline.operator.index == pair.layer.operator.index


def test_a_layer_without_counterpart_is_said() -> None:
    """The float model lacks the last operator, as one that gives logits would."""
    twin = schema.ModelT.InitFromPackedBuf(float_twin(MODEL, rename="other/"), 0)
    graph = twin.subgraphs[0]
    graph.outputs = np.asarray(graph.operators[-1].inputs[:1], np.int32)
    graph.operators = graph.operators[:-1]
    matching = match(network(packed(twin)), network(MODEL))
    assert [layer.operator.opcode for layer in matching.unmatched] == ["SOFTMAX"]
    assert len(matching.pairs) == len(graph.operators)
