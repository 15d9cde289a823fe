# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the kernels in ``firmware/kernels/thumb``, for cores without SIMD: M0, M0+, M3."""
