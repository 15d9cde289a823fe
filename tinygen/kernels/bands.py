# SPDX-License-Identifier: Apache-2.0
"""What a kernel offers that can compute a layer a band of rows at a time.

A band is a run of consecutive output rows (of input rows if the layer ``accumulates``). Bands come in
order from the first row. The rows of an input stand in a ring: row y in slot y (plus the ring's phase)
modulo the ring's rows; a ring of as many rows as the image has is the whole image. The caller gives
bands such that

* the rows which a band writes, and input rows that are passed as a ``RowArgument``, are contiguous;
* the input rows that a band reads are all in the ring; a window may wrap there.

An elementwise layer is computed a row a call, by any of our kernels fitted to a layer of one row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.kernel import (
    END_ROW,
    FIRST_ROW,
    Argument,
    Binding,
    Field,
    Kernel,
    Provider,
    RingArgument,
    RowArgument,
    Struct,
    TensorArgument,
)
from tinygen.ops.pooling import AveragePool2D
from tinygen.ops.reduction import Mean
from tinygen.ops.streaming import accumulates, one_row, row_axes


@dataclass(frozen=True)
class Bands:
    """How a layer is to be computed.

    ``input_rings`` are the rows that the memory of each run-time input holds (its height if whole);
    ``most`` is the most rows of one call; ``input_phases`` are the slots of the inputs' rows 0, all 0
    if left out.
    """

    input_rings: tuple[int, ...]
    most: int
    input_phases: tuple[int, ...] = ()

    @property
    def ring(self) -> tuple[int, int]:
        """Rows and phase of the first input's ring."""
        return self.input_rings[0], self.input_phases[0] if self.input_phases else 0


CALL_CYCLES = 40.0
"""What a band's call costs beside its work: the schedule, the function, its parameters."""


_SUM_CYCLES = 10.0
"""What a channel's sum costs a band beside the additions."""

WHOLE_ONLY = "computes whole layers only"
"""Why a kernel that has no bands rejects them."""


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


class ByRows(ABC):
    """The band methods of a kernel whose C function has a form for rows that does any bands as well."""

    @abstractmethod
    def cost(self, layer: Layer, core: Core) -> float:
        """Estimated cycles."""

    @abstractmethod
    def bind(self, layer: Layer, core: Core) -> Binding:
        """Fit the kernel to a layer that it does not reject."""

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """None: any bands will do."""
        return None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:
        """Estimated cycles of the whole layer by bands."""
        return self.cost(layer, core) + calls_cost(layer, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:
        """Fit the kernel to bands of the layer."""
        return rows_binding(self.bind(layer, core), bands)


def bands_rejected(kernel: Kernel, layer: Layer, core: Core, bands: Bands) -> str | None:
    """Why a kernel that does the layer cannot do it by such bands, or None if it can."""
    if kernel.provider is not Provider.TINYGEN:
        return WHOLE_ONLY
    if row_axes(layer) is None:
        return "the layer has no rows that could be computed one by one"
    row = one_row(layer)
    if row is not None:
        return kernel.rejects(row, core) if bands.most == 1 else "computes one row at a time"
    if isinstance(kernel, BandKernel):
        return kernel.bands_rejected(layer, core, bands)
    return WHOLE_ONLY


def calls_cost(layer: Layer, bands: Bands) -> float:
    """Estimated cycles of the calls alone, if all bands but the last have ``most`` rows."""
    axis = (row_axes(layer) or ())[0]
    if accumulates(layer):
        assert isinstance(layer, Mean | AveragePool2D)
        sums = layer.input_shape[3] * _SUM_CYCLES
        return -(-axis.input // bands.most) * (CALL_CYCLES + sums)
    return -(-axis.output // bands.most) * CALL_CYCLES


def bands_cost(kernel: Kernel, layer: Layer, core: Core, bands: Bands) -> float:
    """Estimated cycles of the whole layer by bands of ``most`` rows, the calls included."""
    row = one_row(layer)
    if row is not None:
        height = (row_axes(layer) or ())[0].output
        return height * (kernel.cost(row, core) + CALL_CYCLES)
    assert isinstance(kernel, BandKernel)
    return kernel.bands_cost(layer, core, bands)


def bind_bands(kernel: Kernel, layer: Layer, core: Core, bands: Bands) -> Binding:
    """Fit a kernel to bands that it does not reject."""
    row = one_row(layer)
    if row is not None:
        return _with_arguments(kernel.bind(row, core), _row_argument)
    assert isinstance(kernel, BandKernel)
    return kernel.bind_bands(layer, core, bands)


def rows_binding(binding: Binding, bands: Bands) -> Binding:
    """The binding of ``NAME_rows`` made from that of ``NAME``.

    ``NAME_rows`` takes the same arguments, with the input's ring and the band's first output row in the
    places of the tensors, then the rows of the band. Fields ``input_ring_rows`` and
    ``input_ring_phase`` of its parameters say what the ring is.
    """
    (call,) = binding.calls
    arguments = [
        _with_ring(argument, *bands.ring)
        if isinstance(argument, Struct)
        else _ring_argument(argument)
        for argument in call.arguments
    ]
    assert arguments != list(call.arguments), call.function
    banded = replace(
        call, function=f"{call.function}_rows", arguments=(*arguments, FIRST_ROW, END_ROW)
    )
    return replace(binding, calls=(banded,), overlaps=())


def _with_ring(struct: Struct, rows: int, phase: int) -> Struct:
    fields: list[tuple[str, Field]] = []
    for key, value in struct.fields:
        if isinstance(value, Struct):
            fields.append((key, _with_ring(value, rows, phase)))
        elif key == "input_ring_rows":
            fields += [(key, rows), ("input_ring_phase", phase)]
        else:
            fields.append((key, value))
    return replace(struct, fields=tuple(fields))


def _row_argument(argument: Argument) -> Argument:
    if isinstance(argument, TensorArgument):
        return RowArgument(argument.tensor, argument.writable, argument.ctype)
    return argument


def _ring_argument(argument: Argument) -> Argument:
    if isinstance(argument, TensorArgument) and not argument.writable:
        return RingArgument(argument.tensor, argument.ctype)
    return _row_argument(argument)


def _with_arguments(binding: Binding, change: Callable[[Argument], Argument]) -> Binding:
    return replace(
        binding,
        calls=tuple(
            replace(call, arguments=tuple(map(change, call.arguments))) for call in binding.calls
        ),
    )
