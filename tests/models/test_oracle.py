# SPDX-License-Identifier: Apache-2.0
"""The model builder and the oracles: built models run, and compute what arithmetic says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.models.builder import ModelBuilder
from tests.models.oracle import OracleRejects, run_litert, run_tflm
from tinygen.ir.graph import AnyArray
from tinygen.tflite.reader import read_model_bytes

Oracle = Callable[[bytes, Sequence[AnyArray]], list[AnyArray]]
ORACLES = pytest.mark.parametrize("oracle", [run_tflm, run_litert])


def int8(values: object) -> AnyArray:
    return np.array(values, np.int8)


@ORACLES
def test_fully_connected(oracle: Oracle) -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 3), scale=0.5, zero_point=1)
    w = builder.tensor((2, 3), scale=0.5, data=int8([[1, 2, 3], [-1, 0, 1]]))
    b = builder.tensor((2,), "INT32", scale=0.25, data=[4, -8])
    y = builder.tensor((1, 2), scale=0.25, zero_point=-3)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y]).inputs(x).outputs(y)
    (result,) = oracle(builder.build(), [int8([[5, 6, 7]])])
    assert result.tolist() == [[4 + 10 + 18 + 4 - 3, -4 + 6 - 8 - 3]]


@ORACLES
def test_fused_activation_by_name(oracle: Oracle) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((4,), scale=0.5), builder.tensor((4,), scale=0.5)
    z = builder.tensor((4,), scale=0.5)
    builder.operator("ADD", [x, y], [z], fused_activation_function="RELU6")
    model = builder.inputs(x, y).outputs(z).build()
    (result,) = oracle(model, [int8([-9, 1, 6, 50]), int8([1, 2, 8, 60])])
    assert result.tolist() == [0, 3, 12, 12]


@ORACLES
def test_several_outputs(oracle: Oracle) -> None:
    builder = ModelBuilder()
    axis = builder.tensor((), "INT32", data=1)
    x = builder.tensor((2, 4), scale=1.0)
    halves = [builder.tensor((2, 2), scale=1.0) for _ in range(2)]
    builder.operator("SPLIT", [axis, x], halves, num_splits=2).inputs(x).outputs(*halves)
    left, right = oracle(builder.build(), [int8([[1, 2, 3, 4], [5, 6, 7, 8]])])
    assert left.tolist() == [[1, 2], [5, 6]]
    assert right.tolist() == [[3, 4], [7, 8]]


@ORACLES
def test_other_subgraphs_run(oracle: Oracle) -> None:
    builder = ModelBuilder()
    condition, x = builder.tensor((1,), "BOOL"), builder.tensor((2,), "FLOAT32")
    y = builder.tensor((2,), "FLOAT32")
    builder.operator("IF", [condition, x], [y], then_subgraph_index=1, else_subgraph_index=2)
    builder.inputs(condition, x).outputs(y)
    for name, opcode in (("then", "ADD"), ("else", "MUL")):
        builder.subgraph(name)
        a, b = builder.tensor((2,), "FLOAT32"), builder.tensor((2,), "FLOAT32")
        builder.operator(opcode, [a, a], [b]).inputs(a).outputs(b)
    model = builder.build()
    assert [s.name for s in read_model_bytes(model, "m").subgraphs] == ["main", "then", "else"]
    value = np.array([3.0, 5.0], np.float32)
    assert oracle(model, [np.array([True]), value])[0].tolist() == [6.0, 10.0]
    assert oracle(model, [np.array([False]), value])[0].tolist() == [9.0, 25.0]


def test_int4_weights_in_tflm() -> None:
    """TFLM unpacks INT4 weights the way the reader does."""
    weights = int8([[1, -8, 7], [-1, 0, 5]])
    builder = ModelBuilder()
    x = builder.tensor((1, 3), scale=1.0)
    w = builder.tensor((2, 3), "INT4", scale=1.0, data=weights)
    b = builder.tensor((2,), "INT32", scale=1.0, data=[0, 0])
    y = builder.tensor((1, 2), scale=1.0)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y]).inputs(x).outputs(y)
    value = int8([[1, 2, 3]])
    read = read_model_bytes(builder.build(), "m").main.tensors[w].data
    assert read is not None
    np.testing.assert_array_equal(read, weights)
    (result,) = run_tflm(builder.build(), [value])
    np.testing.assert_array_equal(result, value @ weights.T)


def test_custom_operator_in_tflm() -> None:
    """SignalEnergy squares complex int16 values; its options are a flexbuffer."""
    path = shared_model("audio_preprocessor_int8.tflite")
    graph = read_model_bytes(path.read_bytes(), "m")
    original = next(op for op in graph.main.operators if op.custom_code == "SignalEnergy")
    options = original.options["custom_options"]
    assert isinstance(options, bytes)
    builder = ModelBuilder()
    source, target = original.inputs[0], original.outputs[0]
    x = builder.tensor(graph.main.tensors[source].shape, graph.main.tensors[source].dtype.value)
    y = builder.tensor(graph.main.tensors[target].shape, graph.main.tensors[target].dtype.value)
    builder.custom("SignalEnergy", [x], [y], custom_options=options).inputs(x).outputs(y)
    values = np.zeros(graph.main.tensors[source].shape, np.int16)
    values.reshape(-1)[20:22] = 3, 4
    (result,) = run_tflm(builder.build(), [values])
    assert result.reshape(-1)[10] == 3 * 3 + 4 * 4


def test_each_run_in_tflm_starts_afresh() -> None:
    model = shared_model("mnist_lstm_int8.tflite").read_bytes()
    shape = read_model_bytes(model, "m").main.tensors[0].shape
    value = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    first, second = run_tflm(model, [value]), run_tflm(model, [value])
    np.testing.assert_array_equal(first[0], second[0])


@ORACLES
def test_refusal(oracle: Oracle) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 2), scale=1.0), builder.tensor((1, 3), scale=1.0)
    builder.custom("NoSuchOperator", [x], [y]).inputs(x).outputs(y)
    with pytest.raises(OracleRejects):
        oracle(builder.build(), [int8([[1, 2]])])


@ORACLES
def test_input_of_the_wrong_type_is_refused(oracle: Oracle) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((2,), scale=1.0), builder.tensor((2,), scale=1.0)
    builder.operator("RELU", [x], [y]).inputs(x).outputs(y)
    with pytest.raises(OracleRejects, match=r"(?i)type"):
        oracle(builder.build(), [np.zeros(2, np.int16)])
