# SPDX-License-Identifier: Apache-2.0
"""A model ready to be computed: what both the NumPy reference and the Plan are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinygen.ir.graph import AnyArray, Graph, Numerics, Tensor
from tinygen.ir.layer import Layer


@dataclass(frozen=True, eq=False)
class Network:
    """A model ready to be computed: layers in execution order over run-time tensors.

    ``tensors`` holds the run-time tensors by index; ``inputs`` and ``outputs`` are the model's, in
    the order of the generated ``_input_K`` and ``_output_K``. A tensor may be listed several times.
    ``constants`` are outputs that nothing computes, because the file has their values.
    """

    graph: Graph
    numerics: Numerics
    layers: tuple[Layer, ...]
    tensors: Mapping[int, Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: Mapping[int, AnyArray] = field(default_factory=dict)
    """Values after a reset of the tensors that are kept from one inference to the next."""

    constants: Mapping[int, Tensor] = field(default_factory=dict)

    @property
    def computed_outputs(self) -> tuple[int, ...]:
        """The outputs that are in the arena when an inference is done."""
        return tuple(index for index in self.outputs if index not in self.constants)

    def port(self, index: int) -> Tensor:
        """An input or output."""
        return self.constants[index] if index in self.constants else self.tensors[index]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)
