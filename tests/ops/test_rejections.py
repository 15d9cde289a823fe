# SPDX-License-Identifier: Apache-2.0
"""What TFLM rejects is rejected here, with the operator's index, its name and what is wrong."""

from __future__ import annotations

import faulthandler
import math
import multiprocessing
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.models.builder import ModelBuilder
from tests.models.oracle import run_tflm
from tests.ops.comparison import lower_bytes
from tests.ops.generators.signal import options as packed
from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

Described = tuple[tuple[int, ...], str, dict[str, Any]]


def _t(shape: tuple[int, ...], dtype: str = "INT8", **more: Any) -> Described:
    scaled = dtype in ("INT8", "INT16") and "scale" not in more and "data" not in more
    return shape, dtype, {"scale": 0.5, **more} if scaled else more


def _model(
    opcode: str, inputs: Sequence[Described], outputs: Sequence[Described], options: dict[str, Any]
) -> bytes:
    builder = ModelBuilder()
    sources = [builder.tensor(shape, dtype, **more) for shape, dtype, more in inputs]
    sinks = [builder.tensor(shape, dtype, **more) for shape, dtype, more in outputs]
    if opcode.startswith(("Signal", "CIRCULAR")):
        builder.custom(opcode, sources, sinks, custom_options=packed(**options))
    else:
        builder.operator(opcode, sources, sinks, **options)
    fed = [
        index
        for index, (_, _, more) in zip(sources, inputs, strict=True)
        if "data" not in more and not more.get("variable")
    ]
    return builder.inputs(*fed).outputs(*sinks).build()


def _i(*values: int, dtype: str = "INT32") -> Described:
    return (len(values),), dtype, {"data": list(values)}


_X = _t((1, 4, 4, 2))
_W = _t((3, 2, 2, 2), data=np.ones((3, 2, 2, 2), np.int8), scale=0.1)
_WINDOW = {"padding": "VALID", "stride_h": 1, "stride_w": 1}
_SVDF = [
    _t((2, 3)),
    _t((4, 3), data=np.ones((4, 3), np.int8), scale=0.1),
    _t((4, 5), "INT16", data=np.ones((4, 5), np.int16), scale=0.01),
    ((4,), "INT32", {"data": [0] * 4, "scale": 0.005}),
]

CASES: dict[str, tuple[str, list[Described], list[Described], dict[str, Any], str]] = {
    "float weights of an int8 convolution": (
        "CONV_2D",
        [_X, ((3, 2, 2, 2), "FLOAT32", {"data": np.ones((3, 2, 2, 2), np.float32)})],
        [_t((1, 3, 3, 3))],
        _WINDOW,
        "is FLOAT32, and this needs INT8",
    ),
    "output of another type than the input": (
        "CONV_2D",
        [_X, _W],
        [_t((1, 3, 3, 3), "INT16")],
        _WINDOW,
        "is INT16, and this needs INT8",
    ),
    "activation of a normalization": (
        "L2_NORMALIZATION",
        [_t((2, 3))],
        [_t((2, 3))],
        {"fused_activation_function": "RELU"},
        "fused activation",
    ),
    "activation of a concatenation": (
        "CONCATENATION",
        [_t((2, 3)), _t((2, 3))],
        [_t((4, 3))],
        {"axis": 0, "fused_activation_function": "RELU"},
        "activation",
    ),
    "output scale of an int8 softmax": (
        "SOFTMAX",
        [_t((2, 3))],
        [_t((2, 3), scale=0.1, zero_point=-128)],
        {"beta": 1.0},
        "scale 1/256",
    ),
    "output zero point of an int8 log softmax": (
        "LOG_SOFTMAX",
        [_t((2, 3))],
        [_t((2, 3), scale=1 / 16, zero_point=0)],
        {},
        "zero point 127",
    ),
    "axis of a pack": (
        "PACK",
        [_t((2, 3)), _t((2, 3))],
        [_t((2, 2, 3))],
        {"axis": 5, "values_count": 2},
        "axis 5",
    ),
    "axis of a gather": (
        "GATHER",
        [_t((2, 3)), _i(0, 1)],
        [_t((2, 3))],
        {"axis": 4},
        "axis 4",
    ),
    "constant index of a gather": (
        "GATHER",
        [_t((5, 3)), _i(0, 7)],
        [_t((2, 3))],
        {"axis": 0},
        "has the index 7, but there are 5",
    ),
    "negative index of a gather": (
        "GATHER",
        [_t((5, 3)), _i(-1, 2)],
        [_t((2, 3))],
        {"axis": 0},
        "has the index -1",
    ),
    "constant index of a lookup": (
        "EMBEDDING_LOOKUP",
        [_i(9), _t((4, 3))],
        [_t((1, 3))],
        {},
        "has the index 9, but there are 4",
    ),
    "output's zero point of a concatenation": (
        "CONCATENATION",
        [_t((2, 3), "INT16"), _t((2, 3), "INT16")],
        [_t((4, 3), "INT16", zero_point=-5)],
        {"axis": 0},
        "INT16 with a zero point other than 0",
    ),
    "axis of a cumulative sum": (
        "CUMSUM",
        [_t((2, 3)), _i(3)],
        [_t((2, 3))],
        {},
        r"\[3\] is no axis of 2",
    ),
    "axes of a reversal that are no neighbours": (
        "REVERSE_V2",
        [_t((2, 3, 2)), _i(0, 2)],
        [_t((2, 3, 2))],
        {},
        "are not neighbours",
    ),
    "type of an index": (
        "ARG_MAX",
        [_t((2, 3)), _i(1)],
        [((2,), "INT64", {})],
        {"output_type": "INT64"},
        "is INT64, and this needs INT32",
    ),
    "negation of int8": ("NEG", [_t((2, 3))], [_t((2, 3))], {}, "is INT8, and this needs FLOAT32"),
    "cast of int64": ("CAST", [((2,), "INT64", {})], [((2,), "INT32", {})], {}, "is INT64"),
    "mixed operands of a product": (
        "BATCH_MATMUL",
        [_t((2, 3)), ((3, 2), "FLOAT32", {})],
        [_t((2, 2))],
        {},
        "is FLOAT32",
    ),
    "maximum of uint8": (
        "MAXIMUM",
        [((2,), "UINT8", {}), ((2,), "UINT8", {})],
        [((2,), "UINT8", {})],
        {},
        "is UINT8",
    ),
    "mirrored padding of int16": (
        "MIRROR_PAD",
        [_t((2, 3), "INT16"), ((2, 2), "INT32", {"data": [1, 1, 0, 0]})],
        [_t((4, 3), "INT16")],
        {"mode": "REFLECT"},
        "is INT16",
    ),
    "block of a depth to space": (
        "DEPTH_TO_SPACE",
        [_t((1, 2, 2, 3))],
        [_t((1, 4, 4, 1))],
        {"block_size": 2},
        "block",
    ),
    "state across a batch": (
        "SVDF",
        [*_SVDF, _t((1, 20), "INT16", variable=True)],
        [_t((2, 4))],
        {"rank": 1, "fused_activation_function": "RELU"},
        "keeps a state of 1 for a batch of 2",
    ),
    "frames that the samples do not fill": (
        "SignalFramer",
        [_t((10,), "INT16")],
        [_t((3, 4), "INT16"), ((), "BOOL", {})],
        {"frame_size": 4, "frame_step": 3, "prefill": True},
        "frame_step 3",
    ),
    "circular buffer of float32": (
        "CIRCULAR_BUFFER",
        [((1, 1, 1, 3), "FLOAT32", {})],
        [((1, 4, 1, 3), "FLOAT32", {})],
        {"cycles_max": 1},
        "is FLOAT32, and this needs INT8",
    ),
}


def _run_quietly(model: bytes, fed: list[AnyArray]) -> None:
    faulthandler.disable()  # a crash is an answer here, and no news
    run_tflm(model, fed)


def _tflm_fails(model: bytes, fed: list[AnyArray]) -> bool:
    """Whether TFLM refuses the model, or crashes over it: asked of a process of its own."""
    asked = multiprocessing.get_context("fork").Process(target=_run_quietly, args=(model, fed))
    asked.start()
    asked.join()
    return asked.exitcode != 0


@pytest.mark.parametrize("name", CASES)
def test_both_reject(name: str) -> None:
    opcode, inputs, outputs, options, reason = CASES[name]
    model = _model(opcode, inputs, outputs, options)
    custom = opcode.startswith(("Signal", "CIRCULAR"))
    label = rf"operator 0 \({f'CUSTOM .{opcode}.' if custom else opcode}\).*{reason}"
    with pytest.raises(InputError, match=label):
        lower_bytes(model)
    fed = []
    for shape, dtype, more in inputs:
        if "data" not in more and not more.get("variable"):
            fed.append(np.zeros(shape, dtype.lower()))
    assert _tflm_fails(model, fed)


NONSENSE: dict[str, tuple[str, list[Described], list[Described], dict[str, Any], str]] = {
    "two axes of a split": (
        "SPLIT_V",
        [_t((2, 4)), _i(2, 2), _i(1, 1)],
        [_t((2, 2)), _t((2, 2))],
        {"num_splits": 2},
        "has 2 elements, not one",
    ),
    "infinite slope": ("LEAKY_RELU", [_t((3,))], [_t((3,))], {"alpha": math.inf}, "'alpha' is inf"),
    "beta that is no number": (
        "SOFTMAX",
        [_t((1, 3), "INT16")],
        [_t((1, 3), "INT16", scale=1 / 32768)],
        {"beta": math.nan},
        "'beta' is nan",
    ),
    "image without channels": (
        "CONV_2D",
        [_t((1, 4, 4, 0)), _W],
        [_t((1, 3, 3, 3))],
        _WINDOW,
        "holds no elements",
    ),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_in_words(name: str) -> None:
    """What damaged models have shown; TFLM may take it, and compute something."""
    opcode, inputs, outputs, options, reason = NONSENSE[name]
    graph = read_model_bytes(_model(opcode, inputs, outputs, options), "m.tflite")
    with pytest.raises(InputError, match=reason):
        lower(rewrite(graph))


def test_sequences_of_a_batch_are_refused() -> None:
    """TFLM would keep a state for each; the message says so."""
    builder = ModelBuilder()
    x = builder.tensor((2, 3, 4), "FLOAT32")
    matrices = [
        builder.tensor((5, n), "FLOAT32", data=np.zeros((5, n), np.float32))
        for n in (4, 4, 4, 4, 5, 5, 5, 5)
    ]
    biases = [builder.tensor((5,), "FLOAT32", data=np.zeros(5, np.float32)) for _ in range(4)]
    states = [builder.tensor((2, 5), "FLOAT32", variable=True) for _ in range(2)]
    y = builder.tensor((2, 3, 5), "FLOAT32")
    builder.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [x, *matrices, -1, -1, -1, *biases, -1, -1, *states, -1, -1, -1, -1],
        [y],
        fused_activation_function="TANH",
    )
    model = builder.inputs(x).outputs(y).build()
    with pytest.raises(
        InputError, match=r"operator 0 .*a state for each of 2 sequences of a batch"
    ):
        lower_bytes(model)


def _of_weights(dtype: str) -> bytes:
    """A float layer that is not compiled, with weights of a type."""
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "FLOAT32"), builder.tensor((1, 3), "FLOAT32")
    weights = np.ones((3, 4), dtype.lower())
    w = builder.tensor((3, 4), dtype, data=weights, scale=0.1 if dtype == "INT8" else None)
    if dtype == "INT8":
        builder.operator("FULLY_CONNECTED", [x, w, -1], [y])
    else:
        builder.custom("FlexErf" if dtype == "FLOAT32" else "Erf", [x, w], [y])
    return builder.inputs(x).outputs(y).build()


@pytest.mark.parametrize(
    ("dtype", "says"),
    [
        ("INT8", "dynamic-range model.*calibration samples"),
        ("FLOAT32", "Flex operators.*TFLITE_BUILTINS"),
        ("FLOAT64", "This is a float model: quantize it"),
    ],
)
def test_the_hint_is_a_way_on(dtype: str, says: str) -> None:
    with pytest.raises(InputError) as failure:
        lower_bytes(_of_weights(dtype))
    assert re.search(says, failure.value.hint)
