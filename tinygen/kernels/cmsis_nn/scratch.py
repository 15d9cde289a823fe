# SPDX-License-Identifier: Apache-2.0
"""How much scratch memory CMSIS-NN's functions ask for, in bytes.

Each formula gives the most that any release from 4.0.0 to the newest asks for on the core, or uses
without asking; that is at most a few bytes more than a release itself says. Source: the
``arm_*_get_buffer_size`` functions, with which the tests compare.
"""

from __future__ import annotations

from tinygen.hardware.cores import Core
from tinygen.ir.window import Window
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.pooling import Pool2D

_DEPTHWISE_BLOCK = 124
"""Channels that the depthwise convolution takes at once on MVE (``CH_IN_BLOCK_MVE``)."""


def _rounded_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def is_pointwise(window: Window, grouped: bool) -> bool:
    """Whether the wrapper takes the layer for a matrix product (``arm_nn_is_convolve_1x1``)."""
    return not grouped and all(
        (axis.size, axis.dilation, axis.pad) == (1, 1, 0) for axis in (window.height, window.width)
    )


def is_one_row(window: Window, channels: int, grouped: bool) -> bool:
    """Whether some release's wrapper may take its 1xN path (``arm_nn_is_convolve_1_x_n``)."""
    rows, columns = window.height, window.width
    one_row = (rows.input, rows.size, columns.dilation) == (1, 1, 1) and not grouped
    return one_row and (columns.stride * channels % 4 == 0 or columns.output % 4 == 0)


def _image_to_columns(taps: int, core: Core) -> int:
    """Scratch of ``arm_convolve_s8`` for kernels of ``taps`` weights."""
    if core.mve:
        return 4 * _rounded_up(taps, 16)
    return 2 * 2 * _rounded_up(taps, 4)


def _convolution(window: Window, depth: int, grouped: bool, core: Core) -> int:
    if is_pointwise(window, grouped):
        # Only armclang's code uses a buffer, and only at stride 1, for two columns of int16.
        unit_stride = window.height.stride == window.width.stride == 1
        return 4 * depth if core.dsp and not core.mve and unit_stride else 0
    taps = window.height.size * window.width.size * depth
    return _image_to_columns(taps, core)


def convolution(layer: Conv2D, core: Core) -> int:
    """``arm_convolve_wrapper_s8`` and ``arm_convolve_s8``.

    The 1xN path of MVE either needs none (4.0.0), or is taken only without padding (see
    ``convolution.py``) and then copies one kernel's width of the image, which is less than the four
    columns of the general path. For grouped convolutions a column has all input channels.
    """
    return _convolution(layer.window, layer.input_shape[3], layer.groups > 1, core)


def depthwise(layer: DepthwiseConv2D, core: Core) -> int:
    """``arm_depthwise_conv_wrapper_s8``."""
    rows, columns = layer.window.height, layer.window.width
    taps = rows.size * columns.size
    channels = layer.output_shape[3]
    size = 0
    blocked = (
        layer.depth_multiplier == 1
        and layer.input_shape[0] == 1
        and rows.dilation == columns.dilation == 1
    )
    if blocked and core.mve:
        size = 4 * _DEPTHWISE_BLOCK * taps
    elif blocked and core.dsp:
        unbuffered = (rows.size, columns.size) == (3, 3) and max(rows.pad, columns.pad) <= 1
        size = 0 if unbuffered else 2 * channels * taps
    if core.mve and layer.input_shape[3] == 1 and channels > 1:
        # From 7.0.0 on, such a layer is done as a convolution, of weights transposed at run time.
        as_convolution = _convolution(layer.window, 1, False, core) + channels * taps
        size = max(size, as_convolution)
    return size


def average_pool(layer: Pool2D, core: Core) -> int:
    """``arm_avgpool_s8``: a row of int32 sums on cores with DSP instructions."""
    return 4 * layer.input_shape[3] if core.dsp and not core.mve else 0
