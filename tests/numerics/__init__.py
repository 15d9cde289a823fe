# SPDX-License-Identifier: Apache-2.0
"""Fixed-point arithmetic against an independent formulation of it."""
