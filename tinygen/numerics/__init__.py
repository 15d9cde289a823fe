# SPDX-License-Identifier: Apache-2.0
"""Fixed-point arithmetic, rounding and look-up tables; nothing here knows an operator."""
