# SPDX-License-Identifier: Apache-2.0
"""What the descriptors of the Helium kernels share."""

from __future__ import annotations

from collections.abc import Callable

from tinygen.hardware.cores import Feature
from tinygen.kernels.binding import Overlap
from tinygen.kernels.kernel import Kernel, LayerT, Offer, Refusal, kernel
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D


def helium(
    name: str, layer_type: type[LayerT]
) -> Callable[[Callable[[LayerT], Offer | Refusal]], Kernel]:
    """Makes a function that answers for layers of a type a kernel: alike on every core with Helium."""

    def described(ask: Callable[[LayerT], Offer | Refusal]) -> Kernel:
        whole = kernel(f"mve.{name}", layer_type, needs={Feature.MVE})
        return whole(lambda layer, _core: ask(layer))

    return described


def cut(total: int, most: int) -> list[tuple[int, int]]:
    """Pieces of ``most``, and one that is smaller if any is left over: (size, how many)."""
    whole, left = divmod(total, most)
    return [(size, count) for size, count in ((most, whole), (left, 1)) if size and count]


def bands_overlap(
    layer: Conv2D | DepthwiseConv2D, band_rows: int, *, rereads: bool
) -> tuple[Overlap, ...]:
    """Leave to write over the input, which is copied to scratch memory by bands of output rows.

    A kernel that ``rereads`` copies some channels of a band when it has written others.
    """
    if layer.input_shape[0] > 1:
        return ()
    rows = layer.window.height
    input_row = layer.input_shape[2] * layer.input_shape[3]
    output_row = layer.output_shape[2] * layer.output_shape[3]
    lead = 0
    for start in range(0, rows.output, band_rows):
        end = min(start + band_rows, rows.output)
        # The last band is as high as the others, and begins earlier for it.
        needed = max(0, max(0, end - band_rows) * rows.stride - rows.pad)
        lead = max(lead, (end if rereads else start) * output_row - needed * input_row)
    return (Overlap(layer.inputs[0], layer.outputs[0], lead),)
