# SPDX-License-Identifier: Apache-2.0
"""What a kernel offers that can compute a layer a band of rows at a time.

A band is a run of consecutive output rows (of input rows if the layer ``accumulates``). Bands come in
order from the first row. The rows of an input stand in a ring: row y in slot y modulo the ring's rows;
a ring of as many rows as the image has is the whole image. The caller gives bands such that

* the rows which a band writes, and input rows that are passed as a ``RowArgument``, are contiguous;
* the input rows that a band reads are all in the ring; a window may wrap there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tinygen.kernels.kernel import Binding, Kernel
from tinygen.ops.layer import Layer
from tinygen.targets.cores import Core


@dataclass(frozen=True)
class Bands:
    """How a layer is to be computed.

    ``input_rings`` are the rows that the memory of each run-time input holds (its height if whole);
    ``most`` is the most rows of one call.
    """

    input_rings: tuple[int, ...]
    most: int


@runtime_checkable
class BandKernel(Kernel, Protocol):
    """A kernel that can compute bands."""

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:
        """Why the kernel cannot compute a layer that it does not reject by such bands, or None."""

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer, the calls included, with all bands of ``most`` rows."""

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:
        """Fit the kernel: its call computes the band from ``FIRST_ROW`` to ``END_ROW``.

        Inputs are ``RingArgument`` or ``RowArgument``, the output is a ``RowArgument``.
        """
