# SPDX-License-Identifier: Apache-2.0
"""Real samples through a model of any type: by the reference, and by the generated C on this machine.

Every sample is an inference after a reset, also of models that keep a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygen.compilation import Compilation
from tinygen.errors import InputError
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray, Tensor
from tinygen.ir.network import Network
from tinygen.ir.progress import Progress
from tinygen.ops.quantized import INTEGER_RANGES
from tinygen.quantization.data import Dataset
from tinygen.run.runners import HostRunner
from tinygen.run.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Inferences:
    """Outputs of all samples: real values of each, (samples, …), from the reference and from the C.

    Of the ``compared`` output elements, in the model's own type, the bytes of ``differing`` differ.
    """

    outputs: tuple[AnyArray, ...]
    compiled: tuple[AnyArray, ...]
    compared: int
    differing: int


def encoded(tensor: Tensor, values: AnyArray) -> AnyArray:
    """Real values in a tensor's own type: rounded to the nearest step, halves away from zero."""
    quantization = tensor.quantization
    if tensor.dtype not in INTEGER_RANGES or quantization is None or not quantization.scales:
        plain: AnyArray = values.astype(tensor.dtype.numpy)
        return plain
    low, high = INTEGER_RANGES[tensor.dtype]
    steps = values.astype(np.float64) / quantization.scales[0]
    rounded = np.trunc(steps + np.copysign(0.5, steps)) + quantization.zero_points[0]
    integers: AnyArray = np.clip(rounded, low, high).astype(tensor.dtype.numpy)
    return integers


def decoded(tensor: Tensor, values: AnyArray) -> AnyArray:
    """What a tensor's values stand for, as float64."""
    quantization = tensor.quantization
    real: AnyArray = values.astype(np.float64)
    if quantization is not None and quantization.scales:
        real = (real - quantization.zero_points[0]) * quantization.scales[0]
    return real


def samples_of(network: Network, data: Dataset) -> list[list[AnyArray]]:
    """The data as the network takes it: samples × inputs.

    Raises:
        InputError: number or size of the inputs differ.
    """
    arrays = list(data.inputs.values())
    tensors = [network.tensors[index] for index in network.inputs]
    sizes = [values.size // max(data.count, 1) for values in arrays]
    if sizes != [tensor.elements for tensor in tensors]:
        raise InputError(
            f"{network.graph.source} takes inputs of {[t.elements for t in tensors]} elements, "
            f"{data.source} has {sizes}."
        )
    columns = [
        encoded(tensor, values).reshape(data.count, *tensor.shape)
        for tensor, values in zip(tensors, arrays, strict=True)
    ]
    return [[column[number] for column in columns] for number in range(data.count)]


def infer(
    compilation: Compilation,
    samples: Sequence[Sequence[AnyArray]],
    work_directory: Path,
    progress: Progress,
) -> Inferences:
    """Run every sample through the reference and through the C, compiled for this machine.

    The compilation is for the core ``host``; build products go below ``work_directory``.
    """
    network = compilation.network
    tensors = [network.port(index) for index in network.outputs]
    image = Workspace(compilation, board("host"), work_directory).image()
    compiled: list[list[AnyArray]] = []
    with HostRunner().start(image) as session:
        for number, sample in enumerate(samples):
            progress(f"{compilation.name}: sample {number + 1} of {len(samples)} in C")
            session.reset()
            answers = session.run([value.tobytes() for value in sample])
            compiled.append(
                [
                    np.frombuffer(answer, dtype=tensor.dtype.numpy).reshape(tensor.shape)
                    for tensor, answer in zip(tensors, answers, strict=True)
                ]
            )
    expected = []
    for number, sample in enumerate(samples):
        progress(f"{compilation.name}: sample {number + 1} of {len(samples)} by the reference")
        expected.append(reference.outputs(network, sample))
    ours, theirs = (
        [np.stack([outputs[k] for outputs in all_]) for k in range(len(tensors))]
        for all_ in (expected, compiled)
    )
    return Inferences(
        outputs=_decoded(tensors, ours),
        compiled=_decoded(tensors, theirs),
        compared=sum(values.size for values in ours),
        differing=sum(_differing(a, b) for a, b in zip(ours, theirs, strict=True)),
    )


def _decoded(tensors: Sequence[Tensor], values: Sequence[AnyArray]) -> tuple[AnyArray, ...]:
    return tuple(decoded(tensor, array) for tensor, array in zip(tensors, values, strict=True))


def _differing(expected: AnyArray, got: AnyArray) -> int:
    """Elements whose bytes differ."""
    bits = np.dtype(f"u{expected.dtype.itemsize}")
    return int(np.count_nonzero(expected.view(bits) != np.ascontiguousarray(got).view(bits)))
