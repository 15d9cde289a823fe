# SPDX-License-Identifier: Apache-2.0
"""Worked layers: whoever calculates from the printed numbers alone must reach the reference."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command import tinygen
from tests.conftest import DIGITS, shared_model
from tests.ops.generators import GENERATORS, random_model
from tests.ops.generators.typed import CASES, typed_model
from tinygen.explanation import explain
from tinygen.ir import reference
from tinygen.ir.graph import Numerics
from tinygen.ir.network import Network
from tinygen.ops.registry import named
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model, read_model_bytes

FUNCTIONS = {f.__name__: f for f in (abs, int, max, min, sum, zip, math.exp, math.tanh)}
WORKED = [name for name in GENERATORS if name not in ("CONCATENATION", "PAD", "PADV2", "RESHAPE")]
WORKED_TYPES = [
    ("ADD", "INT16"),
    ("SUB", "INT8"),
    ("SUB", "INT16"),
    ("MUL", "INT16"),
    ("ADD", "FLOAT32"),
    ("LOGISTIC", "INT8"),
    ("TANH", "INT8"),
    ("ABS", "INT8"),
    ("HARD_SWISH", "INT8"),
    ("CONV_2D", "INT16"),
    ("CONV_2D", "FLOAT32"),
    ("DEPTHWISE_CONV_2D", "INT16"),
    ("FULLY_CONNECTED", "INT16"),
    ("FULLY_CONNECTED", "FLOAT32"),
]


def recalculate(layer: dict[str, Any]) -> None:
    """Evaluate every formula with nothing but the layer's own data."""
    columns = {
        column: [term[key] for term in layer["terms"]]
        for column, key in (("products", "product"), ("values", "value"), ("weights", "weight"))
    }
    label = f"{layer['operator']} {layer['element']}"
    for line in layer["lines"]:
        value = eval(line["formula"], {"__builtins__": {}, **FUNCTIONS, **columns})  # noqa: S307
        if line["within"] == 0 and isinstance(line["value"], int):
            assert value == line["value"], f"{label}: {line}"
        else:
            allowed = max(line["within"], 1e-9 * abs(line["value"]))
            assert abs(value - line["value"]) <= allowed, f"{label}: {line} is {value}"
    (output,) = [line["value"] for line in layer["lines"] if line["name"] == "output"]
    assert output == layer["expected"], label


def worked(network: Network, seed: int) -> list[dict[str, Any]]:
    (inputs,) = reference.random_inputs(network, 1, seed)
    return [layer.to_dict() for layer in explain(network, inputs).layers]


def test_kws_layer_0_by_hand_equals_the_reference() -> None:
    """Issue 6: recomputed from the JSON's numbers, without any formula of tinygen's."""
    path = shared_model("mlperf_kws.tflite")
    ran = tinygen("explain", path, "--layer", "0", "--seed", "7", "--json")
    assert ran.returncode == 0, ran.stderr
    (layer,) = json.loads(ran.stdout)["layers"]
    p = layer["parameters"]
    accumulator = p["bias"] + sum(
        (term["value"] - p["input_zero_point"]) * term["weight"] for term in layer["terms"]
    )
    assert accumulator == p["folded_bias"] + sum(t["value"] * t["weight"] for t in layer["terms"])
    assert len(layer["terms"]) == 40
    high = (accumulator * p["multiplier"] + 2**30) // 2**31
    right = -p["shift"]
    assert right > 0
    scaled = math.copysign((abs(high) + 2 ** (right - 1)) // 2**right, high)
    output = min(max(scaled + p["output_zero_point"], p["clamp_min"]), p["clamp_max"])

    network = lower(rewrite(read_model(path)))
    (inputs,) = reference.random_inputs(network, 1, 7)
    first = network.layers[0]
    values = reference.run(network, inputs)[first.outputs[0]]
    assert output == values[tuple(layer["element"])] == layer["expected"]
    assert p["clamp_min"] < output < p["clamp_max"], "the element shows the arithmetic, not a clamp"

    scales = {tensor["role"]: tensor["scale"] for tensor in layer["tensors"]}
    real = scales["input"] * scales["weights"] / scales["output"]
    assert p["real_multiplier"] == pytest.approx(real, rel=1e-15)
    assert p["multiplier"] * 2.0 ** (p["shift"] - 31) == pytest.approx(real, rel=2.0**-30)
    real_output = accumulator * scales["input"] * scales["weights"]
    assert abs(layer["expected_real"] - real_output) <= 0.51 * scales["output"]


def test_the_printed_page_holds_the_same_numbers() -> None:
    path = shared_model("mlperf_kws.tflite")
    page = tinygen("explain", path, "--layer", "0").stdout
    (layer,) = json.loads(tinygen("explain", path, "--layer", "0", "--json").stdout)["layers"]
    rows = re.findall(r"^\s*\[.*?\]\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s*$", page, re.M)
    assert [[int(n) for n in row] for row in rows] == [
        [term[key] for key in ("value", "centred", "weight", "product")] for term in layer["terms"]
    ]
    for line in layer["lines"]:
        assert f"{line['formula']} = {line['value']!r}" in page
    for value in layer["parameters"].values():
        assert repr(value) in page


@pytest.mark.parametrize(
    "name", ["mlperf_kws", "mlperf_ic", "mlperf_ad", "hello_world_int8", "micro_speech"]
)
def test_every_layer_of_real_models(name: str) -> None:
    network = lower(rewrite(read_model(shared_model(f"{name}.tflite"))))
    for layer in worked(network, 3):
        assert layer["worked"], layer["operator"]
        recalculate(layer)


@pytest.mark.parametrize("opcode", WORKED)
def test_random_int8_layers(opcode: str) -> None:
    for seed in range(12):
        network = lower(read_model_bytes(random_model(opcode, seed), opcode))
        for layer in worked(network, seed):
            assert layer["worked"], f"{opcode}, model {seed}"
            recalculate(layer)


@pytest.mark.parametrize(("opcode", "dtype"), WORKED_TYPES)
def test_random_layers_of_other_types(opcode: str, dtype: str) -> None:
    for seed in range(12):
        network = lower(read_model_bytes(typed_model(opcode, dtype, seed), opcode))
        for layer in worked(network, seed):
            assert layer["worked"], f"{opcode} {dtype}, model {seed}"
            recalculate(layer)


@pytest.mark.parametrize(
    ("opcode", "dtype"),
    [
        (opcode, dtype)
        for opcode, dtype in CASES
        if opcode in named(lambda kind: kind.moves) and dtype in ("INT8", "FLOAT32", "INT16")
    ],
)
def test_movers_say_where_an_element_comes_from(opcode: str, dtype: str) -> None:
    traced = 0
    for seed in range(6):
        network = lower(read_model_bytes(typed_model(opcode, dtype, seed), opcode))
        for layer in worked(network, seed):
            if layer["worked"]:
                recalculate(layer)
                traced += 1
    assert traced or opcode in ("GATHER_ND",)


def test_rounding_once_as_litert_does() -> None:
    for seed in range(12):
        graph = read_model_bytes(random_model("FULLY_CONNECTED", seed), "litert")
        (layer,) = worked(lower(graph, Numerics.LITERT), seed)
        recalculate(layer)


def test_any_element_can_be_asked_for(tmp_path: Path) -> None:
    network = lower(rewrite(read_model(DIGITS)))
    (inputs,) = reference.random_inputs(network, 1, 5)
    samples = tmp_path / "one.npy"
    np.save(samples, np.stack([np.zeros_like(inputs[0]), inputs[0]]))
    values = reference.run(network, inputs)[network.layers[0].outputs[0]]
    for element in ((0, 0, 0, 0), tuple(n - 1 for n in values.shape)):
        at = ",".join(map(str, element))
        ran = tinygen(
            "explain",
            DIGITS,
            "--layer",
            "0",
            "--element",
            at,
            "--input",
            samples,
            "--sample",
            "1",
            "--json",
        )
        (layer,) = json.loads(ran.stdout)["layers"]
        assert layer["expected"] == values[element]
        assert any(term["where"] is None for term in layer["terms"]), "corners see padding"
        recalculate(layer)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--layer", "99"), "no layer 99"),
        (("--layer", "0", "--element", "0,99,0,0"), "no output element 0,99,0,0"),
        (("--layer", "0", "--element", "a,b"), "no index"),
        (("--element", "0,0,0,0"), "--layer"),
    ],
)
def test_bad_requests_are_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    ran = tinygen("explain", DIGITS, *arguments)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_overview_has_a_row_for_every_layer() -> None:
    ran = tinygen("explain", DIGITS)
    assert ran.returncode == 0
    for layer in json.loads(tinygen("explain", DIGITS, "--json").stdout)["layers"]:
        multiplier = layer["parameters"].get("multiplier")
        assert layer["operator"] in ran.stdout
        assert multiplier is None or str(multiplier) in ran.stdout
