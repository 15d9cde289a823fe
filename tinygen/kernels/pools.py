# SPDX-License-Identifier: Apache-2.0
"""Calls of AVERAGE_POOL_2D and MAX_POOL_2D, whose parameters are the same in every library of ours."""

from __future__ import annotations

from tinygen.kernels.bands import rows_binding
from tinygen.kernels.binding import Binding, Call
from tinygen.kernels.kernel import Bands
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.overlap import image_overlaps
from tinygen.kernels.row_sums import average_rows_binding
from tinygen.kernels.structs import struct
from tinygen.ops.pooling import AveragePool2D, Pool2D


def pool_binding(layer: Pool2D, library: str) -> Binding:
    """The pool of a whole image; rows of the output in order."""
    prefix = "" if library == "portable" else f"{library}_"
    kind = "average" if isinstance(layer, AveragePool2D) else "max"
    parameters = struct("tinygen_pool2d_s8_params", layer)
    return Binding(
        calls=(Call(f"tinygen_{prefix}{kind}_pool2d_s8", (parameters, *in_and_out(layer))),),
        headers=(f"{library}/pool2d_s8.h",),
        overlaps=image_overlaps(layer),
    )


def pool_bands_binding(layer: Pool2D, library: str, bands: Bands) -> Binding:
    """The pool by bands; of the average of a whole image they are bands of its rows."""
    if isinstance(layer, AveragePool2D) and layer.accumulates:
        return average_rows_binding(layer, library)
    return rows_binding(pool_binding(layer, library), bands)
