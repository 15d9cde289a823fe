# SPDX-License-Identifier: Apache-2.0
"""Operators with everything that their tests need in one file each."""
