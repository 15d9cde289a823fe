# SPDX-License-Identifier: Apache-2.0
"""From an accumulator to an output: multipliers and shifts that fit a kernel."""
