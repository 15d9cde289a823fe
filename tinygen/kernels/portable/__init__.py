# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the portable C99 kernels in ``firmware/kernels/portable``, one file a family."""
