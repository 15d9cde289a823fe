# SPDX-License-Identifier: Apache-2.0
"""A Keras file, a SavedModel or a float .tflite → a float .tflite with a fixed batch of 1.

Everything after this works on that one form. Keras and SavedModel go through TensorFlow's converter
without quantization, which folds batch normalization and fuses activations; its result is the float
network that the quantized one is compared with.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygen.errors import InputError, UnsupportedError
from tinygen.ir.graph import DType, Graph
from tinygen.quantization.data import ModelSignature, signature_of
from tinygen.quantization.tensorflow_extra import first_line, guarded, quiet, require, tensorflow
from tinygen.tflite.reader import read_model, read_model_bytes

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, eq=False)
class FloatModel:
    """A float model, ready to be quantized.

    ``converter`` makes a fresh ``tf.lite.TFLiteConverter`` of the original; None for a .tflite.
    """

    name: str
    tflite: bytes
    graph: Graph
    converter: Callable[[], Any] | None

    @property
    def signature(self) -> ModelSignature:
        """What the model takes."""
        return signature_of(self.graph)


def as_float_model(model: Any) -> FloatModel:
    """A model from wherever it is: a file, or a Keras model in memory."""
    if isinstance(model, FloatModel):
        return model
    if isinstance(model, str | Path):
        return load_float_model(Path(model))
    return float_model_of_keras(model, str(getattr(model, "name", "model")))


def load_float_model(path: Path) -> FloatModel:
    """Read a model of any kind.

    Raises:
        InputError: it cannot be read, has open dimensions, or is quantized already.
        UnsupportedError: the converter rejects it.
        MachineError: TensorFlow is not installed.
    """
    if (path / "saved_model.pb").is_file():
        return _of_converter(path, _saved_model_converter(path))
    if path.is_dir() or not path.exists():
        read_model(path)  # raises the sentence that fits
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(_HDF5) or head.startswith(_ZIP):
        return float_model_of_keras(_keras_model(path, head), str(path))
    if path.suffix in (".keras", ".h5", ".hdf5"):
        raise InputError(
            f"{path} is not a Keras model: it is neither HDF5 nor a zip archive.", "Save it again."
        )
    graph = read_model(path)
    _check_float(graph)
    return FloatModel(str(path), path.read_bytes(), graph, None)


def float_model_of_keras(model: Any, name: str) -> FloatModel:
    """A Keras model in memory (Keras 3 or tf-keras); ``name`` names it in messages."""
    tf = tensorflow()
    specs = [_spec(tf, name, one.name, one.shape, one.dtype) for one in model.inputs]

    def call(*inputs: Any) -> Any:
        return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

    return _of_converter(Path(name), _function_converter(tf, call, specs, model))


def _of_converter(path: Path, converter: Callable[[], Any]) -> FloatModel:
    tflite = convert_with(converter(), str(path))
    graph = read_model_bytes(tflite, str(path))
    _check_float(graph)
    return FloatModel(str(path), tflite, graph, converter)


def _function_converter(
    tf: Any, call: Callable[..., Any], specs: Sequence[Any], keep: Any
) -> Callable[[], Any]:
    def make() -> Any:
        with quiet():
            function = tf.function(call, input_signature=specs).get_concrete_function()
            owner = tf.Module()
            owner.parts = [keep, *function.variables]  # only constants if something tracks them
            return tf.lite.TFLiteConverter.from_concrete_functions([function], owner)

    return make


def convert_with(converter: Any, name: str) -> bytes:
    """Run a converter.

    Raises:
        UnsupportedError: it rejects the model; the sentence says why.
    """
    problem = f"TensorFlow's converter rejects {name}"
    hint = "Replace what it names by operators of TensorFlow Lite."
    with guarded(UnsupportedError, problem, hint, _reason):
        return bytes(converter.convert())


def _reason(error: BaseException) -> str:
    """The sentence that matters, of the pages that the converter writes."""
    text = str(error)
    missing = re.findall(r"(?:TF Select|Custom) ops: (.+)", text)
    if missing:
        names = sorted({name.strip() for line in missing for name in line.split(",")})
        return f"TensorFlow Lite has no {', '.join(names)}"
    found = re.search(r"error: (?:loc\(.*\): )?(.+)", text)
    line = found[1] if found else next(iter(text.strip().splitlines()), "it gives no reason")
    return line.strip().rstrip(".")


def _saved_model_converter(path: Path) -> Callable[[], Any]:
    tf = tensorflow()
    with guarded(InputError, f"{path} cannot be read as a SavedModel", "Export it again."):
        loaded = tf.saved_model.load(str(path))
    if not loaded.signatures:
        raise InputError(f"{path} has no signature to run.", "Export it with model.export(PATH).")
    key = (
        "serving_default"
        if "serving_default" in loaded.signatures
        else next(iter(loaded.signatures))
    )
    entry = loaded.signatures[key]
    named = entry.structured_input_signature[1]
    specs = [_spec(tf, str(path), name, spec.shape, spec.dtype) for name, spec in named.items()]

    def call(*inputs: Any) -> Any:
        return entry(**dict(zip(named, inputs, strict=True)))

    return _function_converter(tf, call, specs, loaded)


def _spec(tf: Any, model: str, name: str, shape: Any, dtype: Any) -> Any:
    """The input with a batch of 1: an open one makes the converter add operators that compute it."""
    sizes = [None if size is None else int(size) for size in shape]
    if not sizes or None in sizes[1:] or sizes[0] not in (None, 1):
        shown = ", ".join("?" if size is None else str(size) for size in sizes)
        raise InputError(
            f"{model}: the input {name!r} has the shape ({shown}); all dimensions but the batch must "
            "be fixed, and the batch open or 1.",
            "Export the model again with the input shape the microcontroller will see.",
        )
    return tf.TensorSpec([1, *sizes[1:]], dtype, name=name.partition(":")[0])


def _keras_model(path: Path, head: bytes) -> Any:
    """The model, by the Keras that wrote it: 3, or its predecessor, which tf-keras still is."""
    tensorflow()
    legacy = _keras_version(path, head).startswith(("1.", "2."))
    keras = require("tf_keras" if legacy else "keras", f"reading {path}")
    hint = "If it has layers of your own, export it as a SavedModel: model.export(PATH)."
    with guarded(InputError, f"{path} cannot be read as a Keras model", hint):
        model = keras.models.load_model(str(path), compile=False)
    if not getattr(model, "inputs", None):
        raise InputError(
            f"{path} holds a Keras model that was never built.", "Call it once, then save it again."
        )
    return model


def _keras_version(path: Path, head: bytes) -> str:
    """What the file says of the Keras that wrote it; empty if it says nothing."""
    try:
        if head.startswith(_ZIP):
            with zipfile.ZipFile(path) as archive:
                return str(json.loads(archive.read("metadata.json"))["keras_version"])
        with require("h5py", f"reading {path}").File(path) as file:
            if "model_config" not in file.attrs:
                raise InputError(
                    f"{path} holds weights without a model.",
                    "Save the whole model: model.save(PATH).",
                )
            return str(file.attrs.get("keras_version", ""))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} cannot be read as a Keras model: {first_line(error)}.", "Save it again."
        ) from error


def _check_float(graph: Graph) -> None:
    """Refuses models that are quantized already, wholly or in part."""
    for tensor in graph.main.tensors:
        if tensor.dtype in (DType.INT8, DType.UINT8, DType.INT16) and tensor.quantization:
            raise InputError(
                f"{graph.source} is quantized already: the tensor {tensor.name!r} is "
                f"{tensor.dtype.value} with a scale.",
                "Give the float model it was made from.",
            )
        if tensor.dtype is DType.FLOAT16:
            raise InputError(
                f"{graph.source} has float16 weights (tensor {tensor.name!r}), which TensorFlow's "
                "quantizer does not take.",
                "Give the float32 model it was made from.",
            )
