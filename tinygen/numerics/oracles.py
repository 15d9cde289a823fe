# SPDX-License-Identifier: Apache-2.0
"""Which releases the two numerics were last compared with, over all operators and types."""

from __future__ import annotations

from tinygen.ir.graph import Numerics

ORACLES = {
    Numerics.TFLM: "tflite-micro 0.dev20261023182759",
    Numerics.LITERT: "ai-edge-litert 2.3.0",
}
"""Package and version on the Python package index; docs/numerics.md says how others differ."""
