# SPDX-License-Identifier: Apache-2.0
"""Samples for calibration, training and evaluation, as real numbers, checked against the model.

A source is a .npz (one array an input, by name; ``labels`` beside them), a .npy (the only input), a
folder of images or WAV files with a preprocessing (``folders``), or ``module:function`` in Python.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray, DType, Graph
from tinygen.measure.samples import LABELS, read_arrays
from tinygen.quantization.folders import load_folder

GENERATED_AT_MOST = 10_000
"""Samples taken from a Python generator, which may be endless."""


@dataclass(frozen=True)
class ModelInput:
    """One input of a model.

    ``name`` is what users call it (``image``), ``tensor`` the tensor's name in the .tflite file
    (``serving_default_image:0``). ``shape`` is that of one inference, its batch of 1 included.
    """

    name: str
    tensor: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class ModelSignature:
    """A model's inputs, in the order of its file. ``model`` names it in messages."""

    model: str
    inputs: tuple[ModelInput, ...]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and, where known, what is expected of them.

    ``inputs`` has one array an input, by ``ModelInput.name`` and in the model's order: float32 real
    values (or the integer type of an input that is not real), (samples, …shape of one inference).
    ``labels`` has one row a sample: class numbers, or real outputs. ``source`` names it in messages.
    """

    inputs: dict[str, AnyArray]
    labels: AnyArray | None
    source: str

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))

    def taken(self, indices: AnyArray | slice) -> Dataset:
        """The samples at ``indices``, in that order."""
        return replace(
            self,
            inputs={name: array[indices] for name, array in self.inputs.items()},
            labels=None if self.labels is None else self.labels[indices],
        )

    def feeds(self) -> Iterable[list[AnyArray]]:
        """One list of input arrays a sample, as an interpreter takes them."""
        for index in range(self.count):
            yield [array[index] for array in self.inputs.values()]


def signature_of(graph: Graph) -> ModelSignature:
    """The inputs of a .tflite model, under the names its author gave them."""
    main = graph.main
    given = {
        tensor: name
        for signature in graph.signatures
        if signature.subgraph == 0
        for name, tensor in signature.inputs.items()
    }
    inputs = []
    for index in main.inputs:
        tensor = main.tensors[index]
        name = given.get(index) or _plain(tensor.name)
        dtype = tensor.dtype.numpy
        if dtype is None or tensor.dtype is DType.BFLOAT16:
            raise InputError(
                f"{graph.source}: the input {name!r} holds {tensor.dtype.value}, which tinygen "
                "cannot feed."
            )
        inputs.append(ModelInput(name, tensor.name, tensor.shape, dtype))
    return ModelSignature(graph.source, tuple(inputs))


def _plain(tensor: str) -> str:
    """``serving_default_image:0`` → ``image``."""
    return tensor.removeprefix("serving_default_").rsplit(":", 1)[0]


def as_dataset(
    given: str | Path | Mapping[str, Any] | Any, signature: ModelSignature, preprocessing: str = ""
) -> Dataset:
    """Samples from wherever they are: ``load_dataset`` of a name, ``dataset_of`` arrays."""
    if isinstance(given, Dataset):
        return given
    if isinstance(given, str | Path):
        return load_dataset(given, signature, preprocessing)
    return dataset_of(given, signature, "the data")


def load_dataset(source: str | Path, signature: ModelSignature, preprocessing: str = "") -> Dataset:
    """Samples from a .npz, a .npy, a folder of images or WAV files, or by ``module:function``.

    The function returns arrays by input name (as a .npz holds them), or an iterable of samples:
    arrays, or mappings by input name, ``labels`` among them. ``folders.parse_preprocessing`` says how
    files of a folder become arrays.

    Raises:
        InputError: it cannot be read, or does not fit the model.
    """
    path = Path(source)
    if path.is_dir():
        arrays: Mapping[str, Any] | Any = load_folder(path, preprocessing)
    elif preprocessing:
        raise InputError(
            f"{source} is not a folder, so there is nothing to preprocess.",
            "Leave --preprocess out; a file holds arrays as the float model takes them.",
        )
    elif not path.exists() and ":" in str(source):
        arrays = _from_function(str(source))
    elif not path.exists():
        raise InputError(
            f"{path} does not exist.",
            "Give a .npz, a .npy, a folder of images or WAV files, or module:function.",
        )
    else:
        arrays = read_arrays(path)
    return dataset_of(arrays, signature, str(source))


def dataset_of(arrays: Mapping[str, Any] | Any, signature: ModelSignature, source: str) -> Dataset:
    """Checks arrays against the model.

    Args:
        arrays: by input name, with ``labels`` beside them; or the only input's samples.
        signature: what the model takes.
        source: where they come from, for messages.
    """
    if not isinstance(arrays, Mapping):
        arrays = {_only_input(signature, source): arrays}
    labels = arrays.get(LABELS)
    given = {name: value for name, value in arrays.items() if name != LABELS}
    inputs = {
        wanted.name: _samples_of(source, wanted, np.asarray(value))
        for wanted, value in zip(signature.inputs, _in_order(given, signature, source), strict=True)
    }
    counts = {name: len(array) for name, array in inputs.items()}
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise InputError(f"{source}: the inputs have different numbers of samples: {listed}.")
    dataset = Dataset(inputs, None, source)
    return dataset if labels is None else replace(dataset, labels=_labels(dataset, labels))


def _labels(dataset: Dataset, labels: Any) -> AnyArray:
    array = np.asarray(labels)
    if array.dtype.kind not in "iufb":
        raise InputError(f"{dataset.source}: {LABELS!r} is {array.dtype}, not numbers.")
    if array.shape[:1] != (dataset.count,):
        raise InputError(
            f"{dataset.source}: {LABELS!r} has the shape {list(array.shape)}, but there are "
            f"{dataset.count} samples."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{dataset.source}: {LABELS!r} holds NaN or infinite values.")
    if array.dtype.kind in "iub":
        return array.astype(np.int64)
    return array.astype(np.float32)


def _only_input(signature: ModelSignature, source: str) -> str:
    if len(signature.inputs) != 1:
        names = ", ".join(wanted.name for wanted in signature.inputs)
        raise InputError(
            f"{source} holds one array, but {signature.model} has the inputs {names}.",
            "Use a .npz with one array an input, named after it.",
        )
    return signature.inputs[0].name


def _in_order(given: Mapping[str, Any], signature: ModelSignature, source: str) -> list[Any]:
    """The arrays in the order of the model's inputs: by name; a single one by any name."""
    by_name = [given.get(wanted.name, given.get(wanted.tensor)) for wanted in signature.inputs]
    if len(given) == len(by_name) and all(value is not None for value in by_name):
        return by_name
    if len(given) == len(by_name) == 1:
        return list(given.values())
    raise InputError(
        f"{source} holds {', '.join(sorted(given)) or 'no arrays'}, but the inputs of "
        f"{signature.model} are {', '.join(wanted.name for wanted in signature.inputs)}.",
        f"Name the arrays after the inputs; {LABELS!r} may stand beside them.",
    )


def _samples_of(source: str, wanted: ModelInput, array: AnyArray) -> AnyArray:
    """One input's samples in the type and shape the float model takes."""
    if array.dtype.kind not in "iufb":
        raise InputError(
            f"{source}: input {wanted.name!r} is {array.dtype}, not real numbers.",
            f"The model takes {wanted.dtype}.",
        )
    without_batch = wanted.shape[1:] if wanted.shape[:1] == (1,) else wanted.shape
    if array.ndim == 0 or _without_ones(array.shape[1:]) != _without_ones(wanted.shape):
        raise InputError(
            f"{source}: input {wanted.name!r} needs (samples, "
            f"{', '.join(map(str, without_batch))}), the data is {list(array.shape)}.",
            "The first dimension counts the samples.",
        )
    if not len(array):
        raise InputError(f"{source}: input {wanted.name!r} has no samples.")
    if array.dtype.kind == "f":
        _check_finite(source, wanted, array)
    converted = array.astype(wanted.dtype)
    if wanted.dtype.kind in "iub" and not np.array_equal(converted, array):
        raise InputError(
            f"{source}: input {wanted.name!r} is {wanted.dtype}, but the data ({array.dtype}) holds "
            "values that it cannot represent."
        )
    return converted.reshape(len(array), *wanted.shape)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Dimensions of 1 order nothing: (28, 28) is as good as (1, 28, 28, 1)."""
    return tuple(size for size in shape if size != 1)


def _check_finite(source: str, wanted: ModelInput, array: AnyArray) -> None:
    finite = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{source}: input {wanted.name!r} holds NaN or infinite values in "
            f"{np.count_nonzero(~finite)} of {len(array)} samples, first in sample "
            f"{int(np.argmin(finite))}.",
            "Remove those samples.",
        )


def user_function(name: str, otherwise: str) -> Callable[..., Any]:
    """``module:function``; the message says ``otherwise``, and why, if there is none."""
    module_name, _, function_name = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{otherwise}: {error}.",
            "The module is looked for in the current folder and in Python's path.",
        ) from error
    finally:
        sys.path.pop(0)
    return function


def _from_function(name: str) -> Mapping[str, Any] | AnyArray:
    function = user_function(name, f"{name} is neither a file nor module:function")
    try:
        result = function()
        if isinstance(result, Mapping | np.ndarray):
            return result
        return _stacked(name, list(itertools.islice(iter(result), GENERATED_AT_MOST)))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{name} failed: {type(error).__name__}: {error}.") from error


def _stacked(name: str, samples: Sequence[Any]) -> Mapping[str, AnyArray] | AnyArray:
    """Samples one by one → arrays by input name."""
    if not samples:
        raise InputError(f"{name} gave no samples.")
    if not isinstance(samples[0], Mapping):
        return np.stack([np.asarray(sample) for sample in samples])
    return {key: np.stack([np.asarray(sample[key]) for sample in samples]) for key in samples[0]}
