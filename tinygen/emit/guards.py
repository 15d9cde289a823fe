# SPDX-License-Identifier: Apache-2.0
"""What an assembly listing needs of who compiles it: a condition for the preprocessor, and a sentence.

The macros are those of Arm's C Language Extensions (ACLE 2024Q3). For unaligned access clang 14 has
none, though it makes use of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinygen.hardware.cores import Core


@dataclass(frozen=True)
class Guard:
    """Where ``condition`` holds, the listing cannot be assembled or run, as ``message`` says."""

    condition: str
    message: str


_UNALIGNED = Guard(
    "!defined(__ARM_FEATURE_UNALIGNED) && !defined(__clang__)",
    "This listing reads words from any address. Compile without -mno-unaligned-access and leave "
    "CCR.UNALIGN_TRP off, or define TINYGEN_NO_ASSEMBLY",
)


def guards(listing: str, core: Core) -> Iterator[Guard]:
    """Those of a listing below ``firmware/kernels``, generated for a core."""
    other_core = (
        f"This listing was generated for {core.name}. Compile with {' '.join(core.gcc_flags)}, or "
        "generate it with --target for the core that is compiled for"
    )
    folder, _, name = listing.partition("/")
    if folder == "mve":
        yield Guard("!defined(__ARM_FEATURE_MVE)", other_core)
    if folder == "dsp":
        yield Guard("!defined(__ARM_FEATURE_DSP)", other_core)
        yield _UNALIGNED
    if name.endswith("_v7m.inc"):
        yield Guard("TINYGEN_BASELINE", other_core)
