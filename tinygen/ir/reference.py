# SPDX-License-Identifier: Apache-2.0
"""The reference interpreter: a Network computed in NumPy integers, every intermediate kept."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence

import numpy as np

from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray, Tensor
from tinygen.ir.layer import evaluate
from tinygen.ir.network import Network


def run(
    network: Network,
    inputs: Sequence[AnyArray],
    states: MutableMapping[int, AnyArray] | None = None,
) -> Mapping[int, AnyArray]:
    """Compute one inference and return every run-time tensor by index.

    ``inputs`` are the model's inputs, shaped and typed as their tensors; InputError otherwise.
    ``states`` are the kept tensors as the inference before left them, which this one replaces
    (an empty mapping to begin with); without them the inference starts as after a reset.
    """
    if len(inputs) != len(network.inputs):
        raise InputError(
            f"{network.graph.source} has {len(network.inputs)} inputs, {len(inputs)} were given."
        )
    values: dict[int, AnyArray] = {**network.states, **(states or {})}
    values.update((i, t.data) for i, t in network.constants.items() if t.data is not None)
    for index, value in zip(network.inputs, inputs, strict=True):
        tensor = network.tensors[index]
        if value.shape != tensor.shape or value.dtype != tensor.dtype.numpy:
            raise InputError(
                f"input {tensor.name!r} is {tensor.dtype.numpy} {list(tensor.shape)}, but "
                f"{value.dtype} {list(value.shape)} was given."
            )
        values[index] = value
    evaluate(network.layers, values)
    if states is not None:
        states.update((index, values[index]) for index in network.states)
    return values


def outputs(
    network: Network,
    inputs: Sequence[AnyArray],
    states: MutableMapping[int, AnyArray] | None = None,
) -> list[AnyArray]:
    """Compute one inference and return the model's outputs; ``states`` as for ``run``."""
    values = run(network, inputs, states)
    return [values[index] for index in network.outputs]


def random_inputs(network: Network, samples: int, seed: int) -> list[list[AnyArray]]:
    """Seeded inputs, uniform over each element type's whole range: samples × inputs.

    Floating-point inputs are uniform over [-1, 1). An input that the model lists several times has
    one value.
    """
    generator = np.random.default_rng(seed)
    drawn: list[list[AnyArray]] = []
    for _ in range(samples):
        sample = {
            index: _random(generator, network.tensors[index])
            for index in dict.fromkeys(network.inputs)
        }
        drawn.append([sample[index] for index in network.inputs])
    return drawn


def _random(generator: np.random.Generator, tensor: Tensor) -> AnyArray:
    dtype = tensor.dtype.numpy
    assert dtype is not None
    if dtype.kind == "f":
        return generator.uniform(-1, 1, tensor.shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, tensor.shape).astype(dtype)
    info = np.iinfo(dtype.name)
    return generator.integers(info.min, info.max, tensor.shape, dtype=dtype, endpoint=True)
