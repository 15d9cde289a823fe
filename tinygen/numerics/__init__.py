# SPDX-License-Identifier: Apache-2.0
"""Fixed-point arithmetic, rounding and look-up tables; nothing here knows an operator."""

from __future__ import annotations

from enum import Enum


class Numerics(Enum):
    """Whose arithmetic is reproduced bit for bit.

    ``TFLM`` is TensorFlow Lite Micro's reference kernels (CMSIS-NN computes the same). ``LITERT`` is
    LiteRT's built-in reference kernels, which round once in FULLY_CONNECTED and rescale in RELU6.
    """

    TFLM = "tflm"
    LITERT = "litert"
