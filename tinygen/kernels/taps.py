# SPDX-License-Identifier: Apache-2.0
"""What kernels share that find a depthwise window's taps in a table: ``portable/depthwise_taps.h``."""

from __future__ import annotations

import numpy as np

from tinygen.ir.window import Axis
from tinygen.kernels.binding import Assembly, Struct
from tinygen.kernels.structs import struct
from tinygen.ops.convolution import DepthwiseConv2D

_MOST = 32767
"""The C structure counts in int16."""

COUNTS_BEYOND = f"counts beyond {_MOST:,}"
"""Why a layer is rejected whose numbers are larger."""


def taps_of(layer: DepthwiseConv2D) -> int:
    """Taps of a filter."""
    return layer.window.height.size * layer.window.width.size


def counts_beyond(layer: DepthwiseConv2D) -> bool:
    """Whether some number of the layer is too large for the structure."""
    rows, columns = layer.window.height, layer.window.width
    extents = (*layer.input_shape, *layer.output_shape, taps_of(layer))
    return max(*extents, rows.pad, rows.dilation, columns.pad, columns.dilation) > _MOST


def taps_scratch_bytes(layer: DepthwiseConv2D) -> int:
    """A table of taps, and a pixel of padding."""
    return 4 * taps_of(layer) + layer.input_shape[3]


def inside_positions(axis: Axis) -> int:
    """Output positions whose window lies inside the input."""
    reach = (axis.size - 1) * axis.dilation
    origins = np.arange(axis.output) * axis.stride - axis.pad
    return int(((origins >= 0) & (origins + reach < axis.input)).sum())


def taps_struct(layer: DepthwiseConv2D, pixel: Assembly) -> Struct:
    """``tinygen_depthwise_taps`` of a layer whose pixels the assembly computes."""
    return struct(
        "tinygen_depthwise_taps",
        layer,
        pixel=pixel,
        padding=layer.input_zero_point,
    )
