# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the 16-bit SIMD kernels in ``firmware/kernels/dsp``, for Cortex-M4, M7 and M33."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.dsp import (
    depthwise,
    depthwise_any,
    depthwise_single,
    elementwise,
    gemm,
    gemm_fully_connected,
    pooling,
    winograd,
)
from tinygen.kernels.kernel import GrowingKernel, Kernel

KERNELS: Sequence[Kernel] = (
    *depthwise.KERNELS,
    *depthwise_any.KERNELS,
    *depthwise_single.KERNELS,
    *elementwise.KERNELS,
    *gemm.KERNELS,
    *gemm_fully_connected.KERNELS,
    *pooling.KERNELS,
)
"""Every DSP kernel that reads the model's weights, packed."""

COMPACT_KERNELS: Sequence[Kernel] = (
    *depthwise_any.KERNELS,
    *depthwise_single.KERNELS,
    *elementwise.KERNELS,
    *gemm.COMPACT_KERNELS,
    *gemm_fully_connected.COMPACT_KERNELS,
    *pooling.KERNELS,
)
"""The same for little code rather than for speed."""

GROWING_KERNELS: Sequence[GrowingKernel] = winograd.KERNELS
"""Those that read transformed weights, larger than the model's."""
