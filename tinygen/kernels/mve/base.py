# SPDX-License-Identifier: Apache-2.0
"""What the descriptors of the Helium kernels share."""

from __future__ import annotations

CYCLES_PER_INSTRUCTION = 1.3
"""A Helium kernel's cycles against its instructions, on the Cortex-M55 timing model."""
NEEDS_MVE = "needs the vector extension MVE"
