# SPDX-License-Identifier: Apache-2.0
"""The Python side of the example: what RotateBits means, and which C function computes it."""

import numpy as np

import tinygen


@tinygen.custom_operator("RotateBits", function="rotate_bits", sources=["rotate_bits.c"])
def rotate_bits(options: bytes, values: np.ndarray) -> np.ndarray:
    """Each byte rotated left by the first byte of the options."""
    bits = options[0] & 7 if options else 0
    unsigned = values.view(np.uint8).astype(np.uint32)
    return (unsigned << bits | unsigned >> (8 - bits)).astype(np.uint8).view(np.int8)
