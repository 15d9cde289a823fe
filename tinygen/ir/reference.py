# SPDX-License-Identifier: Apache-2.0
"""The reference interpreter: a Network computed in NumPy integers, every intermediate kept."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence

import numpy as np

from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray
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

    Floating-point inputs are uniform over [-1, 1).
    """
    generator = np.random.default_rng(seed)
    drawn: list[list[AnyArray]] = []
    for _ in range(samples):
        sample: list[AnyArray] = []
        for index in network.inputs:
            tensor = network.tensors[index]
            dtype = tensor.dtype.numpy
            assert dtype is not None
            if dtype.kind == "f":
                sample.append(generator.uniform(-1, 1, tensor.shape).astype(dtype))
            elif dtype.kind == "b":
                sample.append(generator.integers(0, 2, tensor.shape).astype(dtype))
            else:
                info = np.iinfo(dtype.name)
                sample.append(
                    generator.integers(info.min, info.max, tensor.shape, dtype=dtype, endpoint=True)
                )
        drawn.append(sample)
    return drawn
