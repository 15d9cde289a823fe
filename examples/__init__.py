# SPDX-License-Identifier: Apache-2.0
"""Models from data to microcontroller: each ``python -m examples.NAME``, from the repository's root."""
