# SPDX-License-Identifier: Apache-2.0
"""Which layers are computed by rows, and by what schedule."""
