# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the Helium kernels in ``firmware/kernels/mve``, for Cortex-M55 and M85."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.kernel import Kernel
from tinygen.kernels.mve import (
    add,
    convolution,
    depthwise,
    depthwise_single,
    fully_connected,
    pooling,
)

KERNELS: Sequence[Kernel] = (
    *add.KERNELS,
    *convolution.KERNELS,
    *depthwise.KERNELS,
    *depthwise_single.KERNELS,
    *fully_connected.KERNELS,
    *pooling.KERNELS,
)
"""Every Helium kernel."""
