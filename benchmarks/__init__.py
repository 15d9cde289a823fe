# SPDX-License-Identifier: Apache-2.0
"""Comparisons with other runtimes, repeatable on any machine with the tools of ``tinygen doctor``."""
