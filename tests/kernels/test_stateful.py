# SPDX-License-Identifier: Apache-2.0
"""Models that keep a state: many inferences in a row, with resets, against TFLM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

from tests.conftest import shared_model
from tests.kernels.host_batch import build
from tests.models.builder import ModelBuilder
from tests.ops.comparison import assert_equal
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.passes.lowering import lower
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes

_INFERENCES = 50


def _accumulator() -> bytes:
    """A running sum that starts at 7: y = sum += x, int32."""
    builder = ModelBuilder()
    x = builder.tensor((4,), "INT32")
    handle = builder.tensor((), "RESOURCE")
    old, new, y = (builder.tensor((4,), "INT32") for _ in range(3))
    zero = builder.tensor((4,), "INT32", data=np.zeros(4, np.int32))
    builder.operator("CALL_ONCE", [], [], init_subgraph_index=1)
    builder.operator("VAR_HANDLE", [], [handle], container="", shared_name="sum")
    builder.operator("READ_VARIABLE", [handle], [old])
    builder.operator("ADD", [old, x], [new])
    builder.operator("ASSIGN_VARIABLE", [handle, new], [])
    builder.operator("ADD", [new, zero], [y])
    builder.inputs(x).outputs(y)
    builder.subgraph("init")
    inner = builder.tensor((), "RESOURCE")
    seven = builder.tensor((4,), "INT32", data=np.full(4, 7, np.int32))
    builder.operator("VAR_HANDLE", [], [inner], container="", shared_name="sum")
    builder.operator("ASSIGN_VARIABLE", [inner, seven], [])
    builder.inputs().outputs()
    return builder.build()


def _svdf(state: str) -> bytes:
    """An SVDF of rank 2 over 3 units, memory 4, batch 2."""
    rng = np.random.default_rng(5)
    kind = "FLOAT32" if state == "FLOAT32" else "INT8"
    quantized = kind == "INT8"

    def values(shape: tuple[int, ...], dtype: str) -> AnyArray:
        if dtype == "FLOAT32":
            return rng.uniform(-1, 1, shape).astype(np.float32)
        return rng.integers(-100, 100, shape).astype(dtype.lower())

    def scale(of: float) -> float | None:
        return of if quantized else None

    builder = ModelBuilder()
    x = builder.tensor((2, 5), kind, scale=scale(0.1), zero_point=3)
    features = builder.tensor((6, 5), kind, scale=scale(0.02), data=values((6, 5), kind))
    times = builder.tensor((6, 4), state, scale=scale(0.01), data=values((6, 4), state))
    bias_type = "INT32" if quantized else "FLOAT32"
    bias_scale = scale(0.01 * (0.004 if state == "INT16" else 0.5))
    bias = builder.tensor((3,), bias_type, scale=bias_scale, data=values((3,), bias_type))
    memory = builder.tensor(
        (2, 24),
        state,
        scale=scale(0.004 if state == "INT16" else 0.5),
        zero_point=-2 if state == "INT8" else 0,
        variable=True,
    )
    y = builder.tensor((2, 3), kind, scale=scale(0.3), zero_point=-9)
    activation = "RELU"
    builder.operator(
        "SVDF",
        [x, features, times, bias, memory],
        [y],
        version=3,
        rank=2,
        fused_activation_function=activation,
    )
    return builder.inputs(x).outputs(y).build()


_BUILT: Mapping[str, Callable[[], bytes]] = {
    "accumulator": _accumulator,
    "svdf INT8": lambda: _svdf("INT8"),
    "svdf INT16": lambda: _svdf("INT16"),
    "svdf FLOAT32": lambda: _svdf("FLOAT32"),
}


def _shared(name: str) -> bytes:
    return shared_model(f"{name}.tflite").read_bytes()


@pytest.mark.parametrize("name", [*_BUILT, "audio_preprocessor_int8", "mnist_lstm_int8"])
def test_inferences_in_a_row(name: str, tmp_path: Path) -> None:
    model = _BUILT[name]() if name in _BUILT else _shared(name)
    network = lower(read_model_bytes(model, name))
    assert network.states
    (host,) = build([network], tmp_path, optimize=Optimize.SIZE, flags=("-O1",), compiler="gcc")
    rng = np.random.default_rng(3)
    samples = []
    for _ in range(_INFERENCES):
        inputs = []
        for index in network.inputs:
            tensor = network.tensors[index]
            assert tensor.dtype.numpy is not None
            level = 1000 if rng.random() < 0.3 else 32768
            if tensor.dtype.numpy == np.float32:
                inputs.append(rng.uniform(-1, 1, tensor.shape).astype(np.float32))
                continue
            values = rng.integers(-level, level, tensor.shape)
            low = -128 if tensor.dtype.numpy == np.int8 else -32768
            inputs.append(np.clip(values, low, -low - 1).astype(tensor.dtype.numpy))
        samples.append(inputs)
    for first in (0, 20):
        # A reset brings the state after construction back; TFLM is constructed anew.
        interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
        states: dict[int, AnyArray] = {}
        getattr(host.library, f"{host.name}_reset")()
        for number, sample in enumerate(samples[first:]):
            for position, value in enumerate(sample):
                interpreter.set_input(value, position)
            interpreter.invoke()
            context = f"{name}, inference {number} from {first}"
            computed = reference.outputs(network, sample, states)
            got = host.run(sample)
            for position, want in enumerate(computed):
                expected = np.array(interpreter.get_output(position))
                assert_equal(expected, want, f"reference, {context}")
                assert_equal(want, got[position], f"C, {context}")
