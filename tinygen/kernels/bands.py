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

from collections.abc import Callable
from dataclasses import replace

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels import binding as k
from tinygen.kernels.kernel import Bands, ByBands, Kernel, Offer, Provider
from tinygen.kernels.waits import Waits
from tinygen.ops.pooling import AveragePool2D
from tinygen.ops.reduce import Mean

CALL_CYCLES = 40.0
"""What a band's call costs beside its work: the schedule, the function, its parameters."""


_SUM_CYCLES = 10.0
"""What a channel's sum costs a band beside the additions."""


def in_rows(layer: Layer, cycles: float, bind: Callable[[], k.Binding]) -> Offer:
    """The offer of a kernel whose C function has a form for rows, which does any bands as well."""

    def by_bands(bands: Bands) -> Offer:
        return Offer(cycles + calls_cost(layer, bands), lambda: rows_binding(bind(), bands))

    return Offer(cycles, bind, by_bands)


def ways(asked: Kernel, layer: Layer, core: Core, waits: Waits | None = None) -> ByBands | None:
    """What a kernel offers for a layer by bands; None if it cannot do it by any.

    An elementwise layer is computed a row a call, by any of our kernels fitted to a layer of one row.
    """
    axes = layer.row_axes
    if asked.provider is not Provider.TINYGEN or axes is None:
        return None
    whole = asked.offer(layer, core, waits)
    if not isinstance(whole, Offer):
        return None
    row = layer.one_row()
    if row is None:
        return whole.by_bands
    one = asked.offer(row, core, waits)
    if not isinstance(one, Offer):
        return None
    offer = Offer(
        axes[0].output * (one.cycles + CALL_CYCLES),
        lambda: _with_arguments(one.bind(), _row_argument),
    )
    return lambda bands: offer if bands.most == 1 else None


def calls_cost(layer: Layer, bands: Bands) -> float:
    """Estimated cycles of the calls alone, if all bands but the last have ``most`` rows."""
    axis = (layer.row_axes or ())[0]
    if layer.accumulates:
        assert isinstance(layer, Mean | AveragePool2D)
        sums = layer.input_shape[3] * _SUM_CYCLES
        return -(-axis.input // bands.most) * (CALL_CYCLES + sums)
    return -(-axis.output // bands.most) * CALL_CYCLES


def rows_binding(binding: k.Binding, bands: Bands) -> k.Binding:
    """The binding of ``NAME_rows`` made from that of ``NAME``.

    ``NAME_rows`` takes the same arguments, with the input's ring and the band's first output row in the
    places of the tensors, then the rows of the band. Fields ``input_ring_rows`` and
    ``input_ring_phase`` of its parameters say what the ring is.
    """
    (call,) = binding.calls
    arguments = [
        _with_ring(argument, *bands.ring)
        if isinstance(argument, k.Struct)
        else _ring_argument(argument)
        for argument in call.arguments
    ]
    assert arguments != list(call.arguments), call.function
    banded = replace(
        call, function=f"{call.function}_rows", arguments=(*arguments, k.FIRST_ROW, k.END_ROW)
    )
    return replace(binding, calls=(banded,), overlaps=())


def _with_ring(struct: k.Struct, rows: int, phase: int) -> k.Struct:
    fields: list[tuple[str, k.Field]] = []
    for key, value in struct.fields:
        if isinstance(value, k.Struct):
            fields.append((key, _with_ring(value, rows, phase)))
        elif key == "input_ring_rows":
            fields += [(key, rows), ("input_ring_phase", phase)]
        else:
            fields.append((key, value))
    return replace(struct, fields=tuple(fields))


def _row_argument(argument: k.Argument) -> k.Argument:
    if isinstance(argument, k.TensorArgument):
        return k.RowArgument(argument.tensor, argument.writable, argument.ctype)
    return argument


def _ring_argument(argument: k.Argument) -> k.Argument:
    if isinstance(argument, k.TensorArgument) and not argument.writable:
        return k.RingArgument(argument.tensor, argument.ctype)
    return _row_argument(argument)


def _with_arguments(binding: k.Binding, change: Callable[[k.Argument], k.Argument]) -> k.Binding:
    return replace(
        binding,
        calls=tuple(
            replace(call, arguments=tuple(map(change, call.arguments))) for call in binding.calls
        ),
    )
