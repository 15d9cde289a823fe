# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the Helium kernels in ``firmware/kernels/mve``, for Cortex-M55 and M85."""
