# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the portable C99 kernels in ``firmware/kernels/portable``, one file a family."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.kernel import Kernel
from tinygen.kernels.portable import (
    accumulate,
    binary,
    circular_buffer,
    convert,
    convolution,
    custom,
    elementwise,
    fully_connected,
    gather,
    lstm,
    matmul,
    movement,
    pooling,
    reduce,
    reduction,
    rows,
    signal,
    signal_frames,
    softmax,
    strided,
    svdf,
    transpose_conv,
    wide,
)

KERNELS: Sequence[Kernel] = (
    *accumulate.KERNELS,
    *binary.KERNELS,
    *circular_buffer.KERNELS,
    *convert.KERNELS,
    *convolution.KERNELS,
    *custom.KERNELS,
    *elementwise.KERNELS,
    *fully_connected.KERNELS,
    *gather.KERNELS,
    *lstm.KERNELS,
    *matmul.KERNELS,
    *movement.KERNELS,
    *pooling.KERNELS,
    *reduce.KERNELS,
    *reduction.KERNELS,
    *rows.KERNELS,
    *signal.KERNELS,
    *signal_frames.KERNELS,
    *softmax.KERNELS,
    *strided.KERNELS,
    *svdf.KERNELS,
    *transpose_conv.KERNELS,
    *wide.KERNELS,
)
"""Every portable kernel."""
