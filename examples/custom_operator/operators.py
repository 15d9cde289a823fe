# SPDX-License-Identifier: Apache-2.0
"""The Python side of the example: what RotateBits means, and which C function computes it."""

from pathlib import Path

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.ops.custom import CustomOperator, register_custom_operator


def rotate_bits(options: bytes, values: AnyArray) -> tuple[AnyArray, ...]:
    """Each byte rotated left by the first byte of the options."""
    bits = options[0] & 7 if options else 0
    unsigned = values.view(np.uint8).astype(np.uint32)
    return ((unsigned << bits | unsigned >> (8 - bits)).astype(np.uint8).view(np.int8),)


register_custom_operator(
    CustomOperator(
        code="RotateBits",
        reference=rotate_bits,
        function="rotate_bits",
        sources=(Path(__file__).parent / "rotate_bits.c",),
    )
)
