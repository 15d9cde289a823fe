# SPDX-License-Identifier: Apache-2.0
"""Who lives when, and where in the arena."""
