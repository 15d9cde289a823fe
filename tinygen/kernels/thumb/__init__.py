# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the kernels in ``firmware/kernels/thumb``, for cores without SIMD: M0, M0+, M3."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.kernel import Kernel
from tinygen.kernels.thumb import convolution, depthwise

KERNELS: Sequence[Kernel] = (*convolution.KERNELS, *depthwise.KERNELS)
"""Every kernel for cores without SIMD."""
