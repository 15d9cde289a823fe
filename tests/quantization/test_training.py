# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training: it rounds as the int8 model does, learns, and repeats exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.quantization.networks import (
    CLASSES,
    image_network,
    integer_outputs,
    keras,
    random_data,
    sequence_network,
)
from tinygen.errors import InputError, UnsupportedError
from tinygen.ir.graph import AnyArray
from tinygen.quantization.calibration import min_max_model, tensor_ranges
from tinygen.quantization.convert import quantize
from tinygen.quantization.data import Dataset
from tinygen.quantization.differentiable import DifferentiableModel
from tinygen.quantization.source import FloatModel, float_model_of_keras
from tinygen.quantization.tensorflow_extra import require
from tinygen.quantization.training import TrainingOptions, train_quantized, with_weights


@pytest.fixture(scope="module")
def images() -> FloatModel:
    return float_model_of_keras(image_network(keras()), "images")


@pytest.fixture(scope="module")
def scores() -> FloatModel:
    """The same without its softmax, which hides errors."""
    return float_model_of_keras(image_network(keras(), None), "scores")


@pytest.fixture(scope="module")
def sequences() -> FloatModel:
    keras()
    return float_model_of_keras(sequence_network(require("tf_keras", "tests")), "sequences")


def differentiable(model: FloatModel, data: Dataset) -> DifferentiableModel:
    return DifferentiableModel(model.graph, tensor_ranges(min_max_model(model.tflite, data)))


def batch(data: Dataset) -> list[AnyArray]:
    return [array[:, 0] for array in data.inputs.values()]


def float_outputs(model: FloatModel, data: Dataset) -> AnyArray:
    litert = require("ai_edge_litert.interpreter", "tests")
    interpreter = litert.Interpreter(
        model_content=model.tflite,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    outputs = []
    for sample in data.feeds():
        interpreter.reset_all_variables()
        for tensor, value in zip(model.graph.main.inputs, sample, strict=True):
            interpreter.set_tensor(tensor, value)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(model.graph.main.outputs[0]))
    return np.stack(outputs)


@pytest.mark.parametrize("name", ["scores", "sequences"])
def test_rounds_as_the_int8_model(name: str, request: pytest.FixtureRequest) -> None:
    """At the ranges of post-training quantization nothing is trained yet: the outputs agree to a step,
    where a sum falls between two of them; the error of float against int8 is several.
    """
    model: FloatModel = request.getfixturevalue(name)
    data = random_data(model.signature)
    expected, step = integer_outputs(quantize(model, data).model, data)
    network = differentiable(model, data)
    differences = []
    for rounded in (True, False):
        (computed,) = network(batch(data), rounded=rounded)
        differences.append(np.abs(computed.numpy().reshape(expected.shape) - expected) / step)
    print(f"steps: {differences[0].mean():.3f} rounded, {differences[1].mean():.3f} in float")
    assert differences[0].max() < 2.01
    assert differences[0].mean() < 0.3 * differences[1].mean()


def _leaky(layers: Any, x: Any) -> Any:
    return layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(3, 3, strides=2)(x))


def _joined(layers: Any, x: Any) -> Any:
    parts = [layers.Conv2D(2, 1)(x), layers.ZeroPadding2D(0)(x), layers.UpSampling2D(1)(x)]
    return layers.UpSampling2D(2, interpolation="bilinear")(layers.Concatenate()(parts))


def _padded(layers: Any, x: Any) -> Any:
    x = layers.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = layers.Resizing(12, 12, interpolation="nearest")(x)
    return layers.Permute((2, 1, 3))(layers.DepthwiseConv2D(3, depth_multiplier=2)(x))


def _mean(layers: Any, x: Any) -> Any:
    gate = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Dense(4, activation="tanh")(layers.Multiply()([x, gate]))


def _sliced(layers: Any, x: Any) -> Any:
    x = layers.Subtract()([x, layers.Maximum()([x, layers.Conv2D(3, 1)(x)])])
    return layers.Minimum()([x[:, 1:5, ::2], layers.ReLU(6.0)(x)[:, 1:5, ::2]])


def _swish(layers: Any, x: Any) -> Any:
    return layers.Activation("hard_swish")(layers.AveragePooling2D(3, 1, padding="same")(x))


@pytest.mark.parametrize("build", [_leaky, _joined, _padded, _mean, _sliced, _swish])
def test_every_operator_computes_what_tensorflow_lite_does(build: Callable[..., Any]) -> None:
    library = keras()
    image = library.Input((6, 6, 3), name="image")
    model = float_model_of_keras(library.Model(image, build(library.layers, image)), build.__name__)
    data = random_data(model.signature, 10)
    network = DifferentiableModel(model.graph, {})
    (computed,) = network(batch(data), rounded=False)
    expected = float_outputs(model, data)
    assert np.allclose(computed.numpy().reshape(expected.shape), expected, atol=1e-5)


def test_an_lstm_computes_what_tensorflow_lite_does(sequences: FloatModel) -> None:
    data = random_data(sequences.signature, 10)
    (computed,) = DifferentiableModel(sequences.graph, {})(batch(data), rounded=False)
    expected = float_outputs(sequences, data)
    assert np.allclose(computed.numpy().reshape(expected.shape), expected, atol=1e-5)


def test_weights_are_written_back(images: FloatModel) -> None:
    network = DifferentiableModel(images.graph, {})
    for variable in network.parameters.values():
        variable.assign(variable * 0.5 + 0.01)
    data = random_data(images.signature, 10)
    expected = float_outputs(with_weights(images, network.parameters), data)
    (computed,) = network(batch(data), rounded=False)
    assert np.allclose(computed.numpy().reshape(expected.shape), expected, atol=1e-5)


OPTIONS = TrainingOptions(epochs=4, learning_rate=3e-3, batch=16)


def labels_of(data: Dataset) -> AnyArray:
    """A task: which of five sums over a part of the sample is largest."""
    rows = next(iter(data.inputs.values())).reshape(data.count, -1)
    sums = [part.sum(axis=1) for part in np.array_split(rows, CLASSES, axis=1)]
    largest: AnyArray = np.stack(sums).argmax(axis=0)
    return largest


def test_training_lowers_the_loss_and_repeats_exactly(images: FloatModel) -> None:
    data = random_data(images.signature, 200)
    data = random_data(images.signature, 200, labels_of(data))
    first, history = train_quantized(images, data, data, OPTIONS)
    assert history.loss == "cross-entropy"
    assert history.validation_samples == 40
    assert history.epochs[history.best].validation_loss < history.epochs[0].validation_loss
    again, _ = train_quantized(images, data, data, OPTIONS)
    assert first.model == again.model
    assert first.float_model == images.tflite


def test_the_result_is_what_was_trained(sequences: FloatModel) -> None:
    """The int8 LSTM has the loss that its last validation saw, so training and result agree."""
    data = random_data(sequences.signature, 150)
    target = data.inputs["window"][:, 0].mean(axis=(1, 2)).astype(np.float32)
    data = random_data(sequences.signature, 150, target)
    options = TrainingOptions(epochs=6, learning_rate=1e-2, batch=16, validation=0.0)
    quantized, history = train_quantized(sequences, data, data, options)
    assert history.loss == "squared error"
    outputs, _ = integer_outputs(quantized.model, data)
    loss = float(np.mean((outputs.reshape(-1) - target) ** 2))
    assert loss == pytest.approx(history.epochs[history.best].validation_loss, rel=0.1)
    assert loss < 0.5 * history.epochs[0].validation_loss


def test_the_float_model_as_teacher(images: FloatModel) -> None:
    data = random_data(images.signature, 100)
    options = TrainingOptions(epochs=1, batch=16, teacher=True)
    _, history = train_quantized(images, data, data, options)
    assert history.loss == "cross-entropy to the float model"


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (None, r"random\.npz has no 'labels', which quantization-aware training needs"),
        (np.arange(100) % 7, "'labels' are 0 to 6, but the model has 5 outputs"),
        (np.zeros((100, 3)), r"'labels' is \[100, 3\] float32; the model's output is \[5\]"),
    ],
)
def test_labels_that_do_not_fit(images: FloatModel, labels: Any, sentence: str) -> None:
    data = random_data(images.signature, 100, labels)
    with pytest.raises(InputError, match=sentence):
        train_quantized(images, data, data, OPTIONS)


def test_too_few_samples(images: FloatModel) -> None:
    data = random_data(images.signature, 18, np.arange(18) % CLASSES)
    with pytest.raises(InputError, match="18 training samples, 4 of them for validation"):
        train_quantized(images, data, data, OPTIONS)


def test_an_operator_that_cannot_be_trained_through() -> None:
    library = keras()
    x = library.Input((4,), name="x")
    model = float_model_of_keras(library.Model(x, library.ops.sin(x)), "net")
    with pytest.raises(UnsupportedError, match=r"does not know operator 0 \(SIN\)"):
        DifferentiableModel(model.graph, {})
