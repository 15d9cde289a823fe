# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the portable C99 kernels in ``firmware/kernels/portable``, one file a family."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.kernel import Kernel
from tinygen.kernels.portable import convolution, fully_connected

KERNELS: Sequence[Kernel] = (
    *convolution.KERNELS,
    *fully_connected.KERNELS,
)
"""Every portable kernel."""
