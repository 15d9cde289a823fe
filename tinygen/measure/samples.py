# SPDX-License-Identifier: Apache-2.0
"""Input samples from .npy and .npz files, checked against the model's inputs."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tinygen.errors import InputError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray, Tensor
from tinygen.ir.network import Network

LABELS = "labels"
"""Name of the array of class numbers in a .npz."""


Samples = int | str | Path | AnyArray | Sequence[AnyArray] | Mapping[str, AnyArray]
"""How many random ones, a file, or an array for each input."""


def chosen_samples(
    network: Network, samples: Samples, seed: int
) -> tuple[list[list[AnyArray]], list[int] | None]:
    """Samples × inputs, and their class numbers if a file has them.

    A .npy holds the samples of the only input; a .npz holds one array an input, by the tensor's
    name or in order, and may hold ``labels``, one class number a sample. Each array is (samples,
    …the input's shape, its batch of 1 optional); an input that the model lists several times has
    one. Values must already have the input's element type,
    or be exactly representable in it.
    """
    if isinstance(samples, int | np.integer):
        if samples < 1:
            raise InputError(f"{samples} samples show nothing.", "Ask for 1 at the least.")
        if seed < 0:
            raise InputError(f"a seed is 0 or more, not {seed}.")
        return reference.random_inputs(network, int(samples), seed), None
    if not isinstance(samples, str | Path):
        return _rows("the samples", samples, network), None
    content = read_arrays(Path(samples))
    labels = content.pop(LABELS, None) if isinstance(content, dict) else None
    rows = _rows(str(samples), content, network)
    return rows, None if labels is None else _class_numbers(str(samples), labels, len(rows))


def read_arrays(path: Path) -> AnyArray | dict[str, AnyArray]:
    """The array of a .npy, or those of a .npz by name."""
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            return {name: content[name] for name in content.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} cannot be read as .npy or .npz: {str(error).splitlines()[0]}.",
            "Write it with numpy.save or numpy.savez.",
        ) from error


def _rows(
    source: str, given: AnyArray | Sequence[AnyArray] | Mapping[str, AnyArray], network: Network
) -> list[list[AnyArray]]:
    inputs = [network.tensors[index] for index in dict.fromkeys(network.inputs)]
    if not inputs:
        raise InputError(
            f"{network.graph.source} has no inputs, so there are no samples to give.",
            "Leave --input out: --samples says how often it runs.",
        )
    arrays = zip(inputs, _arrays(source, given, inputs), strict=True)
    columns = {
        tensor.index: _samples_of(source, tensor, np.asarray(array)) for tensor, array in arrays
    }
    counts = {len(column) for column in columns.values()}
    if len(counts) != 1:
        listed = ", ".join(str(len(column)) for column in columns.values())
        raise InputError(f"{source}: the inputs have different numbers of samples ({listed}).")
    return [[columns[i][number] for i in network.inputs] for number in range(*counts)]


def _class_numbers(source: str, labels: AnyArray, samples: int) -> list[int]:
    if labels.size != samples or labels.dtype.kind not in "iu":
        raise InputError(
            f"{source}: {LABELS!r} must be {samples} whole numbers, one a sample, not "
            f"{list(labels.shape)} {labels.dtype}."
        )
    return [int(label) for label in labels.reshape(-1)]


def _arrays(
    source: str,
    given: AnyArray | Sequence[AnyArray] | Mapping[str, AnyArray],
    inputs: Sequence[Tensor],
) -> Sequence[AnyArray]:
    """An array for each input, in order."""
    if isinstance(given, np.ndarray):
        if len(inputs) != 1:
            raise InputError(
                f"{source} holds one array, but the model has {len(inputs)} inputs.",
                "Use a .npz with one array an input.",
            )
        return [given]
    named: Mapping[str, AnyArray] = (
        given
        if isinstance(given, Mapping)
        else {str(number): array for number, array in enumerate(given)}
    )
    if all(tensor.name in named for tensor in inputs):
        return [named[tensor.name] for tensor in inputs]
    if len(named) != len(inputs):
        raise InputError(
            f"{source} holds the arrays {', '.join(named)}, but the model's inputs are "
            f"{', '.join(tensor.name for tensor in inputs)}.",
            "Name the arrays after the inputs.",
        )
    return list(named.values())


def _samples_of(source: str, tensor: Tensor, array: AnyArray) -> AnyArray:
    without_batch = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    if array.shape[1:] not in (tensor.shape, without_batch) or not len(array):
        raise InputError(
            f"{source}: input {tensor.name!r} needs samples of shape {list(tensor.shape)}, there are "
            f"{list(array.shape)}.",
            "The first dimension counts the samples.",
        )
    dtype = tensor.dtype.numpy
    assert dtype is not None
    if array.dtype.kind not in "iufb":
        raise InputError(f"{source}: input {tensor.name!r} is {array.dtype}, not a number.")
    converted = array.astype(dtype)
    if not np.array_equal(converted, array, equal_nan=array.dtype.kind == "f"):
        raise InputError(
            f"{source}: input {tensor.name!r} holds values that {dtype} cannot represent.",
            "Quantize the samples with the input's scale and zero point first.",
        )
    return converted.reshape(len(array), *tensor.shape)
