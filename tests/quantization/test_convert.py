# SPDX-License-Identifier: Apache-2.0
"""Post-training quantization: every source, scheme and method; one sentence for what cannot be."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.quantization.networks import image_network, keras, random_data, sequence_network
from tinygen.errors import InputError, MachineError, UnsupportedError
from tinygen.ir.graph import DType, Graph
from tinygen.quantization.calibration import Method
from tinygen.quantization.convert import Scheme, quantize
from tinygen.quantization.data import dataset_of
from tinygen.quantization.source import FloatModel, float_model_of_keras, load_float_model
from tinygen.quantization.tensorflow_extra import require, tensorflow
from tinygen.tflite.reader import read_model_bytes


@pytest.fixture(scope="module")
def network() -> Any:
    return image_network(keras())


@pytest.fixture(scope="module")
def model(network: Any) -> FloatModel:
    return float_model_of_keras(network, "net")


def graph(tflite: bytes) -> Graph:
    return read_model_bytes(tflite, "quantized")


def facts(tflite: bytes) -> list[Any]:
    """Operators with the types, quantization and constants of their tensors, without names."""
    main = graph(tflite).main
    return [
        (
            operator.opcode,
            [
                (
                    tensor.dtype,
                    tensor.shape,
                    tensor.quantization,
                    None if tensor.data is None else tensor.data.tobytes(),
                )
                for tensor in (main.tensors[i] for i in (*operator.inputs, *operator.outputs))
            ],
        )
        for operator in main.operators
    ]


def test_equals_the_converters_own_quantization(network: Any, model: FloatModel) -> None:
    tf = tensorflow()
    data = random_data(model.signature)
    library = keras()
    image = library.Input(batch_shape=(1, 8, 8, 3), name="image")
    converter = tf.lite.TFLiteConverter.from_keras_model(library.Model(image, network(image)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = data.feeds
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    assert facts(quantize(model, data).model) == facts(converter.convert())


def test_every_source_gives_the_same_network(
    network: Any, model: FloatModel, tmp_path: Path
) -> None:
    network.save(tmp_path / "net.keras")
    network.save(tmp_path / "net.h5")
    network.export(tmp_path / "saved", verbose=False)
    (tmp_path / "net.tflite").write_bytes(model.tflite)
    expected = facts(quantize(model, random_data(model.signature)).model)
    for name in ("net.keras", "net.h5", "saved", "net.tflite"):
        loaded = load_float_model(tmp_path / name)
        assert facts(quantize(loaded, random_data(loaded.signature)).model) == expected, name


def test_a_legacy_keras_file_is_read_by_its_own_keras(tmp_path: Path) -> None:
    keras()
    legacy = require("tf_keras", "tests")
    image_network(legacy).save(tmp_path / "old.h5")
    loaded = load_float_model(tmp_path / "old.h5")
    assert [one.name for one in loaded.signature.inputs] == ["image"]
    assert [operator.opcode for operator in loaded.graph.main.operators][:2] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
    ]


def test_int8_is_full_integer_with_a_scale_a_channel(model: FloatModel) -> None:
    quantized = quantize(model, random_data(model.signature))
    main = graph(quantized.model).main
    first = main.operators[0]
    assert main.tensors[main.inputs[0]].dtype is main.tensors[main.outputs[0]].dtype is DType.INT8
    weights = main.tensors[first.inputs[1]].quantization
    assert weights is not None
    assert len(weights.scales) == 8
    assert quantized.float_model == model.tflite
    assert len(quantized.model) < len(quantized.float_model)


def test_inputs_are_told_apart_by_name() -> None:
    """The converter orders inputs by itself; each keeps the range of its own data."""
    library = keras()
    layers = library.layers
    inputs = [layers.Input((4,), name=name) for name in ("zebra", "apple", "maple")]
    parts = [layers.Dense(2)(one) for one in inputs]
    model = float_model_of_keras(library.Model(inputs, layers.Add()(parts)), "net")
    spans = {"zebra": 1.0, "apple": 10.0, "maple": 100.0}
    ramp = np.linspace(0, 1, 400).reshape(100, 4)
    data = dataset_of({name: ramp * span for name, span in spans.items()}, model.signature, "d")
    main = graph(quantize(model, data).model).main
    assert sorted(data.inputs) == sorted(spans)
    for name, tensor in zip(data.inputs, main.inputs, strict=True):
        quantization = main.tensors[tensor].quantization
        assert quantization is not None
        assert name in main.tensors[tensor].name
        assert quantization.scales[0] * 255 == pytest.approx(spans[name], rel=1e-5)


def test_other_schemes(model: FloatModel) -> None:
    data = random_data(model.signature)
    wide = graph(quantize(model, data, Scheme.INT16X8).model).main
    assert wide.tensors[wide.inputs[0]].dtype is DType.INT16
    half = graph(quantize(model, None, Scheme.FLOAT16).model).main
    assert any(tensor.dtype is DType.FLOAT16 for tensor in half.tensors)
    dynamic = graph(quantize(model, None, Scheme.DYNAMIC).model).main
    assert dynamic.tensors[dynamic.inputs[0]].dtype is DType.FLOAT32
    with pytest.raises(UnsupportedError, match="--calibration mse is not possible with int16x8"):
        quantize(model, data, Scheme.INT16X8, Method.MSE)
    with pytest.raises(InputError, match="needs samples to measure them"):
        quantize(model, None)
    tflite_only = FloatModel("net.tflite", model.tflite, model.graph, None)
    with pytest.raises(UnsupportedError, match="makes float16 only of Keras models"):
        quantize(tflite_only, None, Scheme.FLOAT16)


@pytest.mark.parametrize("method", [Method.PERCENTILE, Method.MSE, Method.ENTROPY])
def test_methods_clip_what_min_max_keeps(model: FloatModel, method: Method) -> None:
    """One sample with values far out: the ranges of the input and of a convolution shrink."""
    data = random_data(model.signature)
    data.inputs["image"][0, 0, 0, 0, 0] = 40.0

    def steps(how: Method) -> list[float]:
        main = graph(quantize(model, data, method=how, percentile=99.9).model).main
        tensors = [main.inputs[0], main.operators[0].outputs[0]]
        found = [main.tensors[tensor].quantization for tensor in tensors]
        return [one.scales[0] for one in found if one is not None]

    clipped, whole = steps(method), steps(Method.MIN_MAX)
    assert all(ours < theirs for ours, theirs in zip(clipped, whole, strict=True))


def test_models_that_are_quantized_already(model: FloatModel, tmp_path: Path) -> None:
    data = random_data(model.signature)
    (tmp_path / "q.tflite").write_bytes(quantize(model, data).model)
    with pytest.raises(InputError, match=r"q\.tflite is quantized already"):
        load_float_model(tmp_path / "q.tflite")
    (tmp_path / "h.tflite").write_bytes(quantize(model, None, Scheme.FLOAT16).model)
    with pytest.raises(InputError, match="has float16 weights"):
        load_float_model(tmp_path / "h.tflite")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    keras()
    (tmp_path / "a.h5").write_text("hello")
    (tmp_path / "b.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"no protobuf")
    for name, sentence in (
        ("a.h5", "is not a Keras model"),
        ("b.h5", "cannot be read as a Keras model"),
        ("c.keras", "cannot be read as a Keras model"),
        ("saved", "cannot be read as a SavedModel"),
        ("absent.keras", "does not exist"),
    ):
        with pytest.raises(InputError, match=sentence):
            load_float_model(tmp_path / name)


def test_weights_without_a_model(network: Any, tmp_path: Path) -> None:
    network.save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(InputError, match="holds weights without a model"):
        load_float_model(tmp_path / "net.weights.h5")


def test_a_model_that_the_converter_rejects() -> None:
    library = keras()
    tf = tensorflow()

    class Erfinv(library.layers.Layer):  # type: ignore[misc,name-defined]
        """An operator that TensorFlow Lite does not have."""

        def call(self, x: Any) -> Any:
            return tf.math.erfinv(x)

    x = library.Input((4,), name="x")
    with pytest.raises(
        UnsupportedError, match="converter rejects net: TensorFlow Lite has no Erfinv"
    ):
        float_model_of_keras(library.Model(x, Erfinv()(x)), "net")


def test_an_operator_without_an_integer_form() -> None:
    library = keras()
    x = library.Input((4,), name="x")
    model = float_model_of_keras(library.Model(x, library.ops.floor(library.ops.sin(x))), "net")
    with pytest.raises(UnsupportedError, match=r"no int8 form of operator \d \((SIN|FLOOR)\)"):
        quantize(model, random_data(model.signature))


def test_a_loop() -> None:
    """TensorFlow's calibrator would crash on it."""
    model = float_model_of_keras(sequence_network(keras()), "net")
    with pytest.raises(UnsupportedError, match=r"does not take operator \d \(WHILE\)") as caught:
        quantize(model, random_data(model.signature))
    assert "tf-keras" in caught.value.hint


def test_open_dimensions() -> None:
    library = keras()
    x = library.Input((None, None, 3), name="picture")
    with pytest.raises(InputError, match=r"input 'picture' has the shape \(\?, \?, \?, 3\)"):
        float_model_of_keras(library.Model(x, library.layers.Conv2D(4, 3)(x)), "net")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MachineError, match="absent_module is not installed") as caught:
        require("absent_module", "this test")
    assert "pip install 'tinygen[quantize]'" in caught.value.hint
