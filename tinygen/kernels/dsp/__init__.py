# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the 16-bit SIMD kernels in ``firmware/kernels/dsp``, for Cortex-M4, M7 and M33."""
